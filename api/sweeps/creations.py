"""New sweeps, written many in a trip."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.sweeps.batching import Batched
from api.sweeps.reuse import GridPoint
from noisesweep.models import SweepRequest
from shared.store.keys import OPEN, SWEEPS, SweepKeys
from shared.store.scripts import Script, source


class Origin(NamedTuple):
    """Who asked for a sweep, as far as is known: the API key's name, the request's id, its W3C trace context."""

    key: str = ""
    request_id: str = ""
    traceparent: str = ""


class Creation(NamedTuple):
    """A sweep to be written: its id, its request (JSON), who asked for it, and its runs as scripts take them."""

    sweep_id: str
    request: str
    origin: Origin
    runs: tuple[float | int | str, ...]

    @property
    def reuses(self) -> bool:
        """Whether it brings what runs have measured, which can be megabytes."""
        return any(self.runs[2::3])


class Creations:
    """Writes sweeps with their runs: each by one atomic script, and what is submitted at once in one trip."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._create = redis.register_script(source(Script.CREATE))
        self._batches = Batched(self._write_all)

    async def create(
        self, sweep_id: str, request: SweepRequest, origin: Origin, trained: Mapping[GridPoint, str]
    ) -> None:
        """Write a sweep and its runs under an id; where there is a sweep of this id, it stays.

        The runs are queued, but for those that were trained before, which end with what was measured then (JSON).
        """
        runs = tuple(runs_for_scripts(request.grid(), trained))
        await self._batches.ask(Creation(sweep_id, request.model_dump_json(), origin, runs))

    async def _write_all(self, creations: list[Creation]) -> list[int | Exception]:
        written: list[int | Exception] = []
        for trip in _trips(creations):
            try:
                written += await self._write(trip)
            except RedisError as error:
                written += [error] * len(trip)
        return written

    async def _write(self, creations: list[Creation]) -> list[int | Exception]:
        seconds, microseconds = await self._redis.time()
        created_at = int(seconds) * 1_000_000 + int(microseconds)
        ids = dict.fromkeys((creation.sweep_id for creation in creations), created_at)
        async with self._redis.pipeline(transaction=False) as pipeline:
            # Listed before they are written: the list skips an id without a record, and a record not listed were lost.
            pipeline.zadd(SWEEPS, ids, nx=True)
            pipeline.zadd(OPEN, ids)
            for sweep_id, request, origin, runs in creations:
                arguments = [request, str(created_at), *origin, *runs]
                await self._create(keys=SweepKeys(sweep_id).for_scripts, args=arguments, client=pipeline)
            listed, opened, *written = await pipeline.execute(raise_on_error=False)
        refusal = next((reply for reply in (listed, opened) if isinstance(reply, Exception)), None)
        if refusal:
            raise refusal
        return written


def runs_for_scripts(grid: Sequence[GridPoint], trained: Mapping[GridPoint, str]) -> Iterator[float | int | str]:
    """The runs of a grid as lua/prelude.lua takes them: scale, seed, and what was measured before or nothing."""
    for scale, seed in grid:
        yield from (scale, seed, trained.get((scale, seed), ""))


def _trips(creations: Sequence[Creation]) -> Iterator[list[Creation]]:
    """In their order; those with measurements one by one, for a pipeline of such would take longer than is waited."""
    for reuses, neighbours in groupby(creations, key=lambda creation: creation.reuses):
        if reuses:
            yield from ([creation] for creation in neighbours)
        else:
            yield list(neighbours)
