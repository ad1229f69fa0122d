"""The API's side of the store: create sweeps, read sweeps and runs, cancel, retry, delete."""

from collections.abc import AsyncIterator
from typing import NamedTuple, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.client import NEVER_DECODE

from api.records import StreamEntry, event_of, run_of, sweep_of
from shared.errors import ModelNotFoundError, RunNotFoundError, SweepNotFoundError
from shared.keys import ENDED, OPEN, SWEEPS, SweepKeys, parse_run_id, run_id
from shared.models import (
    EpochMetrics,
    Event,
    Queue,
    Run,
    RunStatus,
    Sweep,
    SweepRequest,
)
from shared.scripts import Script, source
from shared.settings import Settings

# An id that is before all events.
NO_EVENT = "0-0"


class Place(NamedTuple):
    """Where a sweep stands in the list of all; later ones are greater."""

    created_at: int
    sweep_id: str


# The rate is measured over the ends of this time.
RATE_WINDOW_SECONDS = 600


class Store:
    """Sweeps as they are written by a client's request and as they are read back.

    Every change of a sweep is one atomic script; it is read at one moment. Each method raises
    redis.exceptions.RedisError when Redis does not answer within a few seconds; the next call tries again.
    """

    def __init__(self, settings: Settings) -> None:
        self.redis: Redis = Redis.from_url(
            settings.redis_url.get_secret_value(),
            decode_responses=True,
            socket_connect_timeout=1,
            socket_timeout=2,
            retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), 1),
        )
        self._create = self.redis.register_script(source(Script.CREATE))
        self._read = self.redis.register_script(source(Script.READ))
        self._cancel = self.redis.register_script(source(Script.CANCEL))
        self._retry = self.redis.register_script(source(Script.RETRY))
        self._delete = self.redis.register_script(source(Script.DELETE))

    async def close(self) -> None:
        """Give the connections back."""
        await self.redis.aclose()

    async def ping(self) -> None:
        """Return if Redis answers."""
        await self.redis.ping()

    async def create(self, sweep_id: str, request: SweepRequest) -> None:
        """Write a sweep and its runs, all queued, under an id; where there is a sweep of this id, it stays."""
        created_at = await self._now()
        # Listed before it is written: the list skips an id without a record, and a record not listed would be lost.
        await self.redis.zadd(SWEEPS, {sweep_id: created_at}, nx=True)
        await self.redis.zadd(OPEN, {sweep_id: created_at})
        grid = [field for scale, seed in request.grid() for field in (scale, seed)]
        await self._create(
            keys=SweepKeys(sweep_id).for_scripts, args=[request.model_dump_json(), str(created_at), *grid]
        )

    async def cancel(self, sweep_id: str, index: int | None = None) -> int:
        """Cancel a run, or all of the sweep's: queued ones at once, running ones soon.

        Return how many of them are cancelled or going to be, by this or before.
        """
        cancelled: int = await self._cancel(
            keys=SweepKeys(sweep_id).for_scripts, args=[] if index is None else [str(index)]
        )
        return cancelled

    async def retry(self, sweep_id: str) -> int:
        """Queue the sweep's failed and cancelled runs again; return how many."""
        await self.redis.zadd(OPEN, {sweep_id: await self._now()})
        retried: int = await self._retry(keys=SweepKeys(sweep_id).for_scripts)
        return retried

    async def delete(self, sweep_id: str) -> bool:
        """Remove a sweep with all its keys; False if it has queued or running runs, and stays."""
        if not await self._delete(keys=SweepKeys(sweep_id).for_scripts, args=["+inf"]):
            return False
        await self.redis.zrem(SWEEPS, sweep_id)
        return True

    async def queue(self) -> Queue:
        """How much waits and how much trains, over all sweeps."""
        now, sweeps = await self._now(), await self._open_sweeps()
        waiting = [opened_at for opened_at, queued, _ in sweeps if queued]
        return Queue(
            queued_runs=sum(queued for _, queued, _ in sweeps),
            running_runs=sum(running for _, _, running in sweeps),
            oldest_wait_seconds=(now - min(waiting)) / 1_000_000 if waiting else None,
            runs_per_minute=60 * await self.runs_per_second(),
        )

    async def queued_runs(self) -> int:
        """How many runs of all sweeps are queued."""
        return sum(queued for _, queued, _ in await self._open_sweeps())

    async def _open_sweeps(self) -> list[tuple[float, int, int]]:
        """When each open sweep was opened (µs), and how many of its runs are queued and how many running."""
        opened = cast("list[tuple[str, float]]", await self.redis.zrange(OPEN, 0, -1, withscores=True))
        async with self.redis.pipeline(transaction=False) as pipeline:
            for sweep_id, _ in opened:
                pipeline.zcard(SweepKeys(sweep_id).queued)
                pipeline.zcard(SweepKeys(sweep_id).leases)
            counts = await pipeline.execute()
        times = [opened_at for _, opened_at in opened]
        return list(zip(times, counts[::2], counts[1::2], strict=True))

    async def runs_per_second(self) -> float:
        """How many runs have ended per second, over the last ten minutes or since the first end in them; 0 if none.

        The first minute counts as a whole one: runs of a stack end together, and would pass for a rate.
        """
        now = await self._now() // 1000
        entries = await self.redis.xrevrange(ENDED, min=now - RATE_WINDOW_SECONDS * 1000)
        if not entries:
            return 0.0
        first = int(str(entries[-1][0]).split("-")[0])
        return 1000 * len(entries) / max(now - first, 60_000)

    async def _now(self) -> int:
        """The server's time, µs."""
        seconds, microseconds = await self.redis.time()
        return int(seconds) * 1_000_000 + int(microseconds)

    async def sweep(self, sweep_id: str) -> Sweep:
        """Read a sweep; raise SweepNotFoundError if there is none."""
        reply = await self._read(keys=SweepKeys(sweep_id).for_scripts)
        if reply is None:
            raise SweepNotFoundError(f'No sweep has the id "{sweep_id}".')
        return sweep_of(sweep_id, reply)

    async def listed(self, before: Place | None, limit: int) -> list[tuple[Place, Sweep | None]]:
        """Read the sweeps that stand before a place in the list, the newest first; None where one has been removed."""
        latest = "+inf" if before is None else before.created_at
        entries = cast(
            "list[tuple[str, float]]",
            # One more, because the place itself is among them.
            await self.redis.zrange(
                SWEEPS, latest, "-inf", desc=True, byscore=True, offset=0, num=limit + 1, withscores=True
            ),
        )
        places = [Place(int(created_at), sweep_id) for sweep_id, created_at in entries]
        places = [place for place in places if before is None or place < before][:limit]
        async with self.redis.pipeline(transaction=False) as pipeline:
            for place in places:
                await self._read(keys=SweepKeys(place.sweep_id).for_scripts, client=pipeline)
            replies = await pipeline.execute()
        return [
            (place, sweep_of(place.sweep_id, reply) if reply else None)
            for place, reply in zip(places, replies, strict=True)
        ]

    async def run(self, sweep_id: str, index: int) -> Run:
        """Read a run with all its epochs; raise RunNotFoundError if there is none."""
        keys = SweepKeys(sweep_id)
        async with self.redis.pipeline(transaction=True) as pipeline:
            pipeline.hmget(keys.record, "request", "version")
            pipeline.hgetall(keys.run(index))
            pipeline.zscore(keys.queued, str(index))
            pipeline.zscore(keys.leases, str(index))
            pipeline.lrange(keys.epochs(index), 0, -1)
            record, *reply = await pipeline.execute()
        if not reply[0]:
            raise RunNotFoundError(f'No run has the id "{run_id(sweep_id, index)}".')
        return run_of(sweep_id, index, record, reply)

    async def epochs(self, sweep_id: str, index: int) -> list[EpochMetrics]:
        """All epochs of a run, in order."""
        epochs = cast("list[str]", await self.redis.lrange(SweepKeys(sweep_id).epochs(index), 0, -1))
        return [EpochMetrics.model_validate_json(epoch) for epoch in epochs]

    async def version(self, sweep_id: str) -> int:
        """The sweep's version, which grows with each change of it; raise SweepNotFoundError if there is no sweep."""
        version = await self.redis.hget(SweepKeys(sweep_id).record, "version")
        if version is None:
            raise SweepNotFoundError(f'No sweep has the id "{sweep_id}".')
        return int(version)

    async def events(self, sweep_id: str, after: str, limit: int = 500) -> list[Event]:
        """The first events of the sweep after an id, "0-0" being before all, in order."""
        entries = await self.redis.xrange(SweepKeys(sweep_id).events, min=f"({after}", count=limit)
        return [event_of(sweep_id, entry) for entry in cast("list[StreamEntry]", entries)]

    async def events_after(self, sweep_id: str, after: str) -> AsyncIterator[Event]:
        """All events of the sweep after an id, read page by page."""
        while page := await self.events(sweep_id, after):
            for event in page:
                yield event
            after = page[-1].id

    async def last_event_id(self, sweep_id: str) -> str:
        """The id of the sweep's last event, "0-0" if nothing has happened."""
        entries = cast("list[StreamEntry]", await self.redis.xrevrange(SweepKeys(sweep_id).events, count=1))
        return entries[0][0] if entries else NO_EVENT

    async def exists(self, sweep_id: str, index: int | None = None) -> bool:
        """Whether there is a sweep of this id, and in it a run at this index if one is given."""
        keys = SweepKeys(sweep_id)
        return bool(await self.redis.exists(keys.record if index is None else keys.run(index)))

    async def model(self, run: Run) -> bytes:
        """The .keras file of a run; raise ModelNotFoundError, saying why, if there is none."""
        if not run.keep_model:
            raise ModelNotFoundError("This run's model was not kept: submit with keep_model set to true.")
        if run.status is not RunStatus.SUCCEEDED:
            raise ModelNotFoundError(f"This run has no model yet: it is {run.status}.")
        sweep_id, index = parse_run_id(run.id)
        model: bytes | None = await self.redis.execute_command(  # type: ignore[no-untyped-call]
            "GET", SweepKeys(sweep_id).model(index), **{NEVER_DECODE: True}
        )
        if model is None:
            raise ModelNotFoundError("This run's model is no longer kept: its days are over.")
        return model
