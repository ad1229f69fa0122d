"""The API's side of the store: changes of sweeps. Reading is in api/sweeps/reader.py."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from typing import NamedTuple

from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import RedisError

from api.limits import Limits
from api.sweeps.batching import Batching
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
    """The request that submitted a sweep.

    Attributes:
        key: Name of the API key; empty without keys.
        request_id: Id of the request; empty if unknown.
        traceparent: W3C trace context; empty if the client sent none.
    """

    key: str = ""
    request_id: str = ""
    traceparent: str = ""


class NewSweep(NamedTuple):
    """A sweep to write: its id, its request as JSON, the submitting request, and its runs as script arguments."""

    sweep_id: str
    request: str
    context: RequestContext
    runs: tuple[float | int | str, ...]

    @property
    def reuses(self) -> bool:
        """Return whether it brings measurements of earlier runs, which can be megabytes."""
        return any(self.runs[2::3])


class Store(SweepReader):
    """Sweeps: created, read, extended, cancelled, retried and deleted.

    Every change of a sweep is one atomic script, and a sweep is read at one moment. Each method raises
    redis.exceptions.RedisError if Redis does not answer within a few seconds; the next call tries again.

    Attributes:
        redis: The client.
        trained_runs: Finds runs that need no training.
        workers: Reads the workers' heartbeats.
    """

    def __init__(self, settings: Settings, limits: Limits) -> None:
        redis = connections.with_asyncio(
            settings,
            # A client waits for the answer.
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
        self._creations = Batching(self._create_all)

    async def close(self) -> None:
        """Close the connections."""
        await self.redis.aclose()

    async def ping(self) -> None:
        """Return if Redis answers."""
        await self.redis.ping()

    async def create(
        self, sweep_id: str, request: SweepRequest, context: RequestContext, trained: Mapping[GridPoint, str]
    ) -> None:
        """Write a sweep and its runs under an id; a sweep of this id stays as it is.

        Sweeps that are submitted at the same time are written in one round trip. The runs are queued, except those
        that were trained before: they end with the measurements of then (JSON).
        """
        runs = tuple(runs_for_scripts(request.grid(), trained))
        await self._creations.ask(NewSweep(sweep_id, request.model_dump_json(), context, runs))

    async def extend(
        self, sweep_id: str, run_count: int, grid: Sequence[GridPoint], trained: Mapping[GridPoint, str]
    ) -> bool:
        """Add runs to a sweep that has `run_count` runs; return False if it has another number by now.

        Raises:
            SweepNotFoundError: The sweep does not exist any more.
        """
        await self.redis.zadd(OPEN, {sweep_id: await server_time_async(self.redis)})
        arguments = [run_count, *runs_for_scripts(grid, trained)]
        added: int | None = await self._extend(keys=SweepKeys(sweep_id).for_scripts, args=arguments)
        if added is None:
            raise SweepNotFoundError(f'No sweep has the id "{sweep_id}".')
        return bool(added)

    async def cancel(self, sweep_id: str, index: int | None = None) -> int:
        """Cancel a run, or all runs of the sweep: queued ones at once, running ones soon.

        Return how many of them are cancelled or about to be, by this call or before.
        """
        cancelled, ended = await self._cancel(
            keys=SweepKeys(sweep_id).for_scripts, args=[] if index is None else [str(index)]
        )
        if ended:
            with suppress(RedisError):  # a full store cancels, but takes no count: a count may be lost
                await self.redis.hincrby(COUNTERS, field(Counter.RUNS, RunStatus.CANCELLED), ended)
        return int(cancelled)

    async def retry(self, sweep_id: str, runs: int) -> int:
        """Queue at most `runs` of the sweep's failed and cancelled runs again; return how many."""
        await self.redis.zadd(OPEN, {sweep_id: await server_time_async(self.redis)})
        retried: int = await self._retry(keys=SweepKeys(sweep_id).for_scripts, args=[runs])
        return retried

    async def delete(self, sweep_id: str) -> bool:
        """Remove a sweep with all its keys; return False if it has queued or running runs, and stays."""
        if not await self._delete(keys=SweepKeys(sweep_id).for_scripts, args=["+inf"]):
            return False
        await self.redis.zrem(SWEEPS, sweep_id)
        return True

    async def _create_all(self, sweeps: list[NewSweep]) -> list[int | Exception]:
        written: list[int | Exception] = []
        for trip in _trips(sweeps):
            try:
                written += await self._create_together(trip)
            except RedisError as error:
                written += [error] * len(trip)
        return written

    async def _create_together(self, sweeps: list[NewSweep]) -> list[int | Exception]:
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
    """Yield scale, seed and earlier measurements or "" of each run, as shared/store/lua/prelude.lua takes them."""
    for scale, seed in grid:
        yield from (scale, seed, trained.get((scale, seed), ""))


def _trips(sweeps: Sequence[NewSweep]) -> Iterator[list[NewSweep]]:
    """Yield the sweeps in order, in round trips; those with measurements alone, because they take long to write."""
    for reuses, neighbours in groupby(sweeps, key=lambda sweep: sweep.reuses):
        if reuses:
            yield from ([sweep] for sweep in neighbours)
        else:
            yield list(neighbours)
