"""Cost estimates of submissions."""

from api.sweeps.admission import core_seconds
from api.sweeps.paces import Capacity, mean_pace
from api.sweeps.queue_stats import QueueStats
from api.sweeps.supported_configs import stored_model_bytes
from noisesweep.models import Estimate, SweepRequest
from shared.datasets import facts_of, run_work


async def estimate(
    request: SweepRequest, reused_runs: int, submitter: str, stats: QueueStats, capacity: Capacity | None
) -> Estimate:
    """Return the cost of the sweep's new runs, and the estimated time until they are trained.

    The time covers the runs that start before the last new one, and the new runs. It assumes that all live training
    processes share this work, each at the pace of its device. It is at least the time of one run on the fastest
    device. It is None if no worker is alive, or if nothing is known about their devices.
    """
    runs = len(request.grid()) - reused_runs
    work = run_work(request)
    queue = await stats.state(submitter, max(0, runs - 1) * work)
    seconds = None if runs else 0.0
    if runs and capacity:
        seconds = round(max(work / capacity.fastest, (queue.work_before + runs * work) / capacity.total), 2)
    return Estimate(
        runs=runs + reused_runs,
        reused_runs=reused_runs,
        images=runs * request.epochs * (facts_of(request).training_images - request.holdout),
        estimated_seconds=seconds,
        is_rough=bool(runs and capacity and capacity.is_rough),
        queue_position=queue.runs_before,
        core_seconds=core_seconds(request, runs, mean_pace(capacity)),
        model_bytes=stored_model_bytes(request, runs),
    )
