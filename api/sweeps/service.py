"""The way of runs into the queue: room is made sure of, the state is written, then messages are published."""

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

from celery import Celery
from pydantic import ValidationError
from redis.exceptions import RedisError

from api.sweeps.batching import Batched
from api.sweeps.creations import Origin
from api.sweeps.queue_stats import Backlog
from api.sweeps.reuse import GridPoint
from api.sweeps.store import Store
from noisesweep.models import ExtensionRequest, RunStatus, Sweep, SweepRequest
from shared.errors import AlreadyEndedError, QueueFullError, SweepOpenError, SweepTooLargeError
from shared.settings import Settings
from shared.store.queue import publish

logger = logging.getLogger(__name__)

# How long a client is told to wait where nothing has ended lately: then nothing is known of the rate.
UNKNOWN_RATE_SECONDS = 60
LONGEST_WAIT_SECONDS = 3600
COUNT_SECONDS = 1.0
# A queue that was found full is taken to be so for a moment.
RECOUNT_SECONDS = 0.1

T = TypeVar("T")


class Share(NamedTuple):
    """A part of the queue that has a limit: of what it is, how many are queued at most, and how many may be."""

    of: str
    queued: int
    limit: int


class RunQueue:
    """Admits runs as long as no more than `max_queued_runs` wait, and `max_queued_runs_per_key` of one API key.

    What waits is counted about once a second, and what this process admits is added; before anything is refused, it is
    counted anew, unless that was done a tenth of a second ago. So one process of the API never exceeds the limits, and
    several may together exceed them by what they admit between two counts.
    """

    def __init__(self, store: Store, celery: Celery, settings: Settings) -> None:
        self.backlog = Backlog(store.redis)
        self._store = store
        self._celery = celery
        self._limit = settings.max_queued_runs
        self._limit_per_key = settings.max_queued_runs_per_key
        # By API key: all runs that this process has ever admitted; those of them whose writing has ended, well or not;
        # and what was queued at the last count, less those that had been written before it.
        self._admitted: Counter[str] = Counter()
        self._settled: Counter[str] = Counter()
        self._counted: Counter[str] | None = None
        self._counted_at = float("-inf")
        self._found_full_at = float("-inf")
        self._counting: asyncio.Task[None] | None = None
        self._publications = Batched(self._publish_all)
        self._admission = asyncio.Lock()
        self._writing: set[asyncio.Task[Any]] = set()  # what was admitted and is perhaps not written yet

    async def submit(self, sweep_id: str, request: SweepRequest, origin: Origin) -> None:
        """Store the sweep under an id and tell the workers of it; where there is a sweep of this id, it stays.

        Raises:
            QueueFullError: There is no room for the runs to train now.
            SweepTooLargeError: There never is.
        """
        trained = await self._store.trained_runs.measured(await self.trained_before(request, request.grid()))
        runs = len(request.grid()) - len(trained)
        await self._admit(runs, origin.key, partial(self._store.creations.create, sweep_id, request, origin, trained))
        await self._publish(sweep_id, runs)

    async def trained_before(self, request: SweepRequest, grid: Sequence[GridPoint]) -> dict[GridPoint, str]:
        """The ids of runs that were trained before as those of a grid would be, if the request would reuse them."""
        if not request.reuse or request.keep_model:
            return {}
        return await self._store.trained_runs.find(request.config, grid)

    async def extend(self, sweep: Sweep, extension: ExtensionRequest) -> Sweep:
        """Let the sweep's grid have more scales and seeds, and train what is new in it.

        Raises:
            SweepTooLargeError: It would have too many runs, or more than may ever wait.
            QueueFullError: There is no room for the new runs now.
        """
        request = await self._store.request(sweep.id)
        if extension.reuse is not None:
            request = request.model_copy(update={"reuse": extension.reuse})
        # Whoever extends it, its runs are those of the key that submitted it.
        key = await self._store.submitted_by(sweep.id)
        while grid := _missing(request, sweep, extension):
            trained = await self._store.trained_runs.measured(await self.trained_before(request, grid))
            await self._admit(len(grid) - len(trained), key, partial(self._store.extend, sweep, grid, trained))
            # Whoever added to it meanwhile, or this very request whose answer was lost: what is missing is seen now.
            sweep = await self._store.sweep(sweep.id)
            await self._publish(sweep.id, sum(run.status is RunStatus.QUEUED for run in sweep.runs))
        return sweep

    async def retry(self, sweep: Sweep) -> Sweep:
        """Queue the failed and the cancelled runs again. Where they have been already, nothing changes.

        Raises:
            AlreadyEndedError: All runs have succeeded.
            SweepOpenError: Runs are about to be cancelled.
            QueueFullError: There is no room for the runs now.
        """
        if any(run.cancel_requested for run in sweep.runs):
            raise SweepOpenError("Runs of this sweep are about to be cancelled: try again when they have ended.")
        runs = sum(run.status in (RunStatus.FAILED, RunStatus.CANCELLED) for run in sweep.runs)
        # Whoever retries it, its runs are those of the key that submitted it.
        key = await self._store.submitted_by(sweep.id)
        retried = await self._admit(runs, key, partial(self._store.retry, sweep.id, runs))
        await self._publish(sweep.id, retried)
        sweep = await self._store.sweep(sweep.id)
        if sweep.status is RunStatus.SUCCEEDED:
            raise AlreadyEndedError("Every run of this sweep has succeeded: there is nothing to try again.")
        return sweep

    async def _publish(self, sweep_id: str, runs: int) -> None:
        if runs:
            await self._publications.ask((sweep_id, runs))

    async def _publish_all(self, publications: list[tuple[str, int]]) -> list[None]:
        messages: Counter[str] = Counter()
        for sweep_id, runs in publications:
            messages[sweep_id] += runs
        # Not in the threads that serve requests, which others may keep busy.
        await asyncio.to_thread(publish, self._celery, messages)
        return [None] * len(publications)

    async def make_sure_of_room(self, runs: int, key: str) -> None:
        """Raise QueueFullError or SweepTooLargeError if so many runs would be refused."""
        async with self._admission:
            full = await self._full(runs, key) if runs else None
        if full:
            raise await self._refusal(runs, full)

    async def _admit(self, runs: int, key: str, write: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Write what brings so many runs into the queue, if there is room for them."""
        async with self._admission:
            full = await self._full(runs, key) if runs else None
            if not full:
                self._admitted[key] += runs
                writing = asyncio.create_task(write())
                self._writing.add(writing)
                writing.add_done_callback(partial(self._settle, runs, key))
        if full:
            raise await self._refusal(runs, full)
        return await writing

    def _settle(self, runs: int, key: str, writing: asyncio.Task[Any]) -> None:
        self._settled[key] += runs
        self._writing.discard(writing)
        writing.cancelled() or writing.exception()  # looked at, in case that its request has gone

    async def _full(self, runs: int, key: str) -> Share | None:
        """The share of the queue that has no room for so many runs more; None if all have."""
        if self._counted is None:
            await self._count_exactly()
        full = self._without_room(runs, key)
        if full and time.monotonic() - self._found_full_at > RECOUNT_SECONDS:
            await self._count_exactly()
            full = self._without_room(runs, key)
            if full:  # and so it is for the next moment, or one who is refused again and again would slow all
                self._found_full_at = time.monotonic()
        elif time.monotonic() - self._counted_at > COUNT_SECONDS and (self._counting is None or self._counting.done()):
            # Nobody waits for it: until it is done, the last count stands.
            self._counting = asyncio.create_task(self._count_again())
        return full

    def _without_room(self, runs: int, key: str) -> Share | None:
        queued = Counter(self._admitted)
        queued.update(self._counted or {})
        shares = [Share("runs of this API key", queued[key], self._limit_per_key)] if key else []
        shares.append(Share("runs", queued.total(), self._limit))
        return next((share for share in shares if share.queued + runs > share.limit), None)

    async def _refusal(self, runs: int, full: Share) -> SweepTooLargeError | QueueFullError:
        if runs > full.limit:
            detail = f"It has {runs} runs, and no more than {full.limit} {full.of} may wait: split it."
            return SweepTooLargeError(detail)
        rate = await self.backlog.runs_per_second()
        wait = math.ceil((full.queued + runs - full.limit) / rate) if rate else UNKNOWN_RATE_SECONDS
        return QueueFullError(
            f"{full.queued} {full.of} are queued and {full.limit} may be: there is no room for {runs} more now.",
            retry_after_seconds=min(wait, LONGEST_WAIT_SECONDS),
        )

    async def _count_exactly(self) -> None:
        if self._writing:
            await asyncio.wait(self._writing)  # or they would be missed
        await self._count()

    async def _count_again(self) -> None:
        try:
            await self._count()
        except RedisError as error:
            logger.warning("The queued runs could not be counted, the last count stands: %s", error)

    async def _count(self) -> None:
        """Count what is queued. What is written meanwhile may count twice, until the next time."""
        begun_at, settled = time.monotonic(), self._settled.copy()
        queued = await self.backlog.queued_by_key()
        queued.subtract(settled)
        if begun_at > self._counted_at:  # else one that began later has ended before
            self._counted, self._counted_at = queued, begun_at


def _missing(request: SweepRequest, sweep: Sweep, extension: ExtensionRequest) -> list[GridPoint]:
    """What the sweep's grid lacks of what it is to be."""
    try:
        grown = request.extended([*sweep.scales, *extension.scales], [*sweep.seeds, *extension.seeds])
    except ValidationError as error:
        reasons = "; ".join(fault["msg"].removeprefix("Value error, ") for fault in error.errors())
        raise SweepTooLargeError(f"The sweep would become too large: {reasons}.") from error
    present = {(run.scale, run.seed) for run in sweep.runs}
    return [point for point in grown.grid() if point not in present]
