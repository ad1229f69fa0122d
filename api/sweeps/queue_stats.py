"""Queue statistics: queued and running runs, their work, and the rate at which runs end."""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple, cast

from redis.asyncio import Redis

from noisesweep.models import Queue, QueuedSweep, TrainingConfig
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
# Maximum number of a submitter's sweeps in the state of the queue.
MAX_WAITING = 100


class QueueState(NamedTuple):
    """State of the queue, from the view of one submitter.

    Attributes:
        queued: Number of queued runs.
        running: Number of running runs.
        oldest_queued_at: Time at which the longest waiting run was queued, as Unix time in µs; None if none is queued.
        runs_before: Number of queued runs that start before a new run of the submitter.
        work_before: Work of the queued runs that start before the last new run of the submitter, and of the running
            runs, in multiply-accumulates.
        running_work: Work of the running runs. A running run counts in full.
    """

    queued: int
    running: int
    oldest_queued_at: int | None
    runs_before: int
    work_before: float
    running_work: float


class QueueStats:
    """Statistics of the queue. Every method raises redis.exceptions.RedisError if the store does not respond."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._functions = AsyncFunctions(redis)

    async def queue(self, own: Sequence[QueuedSweep] = ()) -> Queue:
        """Return the numbers of queued and running runs, the longest wait, the rate at which runs end, and `own`."""
        now, state = await server_time_async(self._redis), await self.state("")
        waiting_since = state.oldest_queued_at
        return Queue(
            queued_runs=state.queued,
            running_runs=state.running,
            oldest_wait_seconds=None if waiting_since is None else max(0, now - waiting_since) / 1_000_000,
            runs_per_minute=60 * await self.runs_per_second(),
            own=list(own),
        )

    async def waiting(self, submitter: str, processes: int) -> list[QueuedSweep]:
        """Return the sweeps of a submitter that have queued runs, in the order in which they start.

        The expected wait assumes that this number of training processes shares the work of the running runs, which
        count in full, and of the queued runs before, at the mean pace of the epochs that were measured last.
        """
        waiting = await self._functions.call(Function.WAITING, submitter=submitter, limit=MAX_WAITING)
        if not waiting:
            return []
        state, pace = await self.state(submitter), _mean_pace(await self._epochs())

        def wait(runs_before: int, work_before: int) -> float | None:
            if not pace or not processes:
                return None
            if state.running + runs_before < processes:
                return 0.0
            return round((state.running_work + work_before * WORK_UNIT) / processes / pace, 2)

        return [
            QueuedSweep(
                id=sweep_id,
                name=_name(request),
                queued_runs=queued,
                runs_before=runs_before,
                expected_wait_seconds=wait(runs_before, int(work_before)),
                link=f"/sweeps/{sweep_id}",
            )
            for sweep_id, request, queued, runs_before, work_before in waiting
        ]

    async def state(self, submitter: str, new_work: float = 0.0) -> QueueState:
        """Return the state of the queue, from the view of a submitter: the name of an API key, or empty.

        `new_work` is the work of its new runs except the last one, in multiply-accumulates.
        """
        queued, running, oldest, runs_before, *work = await self._functions.call(
            Function.QUEUE, submitter=submitter, work=new_work / WORK_UNIT
        )
        before, running_work = (float(int(each) * WORK_UNIT) for each in work)
        oldest_at = int(oldest) if oldest else None
        return QueueState(queued, running, oldest_at, runs_before, before + running_work, running_work)

    async def pace(self, config: TrainingConfig) -> float | None:
        """Return the recent multiply-accumulates per second of one training process; None if unknown.

        Only similar epochs count: same data set, precision and kind of network, similar work and batch size. The time
        of a small network is mostly overhead and does not predict that of a large one.
        """
        return _mean_pace(
            epoch
            for epoch in await self._epochs()
            if (epoch["dataset"], epoch["precision"]) == (config.dataset, config.precision)
            and epoch.get("model", "mlp") == config.model.kind  # older workers trained nothing else
            and _are_similar(float(epoch["work"]), epoch_work(config))
            and _are_similar(float(epoch["batch_size"]), config.batch_size)
        )

    async def _epochs(self) -> list[dict[str, str]]:
        """Return the epochs that were measured last, newest first."""
        entries = cast("list[tuple[str, dict[str, str]]]", await self._redis.xrevrange(PACE, count=PACE_ENTRIES))
        return [fields for _, fields in entries]

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


def _mean_pace(epochs: Iterable[Mapping[str, str]]) -> float | None:
    """Return the multiply-accumulates per second of measured epochs together; None without one."""
    measured = [(float(epoch["work"]), float(epoch["seconds"])) for epoch in epochs]
    seconds = sum(each for _, each in measured)
    return sum(work for work, _ in measured) / seconds if seconds else None


def _name(request: str) -> str | None:
    """Return the name in a stored request; None also if it cannot be read, which other sweeps do not suffer from."""
    with suppress(ValueError, TypeError, KeyError, AttributeError):
        name: str | None = json.loads(request).get("name")
        return name if name is None else str(name)
    return None


def _are_similar(one: float, other: float) -> bool:
    return max(one, other) <= SIMILAR_FACTOR * min(one, other)
