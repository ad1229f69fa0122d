"""Admission of runs to the queue: limits on how many may be queued, in all and by API key."""

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, NamedTuple, TypeVar

from redis.exceptions import RedisError

from api.limits import Limits
from api.sweeps.errors import QueueFullError, SweepTooLargeError
from api.sweeps.queue_stats import QueueStats
from shared.settings import Settings

logger = logging.getLogger(__name__)

# Retry-After if no run has ended lately, so that the rate is unknown.
UNKNOWN_RATE_SECONDS = 60
LONGEST_WAIT_SECONDS = 3600

T = TypeVar("T")


class Quota(NamedTuple):
    """A limit on queued runs: what it counts, how many are queued, and how many may be."""

    of: str
    queued: int
    limit: int


class Admission:
    """Admits runs while at most `max_queued_runs` are queued, and `max_queued_runs_per_key` of one API key.

    Queued runs are counted about once a second, and what this process admits is added. Before a refusal they are
    counted again, unless that was done a moment ago. So one process never exceeds the limits; several together may
    exceed them by what they admit between two counts.
    """

    def __init__(self, stats: QueueStats, settings: Settings, limits: Limits) -> None:
        self._stats = stats
        self._limit = settings.max_queued_runs
        self._limit_per_key = settings.max_queued_runs_per_key
        self._count_seconds, self._recount_seconds = limits.count_seconds, limits.recount_seconds
        # By API key: all runs that this process has admitted; those whose writing has ended, successfully or not; and
        # the runs queued at the last count, minus those that had been written before it.
        self._admitted: Counter[str] = Counter()
        self._settled: Counter[str] = Counter()
        self._counted: Counter[str] | None = None
        self._counted_at = float("-inf")
        self._found_full_at = float("-inf")
        self._counting: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._writing: set[asyncio.Task[Any]] = set()  # admitted, and perhaps not written yet

    async def check_capacity(self, runs: int, key: str) -> None:
        """Raise QueueFullError or SweepTooLargeError if that many runs would be refused."""
        async with self._lock:
            full = await self._full(runs, key) if runs else None
        if full:
            raise await self._refusal(runs, full)

    async def admit(self, runs: int, key: str, write: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Call `write`, which queues that many runs, if there is capacity; return its result.

        Raises:
            QueueFullError: There is no capacity now.
            SweepTooLargeError: There never is.
        """
        async with self._lock:
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
        writing.cancelled() or writing.exception()  # retrieved, in case the request was cancelled

    async def _full(self, runs: int, key: str) -> Quota | None:
        """Return the quota that has no capacity for that many more runs; None if all have."""
        if self._counted is None:
            await self._count_exactly()
        full = self._exceeded(runs, key)
        if full and time.monotonic() - self._found_full_at > self._recount_seconds:
            await self._count_exactly()
            full = self._exceeded(runs, key)
            if full:  # assumed for a moment: clients that are refused again and again must not slow the others
                self._found_full_at = time.monotonic()
        elif time.monotonic() - self._counted_at > self._count_seconds and (
            self._counting is None or self._counting.done()
        ):
            # In the background: the last count holds until this one is complete.
            self._counting = asyncio.create_task(self._count_again())
        return full

    def _exceeded(self, runs: int, key: str) -> Quota | None:
        queued = Counter(self._admitted)
        queued.update(self._counted or {})
        quotas = [Quota("runs of this API key", queued[key], self._limit_per_key)] if key else []
        quotas.append(Quota("runs", queued.total(), self._limit))
        return next((quota for quota in quotas if quota.queued + runs > quota.limit), None)

    async def _refusal(self, runs: int, full: Quota) -> SweepTooLargeError | QueueFullError:
        if runs > full.limit:
            detail = f"It has {runs} runs, and no more than {full.limit} {full.of} may wait: split it."
            return SweepTooLargeError(detail)
        rate = await self._stats.runs_per_second()
        wait = math.ceil((full.queued + runs - full.limit) / rate) if rate else UNKNOWN_RATE_SECONDS
        return QueueFullError(
            f"{full.queued} {full.of} are queued and {full.limit} may be: there is no room for {runs} more now.",
            retry_after_seconds=min(wait, LONGEST_WAIT_SECONDS),
        )

    async def _count_exactly(self) -> None:
        if self._writing:
            await asyncio.wait(self._writing)  # otherwise the count would miss them
        await self._count()

    async def _count_again(self) -> None:
        try:
            await self._count()
        except RedisError as error:
            logger.warning("The queued runs could not be counted, the last count stands: %s", error)

    async def _count(self) -> None:
        """Count what is queued. A run that is written at the same time may count twice, until the next count."""
        begun_at, settled = time.monotonic(), self._settled.copy()
        queued = await self._stats.queued_by_key()
        queued.subtract(settled)
        if begun_at > self._counted_at:  # otherwise a count that started later has ended first
            self._counted, self._counted_at = queued, begun_at
