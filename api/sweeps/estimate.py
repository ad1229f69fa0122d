"""Cost estimates of submissions."""

from api.sweeps.admission import core_seconds
from api.sweeps.queue_stats import QueueStats
from api.sweeps.supported_configs import stored_model_bytes
from api.sweeps.workers import Workers
from noisesweep.models import Estimate, SweepRequest
from shared.datasets import facts_of, run_work


async def estimate(
    request: SweepRequest, reused_runs: int, submitter: str, stats: QueueStats, workers: Workers, *, pace: float | None
) -> Estimate:
    """Return the cost of the sweep's new runs, and the estimated time until they are trained.

    The time covers the runs that start before the last new one, and the new runs. It assumes that all live training
    processes share this work at the recently measured `pace`. It is at least the time of one run. It is None if no
    similar epoch was measured or no worker is alive.
    """
    runs = len(request.grid()) - reused_runs
    work = run_work(request)
    queue = await stats.state(submitter, max(0, runs - 1) * work)
    processes = await workers.processes()
    seconds = None if runs else 0.0
    if runs and pace and processes:
        seconds = round(max(work, (queue.work_before + runs * work) / processes) / pace, 2)
    return Estimate(
        runs=runs + reused_runs,
        reused_runs=reused_runs,
        images=runs * request.epochs * (facts_of(request).training_images - request.holdout),
        estimated_seconds=seconds,
        queue_position=queue.runs_before,
        core_seconds=core_seconds(request, runs, pace),
        model_bytes=stored_model_bytes(request, runs),
    )
