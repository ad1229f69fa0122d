"""The way of runs into the queue: room is made sure of, the state is written, then messages are published."""

import asyncio
import math

from celery import Celery
from fastapi.concurrency import run_in_threadpool

from api.store import Store
from shared.errors import AlreadyEndedError, QueueFullError, SweepOpenError, SweepTooLargeError
from shared.models import RunStatus, Sweep, SweepRequest
from shared.queue import publish

# How long a client is told to wait where nothing has ended lately: then nothing is known of the rate.
UNKNOWN_RATE_SECONDS = 60
LONGEST_WAIT_SECONDS = 3600


class RunQueue:
    """Admits runs as long as no more than `max_queued_runs` are waiting, whether or not their messages are.

    Runs are admitted one request at a time, so the limit is exact for one process of the API. Each further process
    may let in one request more.
    """

    def __init__(self, store: Store, celery: Celery, max_queued_runs: int) -> None:
        self._store = store
        self._celery = celery
        self._max_queued_runs = max_queued_runs
        self._admission = asyncio.Lock()

    async def submit(self, sweep_id: str, request: SweepRequest) -> None:
        """Store the sweep under an id and tell the workers of it; where there is a sweep of this id, it stays.

        Raises:
            QueueFullError: There is no room for its runs now.
            SweepTooLargeError: There never is.
        """
        runs = len(request.grid())
        async with self._admission:
            await self._make_sure_of_room(runs)
            await self._store.create(sweep_id, request)
        await run_in_threadpool(publish, self._celery, sweep_id, messages=runs)

    async def retry(self, sweep: Sweep) -> Sweep:
        """Queue the failed and the cancelled runs again. Where they have been already, nothing changes.

        Raises:
            AlreadyEndedError: All runs have succeeded.
            SweepOpenError: Runs are about to be cancelled.
            QueueFullError: There is no room for the runs now.
        """
        if any(run.cancel_requested for run in sweep.runs):
            raise SweepOpenError("Runs of this sweep are about to be cancelled: try again when they have ended.")
        async with self._admission:
            await self._make_sure_of_room(
                sum(run.status in (RunStatus.FAILED, RunStatus.CANCELLED) for run in sweep.runs)
            )
            retried = await self._store.retry(sweep.id)
        await run_in_threadpool(publish, self._celery, sweep.id, messages=retried)
        sweep = await self._store.sweep(sweep.id)
        if sweep.status is RunStatus.SUCCEEDED:
            raise AlreadyEndedError("Every run of this sweep has succeeded: there is nothing to try again.")
        return sweep

    async def _make_sure_of_room(self, runs: int) -> None:
        limit = self._max_queued_runs
        if runs > limit:
            raise SweepTooLargeError(f"These are {runs} runs, and no more than {limit} may wait at a time: split them.")
        queued = await self._store.queued_runs()
        if queued + runs <= limit:
            return
        rate = await self._store.runs_per_second()
        wait = math.ceil((queued + runs - limit) / rate) if rate else UNKNOWN_RATE_SECONDS
        raise QueueFullError(
            f"{queued} runs are queued and {limit} may be: there is no room for {runs} more now. Nothing was stored.",
            retry_after_seconds=min(wait, LONGEST_WAIT_SECONDS),
        )
