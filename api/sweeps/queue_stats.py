"""Queue statistics: queued and running runs, their work, and the rate at which runs end."""

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from pydantic import ValidationError
from redis.asyncio import Redis

from api.sweeps.paces import CAPACITY_AGE, Paces
from noisesweep.models import Queue, QueuedSweep, SweepRequest
from shared.store.clock import server_time_async
from shared.store.functions import WORK_UNIT, AsyncFunctions, Function
from shared.store.keys import ENDED

# Period of the measured rate.
RATE_WINDOW_SECONDS = 600
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

    async def queue(self, state: QueueState, own: Sequence[QueuedSweep] = ()) -> Queue:
        """Return the numbers of queued and running runs, the longest wait, the rate at which runs end, and `own`."""
        now = await server_time_async(self._redis)
        waiting_since = state.oldest_queued_at
        return Queue(
            queued_runs=state.queued,
            running_runs=state.running,
            oldest_wait_seconds=None if waiting_since is None else max(0, now - waiting_since) / 1_000_000,
            runs_per_minute=60 * await self.runs_per_second(),
            own=list(own),
        )

    async def waiting(self, submitter: str, state: QueueState, paces: Paces) -> list[QueuedSweep]:
        """Return the sweeps of a submitter that have queued runs, in the order in which they start.

        The expected wait assumes that all live training processes share the work of the running runs, which count in
        full, and of the queued runs before, at their pace for this sweep.
        """
        waiting = await self._functions.call(Function.WAITING, submitter=submitter, limit=MAX_WAITING)
        return [await _queued_sweep(*fields, state=state, paces=paces) for fields in waiting]

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


async def _queued_sweep(
    sweep_id: str, stored: str, queued: int, runs_before: int, work_before: str, *, state: QueueState, paces: Paces
) -> QueuedSweep:
    name, seconds = None, None
    with suppress(ValidationError):  # a record that cannot be read does not hide the other sweeps
        request = SweepRequest.model_validate_json(stored)
        name, capacity = request.name, await paces.capacity(request, max_age=CAPACITY_AGE)
        if capacity:
            seconds = (state.running_work + int(work_before) * WORK_UNIT) / capacity.total
            if state.running + runs_before < capacity.processes:
                seconds = 0.0
    return QueuedSweep(
        id=sweep_id,
        name=name,
        queued_runs=queued,
        runs_before=runs_before,
        expected_wait_seconds=None if seconds is None else round(seconds, 2),
        link=f"/sweeps/{sweep_id}",
    )
