"""The API's writes to the store: create, extend, cancel, retry and delete sweeps."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Any, NamedTuple

from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from api.limits import Limits
from api.sweeps.batching import Batcher
from api.sweeps.errors import SweepChangedError
from api.sweeps.reader import SweepReader
from api.sweeps.reuse import GridPoint, TrainedRuns
from api.sweeps.workers import Workers
from noisesweep.models import RunStatus, SweepRequest
from shared.errors import SweepNotFoundError
from shared.settings import Settings
from shared.store import connections
from shared.store.clock import server_time_async
from shared.store.counters import Counter, field
from shared.store.keys import COUNTERS, OPEN, SWEEPS, SweepKeys
from shared.store.scripts import Script, source


class RequestContext(NamedTuple):
    """Context of the request that submitted a sweep.

    Attributes:
        key: Name of the API key; empty if there are no keys.
        request_id: Id of the HTTP request; empty if unknown.
        traceparent: W3C trace context; empty if the client sent none.
    """

    key: str = ""
    request_id: str = ""
    traceparent: str = ""


class NewSweep(NamedTuple):
    """Sweep to create: id, request as JSON, context, and runs as script arguments."""

    sweep_id: str
    request: str
    context: RequestContext
    runs: tuple[float | int | str, ...]

    @property
    def reuses(self) -> bool:
        """Return whether it contains measurements of earlier runs. These can be megabytes."""
        return any(self.runs[2::3])


class Store(SweepReader):
    """Store of sweeps.

    Each change of a sweep is one atomic script, and each read is consistent. Every method raises
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
        self.trained_runs = TrainedRuns(redis, self.workers)
        self._create = redis.register_script(source(Script.CREATE))
        self._extend = redis.register_script(source(Script.EXTEND))
        self._cancel = redis.register_script(source(Script.CANCEL))
        self._retry = redis.register_script(source(Script.RETRY))
        self._delete = redis.register_script(source(Script.DELETE))
        self._creations = Batcher(self._create_all)

    async def close(self) -> None:
        """Close the connections."""
        await self.redis.aclose()

    async def ping(self) -> None:
        """Send PING to Redis. Raise redis.exceptions.RedisError if it does not respond."""
        await self.redis.ping()

    async def create(
        self, sweep_id: str, request: SweepRequest, context: RequestContext, trained: Mapping[GridPoint, str]
    ) -> None:
        """Create a sweep with its runs. An existing sweep with this id stays unchanged.

        Runs in `trained` end immediately with the given measurements (JSON). All others are queued. Concurrent calls
        share a round trip.
        """
        runs = tuple(runs_for_scripts(request.grid(), trained))
        await self._creations.call(NewSweep(sweep_id, request.model_dump_json(), context, runs))

    async def extend(
        self,
        sweep_id: str,
        run_count: int,
        grid: Sequence[GridPoint],
        trained: Mapping[GridPoint, str],
        version: int | None = None,
    ) -> bool:
        """Add runs to a sweep. Return False and add nothing if it no longer has exactly `run_count` runs.

        Raises:
            SweepNotFoundError: The sweep no longer exists.
            SweepChangedError: The sweep does not have this version.
        """
        await self.redis.zadd(OPEN, {sweep_id: await server_time_async(self.redis)})
        arguments = [run_count, *runs_for_scripts(grid, trained)]
        added: int | None = await self._run(self._extend, sweep_id, arguments, version)
        if added is None:
            raise SweepNotFoundError(f'No sweep has the id "{sweep_id}".')
        return bool(added)

    async def cancel(self, sweep_id: str, index: int | None = None, version: int | None = None) -> int:
        """Cancel one run or all runs of a sweep: queued runs immediately, running runs at their next lease renewal.

        Returns:
            The number of these runs that are cancelled or being cancelled, including those from earlier calls.

        Raises:
            SweepChangedError: The sweep does not have this version.
        """
        cancelled, ended = await self._run(self._cancel, sweep_id, [] if index is None else [str(index)], version)
        if ended:
            with suppress(RedisError):  # a full store can cancel but not count; losing a count is acceptable
                await self.redis.hincrby(COUNTERS, field(Counter.RUNS, RunStatus.CANCELLED), ended)
        return int(cancelled)

    async def retry(self, sweep_id: str, runs: int, version: int | None = None) -> int:
        """Queue up to `runs` failed and cancelled runs of the sweep again. Return how many were queued.

        Raises:
            SweepChangedError: The sweep does not have this version.
        """
        await self.redis.zadd(OPEN, {sweep_id: await server_time_async(self.redis)})
        retried: int = await self._run(self._retry, sweep_id, [runs], version)
        return retried

    async def delete(self, sweep_id: str, version: int | None = None) -> bool:
        """Remove a sweep with all its keys. Return False and remove nothing if it has queued or running runs.

        Raises:
            SweepChangedError: The sweep does not have this version.
        """
        if not await self._run(self._delete, sweep_id, ["+inf"], version):
            return False
        await self.redis.zrem(SWEEPS, sweep_id)
        return True

    async def _run(self, script: AsyncScript, sweep_id: str, arguments: Sequence[Any], version: int | None) -> Any:  # noqa: ANN401 - the reply of any script
        """Run a script on a sweep, only if the sweep has this version. None accepts any version."""
        keys = SweepKeys(sweep_id)
        if version is None:
            return await script(keys=keys.for_scripts, args=arguments)

        async def compare_and_run(pipeline: Pipeline) -> None:
            if await pipeline.hget(keys.record, "version") != str(version):
                raise SweepChangedError("The sweep has changed since it was read. Nothing was changed.")
            pipeline.multi()  # type: ignore[no-untyped-call]
            await script(keys=keys.for_scripts, args=arguments, client=pipeline)

        # Redis runs the script only if the record has not changed since the comparison; otherwise this starts again.
        (reply,) = await self.redis.transaction(compare_and_run, keys.record)
        return reply

    async def _create_all(self, sweeps: list[NewSweep]) -> list[int | Exception]:
        written: list[int | Exception] = []
        for batch in _batches(sweeps):
            try:
                written += await self._create_batch(batch)
            except RedisError as error:
                written += [error] * len(batch)
        return written

    async def _create_batch(self, sweeps: list[NewSweep]) -> list[int | Exception]:
        created_at = await server_time_async(self.redis)
        ids = dict.fromkeys((sweep.sweep_id for sweep in sweeps), created_at)
        async with self.redis.pipeline(transaction=False) as pipeline:
            # Index first: readers skip ids without a record, but an unindexed record is unreachable.
            pipeline.zadd(SWEEPS, ids, nx=True)
            pipeline.zadd(OPEN, ids)
            for sweep_id, request, context, runs in sweeps:
                arguments = [request, str(created_at), *context, *runs]
                await self._create(keys=SweepKeys(sweep_id).for_scripts, args=arguments, client=pipeline)
            listed, opened, *written = await pipeline.execute(raise_on_error=False)
        refusal = next((reply for reply in (listed, opened) if isinstance(reply, Exception)), None)
        if refusal:
            raise refusal
        return written


def runs_for_scripts(grid: Sequence[GridPoint], trained: Mapping[GridPoint, str]) -> Iterator[float | int | str]:
    """Yield scale, seed and measurements ("" if not trained) of each run, as shared/store/lua/prelude.lua expects."""
    for scale, seed in grid:
        yield from (scale, seed, trained.get((scale, seed), ""))


def _batches(sweeps: Sequence[NewSweep]) -> Iterator[list[NewSweep]]:
    """Yield the sweeps in batches. A sweep with measurements gets its own batch, because writing it is slow."""
    for reuses, group in groupby(sweeps, key=lambda sweep: sweep.reuses):
        if reuses:
            yield from ([sweep] for sweep in group)
        else:
            yield list(group)
