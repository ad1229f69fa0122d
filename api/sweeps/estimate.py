"""Cost estimates of submissions."""

from api.sweeps.queue_stats import QueueStats
from api.sweeps.workers import Workers
from noisesweep.models import Estimate, SweepRequest
from shared.datasets import CATALOGUE, run_work


async def estimate(request: SweepRequest, reused_runs: int, stats: QueueStats, workers: Workers) -> Estimate:
    """Return the cost of the sweep's new runs, and the estimated time until they are trained.

    The time covers the queue and the new runs. It assumes that all live training processes share this work at the
    recently measured pace. It is at least the time of one run. It is None if no similar epoch was measured or no
    worker is alive.
    """
    runs = len(request.grid()) - reused_runs
    queue, pace = await stats.queue(), await stats.pace(request)
    processes = sum(worker.processes for worker in await workers.list_all() if worker.alive)
    seconds = None if runs else 0.0
    if runs and pace and processes:
        work = run_work(request)
        seconds = round(max(work, (await stats.work() + runs * work) / processes) / pace, 2)
    return Estimate(
        runs=runs + reused_runs,
        reused_runs=reused_runs,
        images=runs * request.epochs * CATALOGUE[request.dataset].training_images,
        estimated_seconds=seconds,
        queue_position=queue.queued_runs,
    )
