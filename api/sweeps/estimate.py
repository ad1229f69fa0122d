"""Estimates of what a submission would cost."""

from api.sweeps.queue_stats import QueueStats
from api.sweeps.workers import Workers
from noisesweep.models import Estimate, SweepRequest
from shared.datasets import CATALOGUE, run_work


async def estimate(request: SweepRequest, reused_runs: int, stats: QueueStats, workers: Workers) -> Estimate:
    """Return what the sweep would cost without its reused runs, and how long it would take with the queue before it.

    The time is that of all work before it and its own, at the measured pace of a training process, shared by all
    living processes, and at least that of one of its runs alone. It is None if no similar epoch was measured yet or
    no worker is alive.
    """
    runs = len(request.grid()) - reused_runs
    queue, pace = await stats.queue(), await stats.pace(request)
    processes = sum(worker.processes for worker in await workers.listed() if worker.alive)
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
