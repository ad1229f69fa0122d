"""Queue statistics: queued and running runs, their work, and the rate at which runs end."""

from typing import NamedTuple, cast

from redis.asyncio import Redis

from noisesweep.models import Queue, TrainingConfig
from shared.datasets import epoch_work
from shared.store.clock import server_time_async
from shared.store.functions import WORK_UNIT, AsyncFunctions, Function
from shared.store.keys import ENDED, PACE

# Period of the measured rate.
RATE_WINDOW_SECONDS = 600
# Maximum number of epochs from which the pace is measured.
PACE_ENTRIES = 200
# Within this factor, the time of an epoch is assumed to be proportional to its work.
SIMILAR_FACTOR = 4


class QueueState(NamedTuple):
    """State of the queue, from the view of one submitter.

    Attributes:
        queued: Number of queued runs.
        running: Number of running runs.
        oldest_queued_at: Time at which the longest waiting run was queued, as Unix time in µs; None if none is queued.
        runs_before: Number of queued runs that start before a new run of the submitter.
        work_before: Work of the queued runs that start before the last new run of the submitter, and of the running
            runs, in multiply-accumulates. A running run counts in full.
    """

    queued: int
    running: int
    oldest_queued_at: int | None
    runs_before: int
    work_before: float


class QueueStats:
    """Statistics of the queue. Every method raises redis.exceptions.RedisError if the store does not respond."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._functions = AsyncFunctions(redis)

    async def queue(self) -> Queue:
        """Return the number of queued and running runs, the longest wait, and the rate at which runs end."""
        now, state = await server_time_async(self._redis), await self.state("")
        waiting_since = state.oldest_queued_at
        return Queue(
            queued_runs=state.queued,
            running_runs=state.running,
            oldest_wait_seconds=None if waiting_since is None else max(0, now - waiting_since) / 1_000_000,
            runs_per_minute=60 * await self.runs_per_second(),
        )

    async def state(self, submitter: str, new_work: float = 0.0) -> QueueState:
        """Return the state of the queue, from the view of a submitter: the name of an API key, or empty.

        `new_work` is the work of its new runs except the last one, in multiply-accumulates.
        """
        queued, running, oldest, runs_before, *work = await self._functions.call(
            Function.QUEUE, submitter=submitter, work=new_work / WORK_UNIT
        )
        work_before = float(sum(map(int, work)) * WORK_UNIT)
        return QueueState(queued, running, int(oldest) if oldest else None, runs_before, work_before)

    async def pace(self, config: TrainingConfig) -> float | None:
        """Return the recent multiply-accumulates per second of one training process; None if unknown.

        Only similar epochs count: same data set, precision and kind of network, similar work and batch size. The time
        of a small network is mostly overhead and does not predict that of a large one.
        """
        entries = await self._redis.xrevrange(PACE, count=PACE_ENTRIES)
        epochs = [cast("dict[str, str]", fields) for _, fields in cast("list[tuple[str, object]]", entries)]
        measured = [
            epoch
            for epoch in epochs
            if (epoch["dataset"], epoch["precision"]) == (config.dataset, config.precision)
            and epoch.get("model", "mlp") == config.model.kind  # older workers trained nothing else
            and _are_similar(float(epoch["work"]), epoch_work(config))
            and _are_similar(float(epoch["batch_size"]), config.batch_size)
        ]
        seconds = sum(float(epoch["seconds"]) for epoch in measured)
        return sum(float(epoch["work"]) for epoch in measured) / seconds if seconds else None

    async def runs_per_second(self) -> float:
        """Return the number of runs that ended per second; 0 if none ended in the last ten minutes.

        The period starts with the first run that ended in the last ten minutes. It is at least a minute, because the
        runs of a stack end together and would otherwise give an extreme rate.
        """
        now = await server_time_async(self._redis) // 1000
        entries = await self._redis.xrevrange(ENDED, min=now - RATE_WINDOW_SECONDS * 1000)
        if not entries:
            return 0.0
        first = int(str(entries[-1][0]).split("-")[0])
        return 1000 * len(entries) / max(now - first, 60_000)


def _are_similar(one: float, other: float) -> bool:
    return max(one, other) <= SIMILAR_FACTOR * min(one, other)
