"""All verbs on sweeps and runs: submit, estimate, extend, retry, cancel, delete."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from functools import partial

from celery import Celery
from pydantic import ValidationError

from api.limits import Limits
from api.sweeps.admission import Admission
from api.sweeps.batching import Batching
from api.sweeps.errors import AlreadyEndedError, SweepOpenError, SweepTooLargeError
from api.sweeps.estimate import estimate
from api.sweeps.queue_stats import QueueStats
from api.sweeps.reuse import GridPoint
from api.sweeps.store import RequestContext, Store
from noisesweep.models import Estimate, ExtensionRequest, Run, RunStatus, Sweep, SweepRequest
from shared.settings import Settings
from shared.store.keys import parse_run_id
from shared.store.queue import publish


class SweepService:
    """The verbs on sweeps and runs. State is written first, then messages tell workers that there is work.

    Each verb raises redis.exceptions.RedisError if the store does not answer, and SweepNotFoundError or
    RunNotFoundError if what it is applied to does not exist.

    Attributes:
        stats: How much is queued and running, and how fast.
    """

    def __init__(self, store: Store, celery: Celery, settings: Settings, limits: Limits) -> None:
        self.stats = QueueStats(store.redis)
        self._store = store
        self._celery = celery
        self._admission = Admission(self.stats, settings, limits)
        self._publications = Batching(self._publish_all)

    async def submit(self, sweep_id: str, request: SweepRequest, context: RequestContext) -> None:
        """Create a sweep under an id and publish its queued runs; a sweep of this id stays as it is.

        Raises:
            QueueFullError: There is no capacity for the runs now.
            SweepTooLargeError: There never is.
        """
        trained = await self._store.trained_runs.measured(await self._trained_before(request, request.grid()))
        runs = len(request.grid()) - len(trained)
        write = partial(self._store.create, sweep_id, request, context, trained)
        await self._admission.admit(runs, context.key, write)
        await self._publish(sweep_id, runs)

    async def estimate(self, request: SweepRequest, key: str) -> Estimate:
        """Return what submitting the sweep would cost. Nothing is stored; raise as `submit` would."""
        reused = len(await self._trained_before(request, request.grid()))
        await self._admission.check_capacity(len(request.grid()) - reused, key)
        return await estimate(request, reused, self.stats, self._store.workers)

    async def extend(self, sweep: Sweep, extension: ExtensionRequest) -> Sweep:
        """Add scales and seeds to the sweep's grid and queue the new runs. Repeated, it changes nothing.

        Raises:
            SweepTooLargeError: It would have too many runs, or more than may ever be queued.
            QueueFullError: There is no capacity for the new runs now.
        """
        request = await self._store.request(sweep.id)
        if extension.reuse is not None:
            request = request.model_copy(update={"reuse": extension.reuse})
        key = await self._store.submitter(sweep.id)
        while grid := _missing(request, sweep, extension):
            trained = await self._store.trained_runs.measured(await self._trained_before(request, grid))
            write = partial(self._store.extend, sweep.id, len(sweep.runs), grid, trained)
            await self._admission.admit(len(grid) - len(trained), key, write)
            # If another request extended the sweep first, nothing was added, and the next round adds what is missing.
            sweep = await self._store.sweep(sweep.id)
            await self._publish(sweep.id, sum(run.status is RunStatus.QUEUED for run in sweep.runs))
        return sweep

    async def retry(self, sweep: Sweep) -> Sweep:
        """Queue the failed and cancelled runs again. If they are queued already, nothing changes.

        Raises:
            AlreadyEndedError: All runs have succeeded.
            SweepOpenError: Runs are about to be cancelled.
            QueueFullError: There is no capacity for the runs now.
        """
        if any(run.cancel_requested for run in sweep.runs):
            raise SweepOpenError("Runs of this sweep are about to be cancelled: try again when they have ended.")
        runs = sum(run.status in (RunStatus.FAILED, RunStatus.CANCELLED) for run in sweep.runs)
        key = await self._store.submitter(sweep.id)
        retried = await self._admission.admit(runs, key, partial(self._store.retry, sweep.id, runs))
        await self._publish(sweep.id, retried)
        sweep = await self._store.sweep(sweep.id)
        if sweep.status is RunStatus.SUCCEEDED:
            raise AlreadyEndedError("Every run of this sweep has succeeded: there is nothing to try again.")
        return sweep

    async def cancel(self, sweep: Sweep) -> Sweep:
        """Cancel all runs that have not ended; raise AlreadyEndedError if none was cancelled, now or before."""
        cancelled = await self._store.cancel(sweep.id)
        sweep = await self._store.sweep(sweep.id)
        if not cancelled:
            status = sweep.status
            raise AlreadyEndedError(f"This sweep has ended already, and no run of it was cancelled: it is {status}.")
        return sweep

    async def cancel_run(self, run: Run) -> Run:
        """Cancel a run; raise AlreadyEndedError if it has ended otherwise."""
        sweep_id, index = parse_run_id(run.id)
        cancelled = await self._store.cancel(sweep_id, index)
        run = await self._store.run(sweep_id, index)
        if not cancelled:
            raise AlreadyEndedError(f"This run has ended already: it is {run.status}.")
        return run

    async def delete(self, sweep: Sweep) -> None:
        """Remove a sweep with everything that is kept of it; raise SweepOpenError if it has open runs."""
        if not await self._store.delete(sweep.id):
            raise SweepOpenError("This sweep has queued or running runs: cancel it first.")

    async def _trained_before(self, request: SweepRequest, grid: Sequence[GridPoint]) -> dict[GridPoint, str]:
        """Return the ids of runs of the grid that were trained before, if the request would reuse them."""
        if not request.reuse or request.keep_model:
            return {}
        return await self._store.trained_runs.find(request.config, grid)

    async def _publish(self, sweep_id: str, runs: int) -> None:
        if runs:
            await self._publications.ask((sweep_id, runs))

    async def _publish_all(self, publications: list[tuple[str, int]]) -> list[None]:
        messages: Counter[str] = Counter()
        for sweep_id, runs in publications:
            messages[sweep_id] += runs
        # In asyncio's threads: AnyIO's, which serve requests, may all be busy.
        await asyncio.to_thread(publish, self._celery, messages)
        return [None] * len(publications)


def _missing(request: SweepRequest, sweep: Sweep, extension: ExtensionRequest) -> list[GridPoint]:
    """Return the points of the extended grid that the sweep does not have."""
    try:
        grown = request.extended([*sweep.scales, *extension.scales], [*sweep.seeds, *extension.seeds])
    except ValidationError as error:
        reasons = "; ".join(fault["msg"].removeprefix("Value error, ") for fault in error.errors())
        raise SweepTooLargeError(f"The sweep would become too large: {reasons}.") from error
    present = {(run.scale, run.seed) for run in sweep.runs}
    return [point for point in grown.grid() if point not in present]
