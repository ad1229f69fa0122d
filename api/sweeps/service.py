"""Operations on sweeps and runs: submit, estimate, extend, retry, cancel, delete."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from functools import partial

from celery import Celery
from pydantic import ValidationError

from api.limits import Limits
from api.sweeps.admission import Admission
from api.sweeps.batching import Batcher
from api.sweeps.errors import AlreadyEndedError, SweepOpenError, SweepTooLargeError
from api.sweeps.estimate import estimate
from api.sweeps.queue_stats import QueueStats
from api.sweeps.reuse import GridPoint
from api.sweeps.store import RequestContext, Store
from noisesweep.models import Estimate, ExtensionRequest, Run, RunStatus, Sweep, SweepRequest
from noisesweep.models.faults import explain
from shared.settings import Settings
from shared.store.keys import parse_run_id
from shared.store.queue import publish


class SweepService:
    """Operations on sweeps and runs. Each one writes state first, then publishes messages for queued runs.

    Every method raises redis.exceptions.RedisError if the store does not respond, and SweepNotFoundError or
    RunNotFoundError if the sweep or run does not exist. With a `version`, an operation raises SweepChangedError and
    changes nothing if the sweep has another version.

    Attributes:
        stats: Queue statistics.
    """

    def __init__(self, store: Store, celery: Celery, settings: Settings, limits: Limits) -> None:
        self.stats = QueueStats(store.redis)
        self._store = store
        self._celery = celery
        self._admission = Admission(self.stats, settings, limits)
        self._publications = Batcher(self._publish_all)

    async def submit(self, sweep_id: str, request: SweepRequest, context: RequestContext) -> None:
        """Create a sweep and publish its queued runs. An existing sweep with this id stays unchanged.

        Raises:
            QueueFullError: There is currently no capacity for the runs.
            SweepTooLargeError: The runs would not fit into an empty queue.
        """
        trained = await self._store.trained_runs.measurements(await self._find_trained(request, request.grid()))
        runs = len(request.grid()) - len(trained)
        write = partial(self._store.create, sweep_id, request, context, trained)
        await self._admission.admit(runs, context.key, write)
        await self._publish(sweep_id, runs)

    async def estimate(self, request: SweepRequest, key: str) -> Estimate:
        """Return what submitting the sweep would cost, without storing anything. Raise the errors of `submit`."""
        reused = len(await self._find_trained(request, request.grid()))
        await self._admission.check_capacity(len(request.grid()) - reused, key)
        return await estimate(request, reused, self.stats, self._store.workers)

    async def extend(self, sweep: Sweep, extension: ExtensionRequest, version: int | None = None) -> Sweep:
        """Add scales and seeds to the sweep's grid and queue the new runs. This operation is idempotent.

        Raises:
            SweepTooLargeError: The sweep would be too large, or the new runs would not fit into an empty queue.
            QueueFullError: There is currently no capacity for the new runs.
        """
        request = await self._store.request(sweep.id)
        if extension.reuse is not None:
            request = request.model_copy(update={"reuse": extension.reuse})
        key = await self._store.submitter(sweep.id)
        while grid := _missing_points(request, sweep, extension):
            trained = await self._store.trained_runs.measurements(await self._find_trained(request, grid))
            write = partial(self._store.extend, sweep.id, len(sweep.runs), grid, trained, version)
            await self._admission.admit(len(grid) - len(trained), key, write)
            # If another request extended the sweep first, nothing was added. The next iteration adds the rest.
            sweep = await self._store.sweep(sweep.id)
            await self._publish(sweep.id, sum(run.status is RunStatus.QUEUED for run in sweep.runs))
        return sweep

    async def retry(self, sweep: Sweep, version: int | None = None) -> Sweep:
        """Queue the failed and cancelled runs again. This operation is idempotent.

        Raises:
            AlreadyEndedError: All runs have succeeded.
            SweepOpenError: Running runs are being cancelled.
            QueueFullError: There is currently no capacity for the runs.
        """
        if any(run.cancel_requested for run in sweep.runs):
            raise SweepOpenError("Runs of this sweep are being cancelled. Retry after they have ended.")
        runs = sum(run.status in (RunStatus.FAILED, RunStatus.CANCELLED) for run in sweep.runs)
        key = await self._store.submitter(sweep.id)
        retried = await self._admission.admit(runs, key, partial(self._store.retry, sweep.id, runs, version))
        await self._publish(sweep.id, retried)
        sweep = await self._store.sweep(sweep.id)
        if sweep.status is RunStatus.SUCCEEDED:
            raise AlreadyEndedError("All runs of this sweep have succeeded. There is nothing to retry.")
        return sweep

    async def cancel(self, sweep: Sweep, version: int | None = None) -> Sweep:
        """Cancel all runs that have not ended. Raise AlreadyEndedError if the sweep ended without a cancelled run."""
        cancelled = await self._store.cancel(sweep.id, version=version)
        sweep = await self._store.sweep(sweep.id)
        if not cancelled:
            raise AlreadyEndedError(f"This sweep has already ended with the status {sweep.status}.")
        return sweep

    async def cancel_run(self, run: Run, version: int | None = None) -> Run:
        """Cancel a run. Raise AlreadyEndedError if it has succeeded or failed."""
        sweep_id, index = parse_run_id(run.id)
        cancelled = await self._store.cancel(sweep_id, index, version)
        run = await self._store.run(sweep_id, index)
        if not cancelled:
            raise AlreadyEndedError(f"This run has already ended with the status {run.status}.")
        return run

    async def delete(self, sweep: Sweep, version: int | None = None) -> None:
        """Remove a sweep with all its data. Raise SweepOpenError if it has queued or running runs."""
        if not await self._store.delete(sweep.id, version):
            raise SweepOpenError("This sweep has queued or running runs. To delete it, cancel it first.")

    async def _find_trained(self, request: SweepRequest, grid: Sequence[GridPoint]) -> dict[GridPoint, str]:
        """Return the ids of earlier runs that the request may reuse, by point of the grid."""
        if not request.reuse or request.keep_model:
            return {}
        return await self._store.trained_runs.find(request.config, grid)

    async def _publish(self, sweep_id: str, runs: int) -> None:
        if runs:
            await self._publications.call((sweep_id, runs))

    async def _publish_all(self, publications: list[tuple[str, int]]) -> list[None]:
        messages: Counter[str] = Counter()
        for sweep_id, runs in publications:
            messages[sweep_id] += runs
        # asyncio's threads, because requests may keep all of AnyIO's threads busy.
        await asyncio.to_thread(publish, self._celery, messages)
        return [None] * len(publications)


def _missing_points(request: SweepRequest, sweep: Sweep, extension: ExtensionRequest) -> list[GridPoint]:
    """Return the points of the extended grid that the sweep does not have yet."""
    try:
        extended = request.extended([*sweep.scales, *extension.scales], [*sweep.seeds, *extension.seeds])
    except ValidationError as error:
        reasons = "; ".join(map(explain, error.errors()))
        raise SweepTooLargeError(f"The extended sweep would be too large: {reasons}.") from error
    present = {(run.scale, run.seed) for run in sweep.runs}
    return [point for point in extended.grid() if point not in present]
