"""Operations on sweeps and runs: submit, estimate, extend, edit, retry, cancel, delete."""

import asyncio
from collections.abc import Sequence
from hashlib import sha256

from celery import Celery
from pydantic import ValidationError
from redis.exceptions import OutOfMemoryError

from api.datasets.errors import UnknownDatasetError
from api.datasets.store import DatasetStore
from api.sweeps.admission import costs, raise_if_refused
from api.sweeps.batching import Batcher
from api.sweeps.errors import (
    AlreadyEndedError,
    IdempotencyKeyReusedError,
    NoFixedNoiseError,
    SweepChangedError,
    SweepOpenError,
    SweepTooLargeError,
)
from api.sweeps.estimate import estimate
from api.sweeps.paces import CAPACITY_AGE, Paces, mean_pace
from api.sweeps.queue_stats import QueueStats
from api.sweeps.reuse import GridPoint
from api.sweeps.store import RequestContext, Store
from api.sweeps.supported_configs import UnsupportedConfigError, check_config, check_models
from noisesweep.models import (
    Caller,
    EditRequest,
    Estimate,
    ExtensionRequest,
    NoiseOn,
    Queue,
    Run,
    RunStatus,
    Sweep,
    SweepRequest,
)
from noisesweep.models.faults import explain
from shared.datasets import CATALOGUE
from shared.errors import DatasetUnavailableError
from shared.numerics import NUMERICS
from shared.settings import Settings
from shared.store.keys import keyed_sweep_id, parse_run_id
from shared.store.queue import publish


class SweepService:
    """Operations on sweeps and runs. Each one writes state first, then publishes messages for queued runs.

    Every method raises redis.exceptions.RedisError if the store does not respond, and SweepNotFoundError or
    RunNotFoundError if the sweep or run does not exist. With a `version`, an operation raises SweepChangedError and
    changes nothing if the sweep has another version.

    Attributes:
        stats: Queue statistics.
    """

    def __init__(self, store: Store, datasets: DatasetStore, celery: Celery, settings: Settings) -> None:
        self.stats = QueueStats(store.redis)
        self._paces = Paces(store.redis, store.workers)
        self._store, self._datasets = store, datasets
        self._celery = celery
        self._max_model_bytes = settings.max_model_bytes
        self._publications = Batcher(self._publish_all)

    async def complete(self, request: SweepRequest) -> SweepRequest:
        """Return the request with the content of its data set.

        Raises:
            UnsupportedConfigError: The service cannot train the sweep, or cannot store its models.
        """
        try:
            dataset = await self._datasets.find(request.dataset)
        except UnknownDatasetError as error:
            raise UnsupportedConfigError("dataset", str(error), request.dataset) from error
        own = None if dataset.name in CATALOGUE else dataset.facts
        if request.own_dataset not in (None, own):
            reason = f"expected null, or the content of the data set {dataset.name}"
            raise UnsupportedConfigError("own_dataset", reason, request.own_dataset.model_dump(mode="json"))
        request = request.model_copy(update={"own_dataset": own})
        check_config(request)
        check_models(request, len(request.grid()), self._max_model_bytes)
        return request

    async def submit(self, sweep_id: str, request: SweepRequest, fingerprint: str, context: RequestContext) -> None:
        """Create a sweep and publish its queued runs. An existing sweep with this id stays unchanged.

        Args:
            sweep_id: The id of the new sweep.
            request: The sweep.
            fingerprint: SHA-256 of the request of the client. It identifies repeated requests.
            context: The context of that request.

        Raises:
            IdempotencyKeyReusedError: A different request has created the sweep with this id.
            QueueFullError: There is currently no capacity for the runs.
            ComputeUsedError: The API key has used its compute of the day.
            StorageFullError: The stored sweeps of this API key would occupy too many bytes.
            SweepTooLargeError: The sweep would not fit into an empty queue or an empty store.
            DatasetUnavailableError: Its data set was deleted in the meantime.
        """
        trained = await self._store.trained_runs.measurements(await self._find_trained(request, request.grid()))
        runs = len(request.grid()) - len(trained)
        try:
            pace = await self._pace_for(request, context.caller)
            reply = await self._store.create(sweep_id, request, fingerprint, context, trained, pace=pace)
        except OutOfMemoryError:
            stored = await self._store.fingerprint(sweep_id)
            if stored is None:
                raise
            reply = ["exists", stored]  # a repeated request needs no room
        await raise_if_refused(reply, context.key, self.stats)
        if reply == ["no_dataset"]:
            raise DatasetUnavailableError(f"The data set {request.dataset} was deleted.")
        if reply == ["created"]:
            await self._publish(sweep_id, runs)
        elif reply != ["exists", fingerprint]:
            raise IdempotencyKeyReusedError(
                "This Idempotency-Key was already used for a different request: use a new key."
            )

    async def estimate(self, request: SweepRequest, caller: Caller) -> Estimate:
        """Return what submitting the sweep would cost, without storing anything. Raise the errors of `submit`."""
        reused = len(await self._find_trained(request, request.grid()))
        runs, capacity = len(request.grid()) - reused, await self._paces.capacity(request)
        reply = await self._store.admit(request, caller, runs, mean_pace(capacity))
        await raise_if_refused(reply, caller.name, self.stats)
        return await estimate(request, reused, caller.name, self.stats, capacity)

    async def queue(self, submitter: str) -> Queue:
        """Return the state of the queue, with the waiting sweeps of a submitter; an empty name without keys."""
        state = await self.stats.state(submitter)
        return await self.stats.queue(state, await self.stats.waiting(submitter, state, self._paces))

    async def extend(
        self, sweep: Sweep, extension: ExtensionRequest, caller: Caller, version: int | None = None
    ) -> Sweep:
        """Add scales and seeds to the sweep's grid and queue the new runs. This operation is idempotent.

        The new runs count for the API key that asks.

        Raises:
            SweepTooLargeError: The sweep would be too large, or the new runs alone exceed a limit.
            QueueFullError: There is currently no capacity for the new runs.
            ComputeUsedError: The API key has used its compute of the day.
            StorageFullError: The stored sweeps of this API key would occupy too many bytes.
        """
        request = await self._store.request(sweep.id)
        if extension.reuse is not None:
            request = request.model_copy(update={"reuse": extension.reuse})
        while grid := _missing_points(request, sweep, extension):
            try:
                check_models(request, len(sweep.runs) + len(grid), self._max_model_bytes)
            except UnsupportedConfigError as error:
                raise SweepTooLargeError(f"The extended sweep would be too large: {error}.") from error
            trained = await self._store.trained_runs.measurements(await self._find_trained(request, grid, sweep))
            compute = await self._epoch_compute(request, caller)
            reply = await self._store.extend(sweep, caller, grid, trained, epoch_compute=compute, version=version)
            await raise_if_refused(reply, caller.name, self.stats)
            # If another request extended the sweep first, nothing was added. The next iteration adds the rest.
            if reply == ["extended"]:
                await self._publish(sweep.id, len(grid) - len(trained))
            sweep = await self._store.sweep(sweep.id)
        return sweep

    async def with_fresh_noise(self, sweep: Sweep, context: RequestContext, version: int | None = None) -> Sweep:
        """Return the sweep that differs from this one only in `resample`. Create or extend it if necessary.

        Its id is derived from this sweep's id, so each API key has at most one.

        Raises:
            NoFixedNoiseError: The sweep already draws new noise in every epoch, or has no training noise.
            QueueFullError, ComputeUsedError, StorageFullError, SweepTooLargeError: See `submit`.
        """
        if version not in (None, sweep.version):
            raise SweepChangedError("The sweep has changed since it was read. Nothing was submitted.")
        if sweep.config.resample or sweep.config.noise_on is NoiseOn.VALIDATION:
            reason = "it already has" if sweep.config.resample else "its training images have no noise"
            raise NoFixedNoiseError(f"This sweep cannot be repeated with new noise in every epoch: {reason}.")
        title = f"fresh noise of {sweep.id}"
        sweep_id = keyed_sweep_id(context.key, title)
        request = (await self._store.request(sweep.id)).extended(sweep.scales, sweep.seeds)
        if not await self._store.exists(sweep_id):
            request = request.model_copy(update={"resample": True})
            await self.submit(sweep_id, request, sha256(title.encode()).hexdigest(), context)
        fresh, grid = await self._store.sweep(sweep_id), ExtensionRequest(scales=sweep.scales, seeds=sweep.seeds)
        return await self.extend(fresh, grid, context.caller)

    async def edit(self, sweep: Sweep, edit: EditRequest, version: int | None = None) -> Sweep:
        """Change the name or the tags of the sweep. This operation is idempotent.

        Raises:
            TooManyTagsError: The sweep would have too many tags.
        """
        reply = ["outdated"]
        while reply == ["outdated"]:
            before = await self._store.request_json(sweep.id)
            request = edit.applied_to(SweepRequest.model_validate_json(before))
            reply = await self._store.edit(sweep.id, before, request.model_dump_json(), version)
        return await self._store.sweep(sweep.id)

    async def retry(self, sweep: Sweep, caller: Caller, version: int | None = None) -> Sweep:
        """Queue the failed and cancelled runs again, for an API key. This operation is idempotent.

        Raises:
            AlreadyEndedError: All runs have succeeded.
            SweepOpenError: Running runs are being cancelled.
            QueueFullError: There is currently no capacity for the runs.
            ComputeUsedError: The API key has used its compute of the day.
            StorageFullError: The stored sweeps of this API key occupy too many bytes.
        """
        if any(run.cancel_requested for run in sweep.runs):
            raise SweepOpenError("Runs of this sweep are being cancelled. Retry after they have ended.")
        compute = await self._epoch_compute(await self._store.request(sweep.id), caller)
        reply = await self._store.retry(sweep.id, caller, epoch_compute=compute, version=version)
        await raise_if_refused(reply, caller.name, self.stats)
        await self._publish(sweep.id, reply[1])
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

    async def delete(self, sweep_id: str, version: int | None = None) -> None:
        """Remove a sweep with all its data, also one that cannot be read.

        Raises:
            SweepOpenError: It has queued or running runs.
        """
        if not await self._store.delete(sweep_id, version):
            raise SweepOpenError("This sweep has queued or running runs. To delete it, cancel it first.")

    async def _find_trained(
        self, request: SweepRequest, grid: Sequence[GridPoint], extended: Sweep | None = None
    ) -> dict[GridPoint, str]:
        """Return the ids of earlier runs that the request may reuse, by point of the grid.

        An extended sweep gets runs of its own numerics version, so that reuse does not mix two versions.
        """
        if not request.reuse or request.keep_model:
            return {}
        versions = extended.numerics if extended else []
        numerics = versions[0] if len(versions) == 1 else NUMERICS
        return await self._store.trained_runs.find(request.config, grid, numerics)

    async def _pace_for(self, request: SweepRequest, caller: Caller) -> float:
        """Return the pace of a training for the compute of the caller, which is counted only with an API key."""
        return mean_pace(await self._paces.capacity(request, max_age=CAPACITY_AGE) if caller.name else None)

    async def _epoch_compute(self, request: SweepRequest, caller: Caller) -> int:
        return costs(request, await self._pace_for(request, caller))["epoch_compute"]

    async def _publish(self, sweep_id: str, runs: int) -> None:
        if runs:
            await self._publications.call((sweep_id, runs))

    async def _publish_all(self, publications: list[tuple[str, int]]) -> list[None]:
        messages = sum(runs for _, runs in publications)
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
