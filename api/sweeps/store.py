"""The API's writes to the store: create, extend, edit, cancel, retry and delete sweeps."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Any, NamedTuple

from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import RedisError

from api.limits import Limits, limits_for
from api.sweeps.admission import RETRY_BYTES, costs, stored_bytes
from api.sweeps.batching import Batcher
from api.sweeps.errors import SweepChangedError
from api.sweeps.paces import TYPICAL_PACE
from api.sweeps.reader import SweepReader, sweep_not_found
from api.sweeps.reuse import GridPoint, MeasuredRun, TrainedRuns
from api.sweeps.workers import Workers
from noisesweep.models import Caller, RunStatus, Sweep, SweepRequest
from noisesweep.models.keys import ANYONE
from shared.settings import Settings
from shared.store import connections
from shared.store.counters import Counter, field
from shared.store.functions import Argument, Call, Function, call
from shared.store.keys import COUNTERS

# Longer texts of a sweep contain measurements.
LARGE_BYTES = 100_000


class RequestContext(NamedTuple):
    """Context of the request that submitted a sweep.

    Attributes:
        caller: Who submits it.
        request_id: Id of the HTTP request; empty if unknown.
        traceparent: W3C trace context; empty if the client sent none.
    """

    caller: Caller = ANYONE
    request_id: str = ""
    traceparent: str = ""

    @property
    def key(self) -> str:
        """Return the name of the API key; empty if there are no keys."""
        return self.caller.name


class Store(SweepReader):
    """Store of sweeps.

    Each change of a sweep is one atomic function, and each read is consistent. Every method raises
    redis.exceptions.RedisError if Redis does not respond within a few seconds.

    Attributes:
        redis: The Redis client.
        trained_runs: Index of runs that can be reused.
        workers: Reader of the workers.
    """

    def __init__(self, settings: Settings, limits: Limits) -> None:
        redis = connections.async_client(
            settings,
            # The timeouts are short, because an HTTP client waits for the response.
            socket_connect_timeout=1,
            socket_timeout=2,
            retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), 1),
        )
        super().__init__(redis, Workers(redis, limits.liveness_seconds))
        self._settings = settings
        self.trained_runs = TrainedRuns(redis, self.workers)
        self._creations = Batcher(self._create_all)

    async def close(self) -> None:
        """Close the connections."""
        await self.redis.aclose()

    async def ping(self) -> None:
        """Send PING to Redis. Raise redis.exceptions.RedisError if it does not respond."""
        await self.redis.ping()

    async def create(
        self,
        sweep_id: str,
        request: SweepRequest,
        fingerprint: str,
        context: RequestContext,
        trained: Mapping[GridPoint, MeasuredRun],
        *,
        pace: float = TYPICAL_PACE,
    ) -> list[Any]:
        """Create a sweep with its runs. An existing sweep with this id stays unchanged.

        Runs in `trained` end immediately with the given measurements. All others are queued. `pace` is that of
        its training, see admission.costs. Concurrent calls share a round trip.

        Returns:
            ["created"], ["exists", fingerprint of its submission], ["no_dataset"] if its data set was deleted, or a
            refusal, for admission.raise_if_refused.
        """
        arguments: dict[str, Argument] = {**costs(request, pace), **limits_for(self._settings, context.caller)}
        if request.own_dataset:
            arguments["dataset"] = request.own_dataset.sha256
        return await self._creations.call(
            call(
                Function.CREATE,
                sweep=sweep_id,
                fingerprint=fingerprint,
                request=request.model_dump_json(),
                request_id=context.request_id,
                traceparent=context.traceparent,
                runs=_runs_json(request.grid(), trained),
                **arguments,
            )
        )

    async def admit(self, request: SweepRequest, caller: Caller, runs: int, pace: float) -> list[Any] | None:
        """Return the reply that `create` would refuse that many queued runs of a sweep with, or None."""
        reply: list[Any] | None = await self.functions.call(
            Function.ADMIT,
            runs=runs,
            bytes=stored_bytes(request, runs),
            compute=runs * request.epochs * costs(request, pace)["epoch_compute"],
            **limits_for(self._settings, caller),
        )
        return reply

    async def extend(
        self,
        sweep: Sweep,
        caller: Caller,
        grid: Sequence[GridPoint],
        trained: Mapping[GridPoint, MeasuredRun],
        *,
        epoch_compute: int,
        version: int | None = None,
    ) -> list[Any]:
        """Add runs to a sweep for a caller, if it still has as many runs as `sweep`.

        `epoch_compute` is that of admission.costs, for a sweep that an earlier version has stored.

        Returns:
            ["extended"], ["changed"], or a refusal, for admission.raise_if_refused.

        Raises:
            SweepNotFoundError: The sweep no longer exists.
            SweepChangedError: The sweep does not have this version.
        """
        reply = await self._change(
            Function.EXTEND,
            sweep.id,
            version,
            run_count=len(sweep.runs),
            runs=_runs_json(grid, trained),
            epoch_compute=epoch_compute,
            **limits_for(self._settings, caller),
        )
        if reply == ["missing"]:
            raise sweep_not_found(sweep.id)
        return reply

    async def edit(self, sweep_id: str, before: str, request: str, version: int | None = None) -> list[Any]:
        """Replace the request of a sweep (JSON), if it still is `before`. Only its name and its tags may differ.

        Returns:
            ["edited"], or ["outdated"] if it has another request.

        Raises:
            SweepNotFoundError: The sweep no longer exists.
            SweepChangedError: The sweep does not have this version.
        """
        reply = await self._change(Function.EDIT, sweep_id, version, before=before, request=request)
        if reply == ["missing"]:
            raise sweep_not_found(sweep_id)
        return reply

    async def cancel(self, sweep_id: str, index: int | None = None, version: int | None = None) -> int:
        """Cancel one run or all runs of a sweep: queued runs immediately, running runs at their next lease renewal.

        Returns:
            The number of these runs that are cancelled or being cancelled, including those from earlier calls.

        Raises:
            SweepChangedError: The sweep does not have this version.
        """
        indices: dict[str, Argument] = {} if index is None else {"indices": json.dumps([index])}
        _, cancelled, ended = await self._change(Function.CANCEL, sweep_id, version, **indices)
        if ended:
            with suppress(RedisError):  # a full store can cancel but not count; losing a count is acceptable
                await self.redis.hincrby(COUNTERS, field(Counter.RUNS, RunStatus.CANCELLED), ended)
        return int(cancelled)

    async def retry(
        self, sweep_id: str, caller: Caller, *, epoch_compute: int, version: int | None = None
    ) -> list[Any]:
        """Queue the failed and cancelled runs of the sweep again, for a caller. For `epoch_compute`, see `extend`.

        Returns:
            ["retried", number of runs], or a refusal, for admission.raise_if_refused.

        Raises:
            SweepChangedError: The sweep does not have this version.
        """
        return await self._change(
            Function.RETRY,
            sweep_id,
            version,
            retry_bytes=RETRY_BYTES,
            epoch_compute=epoch_compute,
            **limits_for(self._settings, caller),
        )

    async def delete(self, sweep_id: str, version: int | None = None) -> bool:
        """Remove a sweep with all its keys. Return False and remove nothing if it has queued or running runs.

        Raises:
            SweepNotFoundError: There is no sweep with this id.
            SweepChangedError: The sweep does not have this version.
        """
        if not await self.exists(sweep_id):
            raise sweep_not_found(sweep_id)
        (state,) = await self._change(Function.DELETE, sweep_id, version)
        return bool(state == "deleted")

    async def _change(self, function: Function, sweep_id: str, version: int | None, **arguments: Argument) -> list[Any]:
        """Call a function on a sweep, only if the sweep has this version. None accepts any version."""
        if version is not None:
            arguments["version"] = version
        reply: list[Any] = await self.functions.call(function, sweep=sweep_id, **arguments)
        if version is not None and reply == ["changed"]:
            raise SweepChangedError("The sweep has changed since it was read. Nothing was changed.")
        return reply

    async def _create_all(self, calls: list[Call]) -> list[list[Any] | Exception]:
        written: list[list[Any] | Exception] = []
        for large, group in groupby(calls, key=_is_large):
            for batch in ([each] for each in group) if large else [list(group)]:
                try:
                    written += await self.functions.call_all(batch)
                except RedisError as error:
                    written += [error] * len(batch)
        return written


def _runs_json(grid: Sequence[GridPoint], trained: Mapping[GridPoint, MeasuredRun]) -> str:
    """Return the runs as the store's functions expect them. Scales are text, because Lua would round them."""
    runs = [[repr(scale), str(seed)] for scale, seed in grid]
    return json.dumps(
        [[*run, trained[point]] if point in trained else run for run, point in zip(runs, grid, strict=True)]
    )


def _is_large(creation: Call) -> bool:
    """Return whether a sweep contains many measurements. Others do not wait for it in one round trip."""
    return sum(len(value) for _, value in creation.arguments if isinstance(value, str)) > LARGE_BYTES
