"""What a submission would cost, without submitting it."""

from api.sweeps.queue_stats import Backlog
from api.sweeps.workers import Workers
from noisesweep.models import Estimate, SweepRequest
from shared.datasets import CATALOGUE, run_work


async def estimate(request: SweepRequest, reused_runs: int, backlog: Backlog, workers: Workers) -> Estimate:
    """What the sweep would cost, but for runs to be reused, and how long it would take with what is queued before it.

    The time is that of all work before it and its own at the measured pace of a training process, shared by all
    processes that live; and no less than one of its runs takes alone. So it is a guess, and none where no epoch like
    its own was measured yet or no worker lives.
    """
    runs = len(request.grid()) - reused_runs
    queue, pace = await backlog.queue(), await backlog.pace(request)
    processes = sum(worker.processes for worker in await workers.listed() if worker.alive)
    seconds = None if runs else 0.0
    if runs and pace and processes:
        work = run_work(request)
        seconds = round(max(work, (await backlog.work() + runs * work) / processes) / pace, 2)
    return Estimate(
        runs=runs + reused_runs,
        reused_runs=reused_runs,
        images=runs * request.epochs * CATALOGUE[request.dataset].training_images,
        estimated_seconds=seconds,
        queue_position=queue.queued_runs,
    )
