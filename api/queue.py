"""The way of runs into the queue: room is made sure of, the state is written, then messages are published."""

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from celery import Celery
from fastapi.concurrency import run_in_threadpool
from redis.exceptions import RedisError

from api.backlog import Backlog
from api.batched import Batched
from api.store import Origin, Store
from shared.errors import AlreadyEndedError, QueueFullError, SweepOpenError, SweepTooLargeError
from shared.models import RunStatus, Sweep, SweepRequest
from shared.queue import publish
from shared.settings import Settings

logger = logging.getLogger(__name__)

# How long a client is told to wait where nothing has ended lately: then nothing is known of the rate.
UNKNOWN_RATE_SECONDS = 60
LONGEST_WAIT_SECONDS = 3600
COUNT_SECONDS = 1.0

T = TypeVar("T")


class RunQueue:
    """Admits runs as long as no more than `max_queued_runs` wait, and `max_queued_runs_per_key` of one API key.

    What waits is counted about once a second, and what this process admits is added; before anything is refused, it is
    counted anew. So the limits are exact for one process of the API, and several may together exceed them by what they
    admit between two counts.
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
        self._others: Counter[str] | None = None
        self._counted_at = float("-inf")
        self._counting: asyncio.Task[None] | None = None
        self._publications = Batched(self._publish_all)
        self._admission = asyncio.Lock()
        self._writing: set[asyncio.Task[Any]] = set()  # what was admitted and is perhaps not written yet

    async def submit(self, sweep_id: str, request: SweepRequest, origin: Origin) -> None:
        """Store the sweep under an id and tell the workers of it; where there is a sweep of this id, it stays.

        Raises:
            QueueFullError: There is no room for its runs now.
            SweepTooLargeError: There never is.
        """
        runs = len(request.grid())
        await self._admit(runs, origin.key, partial(self._store.create, sweep_id, request, origin))
        await self._publications.ask((sweep_id, runs))

    async def retry(self, sweep: Sweep, key: str) -> Sweep:
        """Queue the failed and the cancelled runs again. Where they have been already, nothing changes.

        Raises:
            AlreadyEndedError: All runs have succeeded.
            SweepOpenError: Runs are about to be cancelled.
            QueueFullError: There is no room for the runs now.
        """
        if any(run.cancel_requested for run in sweep.runs):
            raise SweepOpenError("Runs of this sweep are about to be cancelled: try again when they have ended.")
        runs = sum(run.status in (RunStatus.FAILED, RunStatus.CANCELLED) for run in sweep.runs)
        retried = await self._admit(runs, key, partial(self._store.retry, sweep.id))
        await self._publications.ask((sweep.id, retried))
        sweep = await self._store.sweep(sweep.id)
        if sweep.status is RunStatus.SUCCEEDED:
            raise AlreadyEndedError("Every run of this sweep has succeeded: there is nothing to try again.")
        return sweep

    async def _publish_all(self, publications: list[tuple[str, int]]) -> list[None]:
        messages: Counter[str] = Counter()
        for sweep_id, runs in publications:
            messages[sweep_id] += runs
        await run_in_threadpool(publish, self._celery, messages)
        return [None] * len(publications)

    async def make_sure_of_room(self, runs: int, key: str) -> None:
        """Raise QueueFullError or SweepTooLargeError if so many runs would be refused."""
        async with self._admission:
            await self._make_sure_of_room(runs, key)

    async def _admit(self, runs: int, key: str, write: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Write what brings so many runs into the queue, if there is room for them."""
        async with self._admission:
            await self._make_sure_of_room(runs, key)
            self._admitted[key] += runs
            writing = asyncio.create_task(write())
            self._writing.add(writing)
            writing.add_done_callback(partial(self._settle, runs, key))
        return await writing

    def _settle(self, runs: int, key: str, writing: asyncio.Task[Any]) -> None:
        self._settled[key] += runs
        self._writing.discard(writing)

    async def _make_sure_of_room(self, runs: int, key: str) -> None:
        for _, limit, whose in self._limits(key):
            if runs > limit:
                raise SweepTooLargeError(f"It has {runs} runs, and no more than {limit} {whose} may wait: split it.")
        if self._others is None or not self._is_room(runs, key):
            await self._count_exactly()
        elif time.monotonic() - self._counted_at > COUNT_SECONDS:
            # Nobody waits for it: until it is done, the last count stands.
            self._counted_at, self._counting = time.monotonic(), asyncio.create_task(self._count_again())
        for queued, limit, whose in self._limits(key):
            if queued + runs > limit:
                rate = await self.backlog.runs_per_second()
                wait = math.ceil((queued + runs - limit) / rate) if rate else UNKNOWN_RATE_SECONDS
                raise QueueFullError(
                    f"{queued} {whose} are queued and {limit} may be: there is no room for {runs} more now.",
                    retry_after_seconds=min(wait, LONGEST_WAIT_SECONDS),
                )

    def _is_room(self, runs: int, key: str) -> bool:
        return all(queued + runs <= limit for queued, limit, _ in self._limits(key))

    def _limits(self, key: str) -> list[tuple[int, int, str]]:
        """How many runs are queued at most, how many may be, and whose they are."""
        queued = Counter(self._admitted)
        queued.update(self._others or {})
        everyone = (queued.total(), self._limit, "runs")
        return [everyone, (queued[key], self._limit_per_key, "runs of this API key")] if key else [everyone]

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
        settled = self._settled.copy()
        queued = await self.backlog.queued_by_key()
        queued.subtract(settled)
        self._others, self._counted_at = queued, time.monotonic()
