"""Reader of sweeps, runs and events. Concurrent reads share round trips to Redis."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any, NamedTuple, cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from api.sweeps.batching import Batcher
from api.sweeps.building import build, grouped
from api.sweeps.errors import UnreadableSweepError
from api.sweeps.measurements import Measurements
from api.sweeps.records import StreamEntry, is_stranded, parse_events, parse_run, parse_sweep
from api.sweeps.workers import Workers
from noisesweep.models import Event, Run, Sweep, SweepRequest
from shared.errors import RunNotFoundError, SweepNotFoundError
from shared.store.functions import AsyncFunctions, Function, call, is_broken, is_newer, raise_if_newer
from shared.store.keys import SWEEPS, SweepKeys, run_id

logger = logging.getLogger(__name__)

# Event id before all events.
NO_EVENT = "0-0"
EVENTS_PER_READ = 500
RUNS_PER_READ = 256


class Cursor(NamedTuple):
    """Position of a sweep in the list of all sweeps, in ascending order of creation."""

    created_at: int
    sweep_id: str


class SweepVersion(NamedTuple):
    """Version of a sweep or run. Answers about equal versions are equal, so ETags are made from it.

    Attributes:
        number: Number that increases with each change of the sweep.
        stranded: Whether runs wait while no worker is alive.
        submitter: Name of the API key that the sweep was submitted with; None if there was none.
    """

    number: int
    stranded: bool
    submitter: str | None

    @classmethod
    def of(cls, resource: Sweep | Run) -> "SweepVersion":
        """Return the version of a sweep or run that was read."""
        number = resource.version if isinstance(resource, Sweep) else resource.sweep_version
        return cls(number, is_stranded(resource), resource.submitter)

    def __str__(self) -> str:
        return f"{self.number}{'-stranded' if self.stranded else ''}"


class SweepReader:
    """Reader of sweeps, runs and events.

    Every method raises redis.exceptions.RedisError if Redis does not respond.

    Attributes:
        redis: The Redis client.
        workers: Reader of the workers.
        measurements: Reader of epochs, evaluations and models.
    """

    def __init__(self, redis: Redis, workers: Workers) -> None:
        self.redis = redis
        self.workers = workers
        self.functions = AsyncFunctions(redis)
        self.measurements = Measurements(redis)
        self._sweeps = Batcher(self._read_sweeps)
        self._runs = Batcher(self._read_runs)
        self._versions = Batcher(self._read_versions)

    async def sweep(self, sweep_id: str) -> Sweep:
        """Return a sweep. Raise SweepNotFoundError if it does not exist."""
        sweep = await self._sweeps.call(sweep_id)
        if sweep is None:
            raise sweep_not_found(sweep_id)
        return sweep

    async def _read_sweeps(self, sweep_ids: list[str]) -> list[Sweep | Exception | None]:
        replies = await self.functions.call_all([call(Function.READ, sweep=sweep_id) for sweep_id in sweep_ids])
        any_worker = await self.workers.any_alive()

        def parse(sweep_id: str, reply: Sequence[Any] | Exception | None) -> Sweep | Exception | None:
            if isinstance(reply, Exception):
                return UnreadableSweepError(f"Sweep {sweep_id}: {reply}") if is_broken(reply) else reply
            try:
                return parse_sweep(sweep_id, reply, any_worker=any_worker) if reply else None
            except Exception as error:  # noqa: BLE001 - whatever the record contains, the other sweeps are returned
                return UnreadableSweepError(f"Sweep {sweep_id}: {error!r}")

        return [
            await build(partial(parse, sweep_id, reply), len(reply) if isinstance(reply, list) else 0)
            for sweep_id, reply in zip(sweep_ids, replies, strict=True)
        ]

    async def cursors_before(self, before: Cursor | None, limit: int) -> list[Cursor]:
        """Return the positions of up to `limit` sweeps that are older than the cursor, newest first."""
        latest = "+inf" if before is None else before.created_at
        entries = cast(
            "list[tuple[str, float]]",
            # One more, because the reply includes the sweep at the cursor.
            await self.redis.zrange(
                SWEEPS, latest, "-inf", desc=True, byscore=True, offset=0, num=limit + 1, withscores=True
            ),
        )
        cursors = [Cursor(int(created_at), sweep_id) for sweep_id, created_at in entries]
        return [cursor for cursor in cursors if before is None or cursor < before][:limit]

    async def list_before(self, before: Cursor | None, limit: int) -> AsyncIterator[list[tuple[Cursor, Sweep | None]]]:
        """Yield up to `limit` sweeps that are older than the cursor, newest first, in groups of limited size.

        A sweep is None if it has been removed, was written by a newer version, or has an unreadable record.
        """
        cursors = await self.cursors_before(before, limit)
        runs = await self._run_counts([cursor.sweep_id for cursor in cursors])
        for group in grouped(cursors, lambda cursor: runs[cursor.sweep_id], RUNS_PER_READ):
            sweeps = await asyncio.gather(*(self.readable_sweep(cursor.sweep_id) for cursor in group))
            yield list(zip(group, sweeps, strict=True))

    async def _run_counts(self, sweep_ids: Sequence[str]) -> dict[str, int]:
        """Return the number of runs of each sweep; 0 if it is unknown."""
        async with self.redis.pipeline(transaction=False) as pipeline:
            for sweep_id in sweep_ids:
                pipeline.hget(SweepKeys(sweep_id).record, "run_count")
            counts = await pipeline.execute(raise_on_error=False)
        known = zip(sweep_ids, counts, strict=True)
        return {sweep_id: int(count) if str(count).isdigit() else 0 for sweep_id, count in known}

    async def readable_sweep(self, sweep_id: str) -> Sweep | None:
        """Return a sweep; None if it has been removed, was written by a newer version, or has an unreadable record."""
        try:
            return await self._sweeps.call(sweep_id)
        except UnreadableSweepError as error:
            logger.warning("Skipped a sweep whose record cannot be read: %s", error)
        except ResponseError as error:
            if not is_newer(error):
                raise
        return None

    async def request(self, sweep_id: str) -> SweepRequest:
        """Return the request that created the sweep. Raise SweepNotFoundError if it does not exist."""
        return SweepRequest.model_validate_json(await self.request_json(sweep_id))

    async def request_json(self, sweep_id: str) -> str:
        """Return the same request as it is stored."""
        record = cast("list[str | None]", await self.redis.hmget(SweepKeys(sweep_id).record, "schema", "request"))
        schema, request = record
        raise_if_newer(schema)
        if request is None:
            raise sweep_not_found(sweep_id)
        return request

    async def run(self, sweep_id: str, index: int) -> Run:
        """Return a run with all its epochs. Raise RunNotFoundError if it does not exist."""
        run = await self._runs.call((sweep_id, index))
        if run is None:
            raise run_not_found(sweep_id, index)
        return run

    async def _read_runs(self, targets: list[tuple[str, int]]) -> list[Run | Exception | None]:
        reads = [call(Function.READ_RUN, sweep=sweep_id, index=index) for sweep_id, index in targets]
        replies = await self.functions.call_all(reads)
        any_worker = await self.workers.any_alive()

        def parse(sweep_id: str, index: int, reply: Any) -> Run | Exception | None:  # noqa: ANN401 - any reply
            if reply is None or isinstance(reply, Exception):
                return reply
            try:
                return parse_run(sweep_id, index, reply, any_worker=any_worker)
            except (ValueError, KeyError) as unreadable:
                return unreadable  # the other runs of the batch are returned

        return [
            await build(partial(parse, *target, reply), len(reply[5]) if isinstance(reply, list) else 0)
            for target, reply in zip(targets, replies, strict=True)
        ]

    async def version(self, sweep_id: str, index: int | None = None) -> SweepVersion:
        """Return the version of a sweep or of one of its runs.

        Raises:
            SweepNotFoundError: The sweep does not exist.
            RunNotFoundError: `index` is given, and this run does not exist.
        """
        version = await self._versions.call((sweep_id, index))
        if version is None:
            raise sweep_not_found(sweep_id) if index is None else run_not_found(sweep_id, index)
        return version

    async def _read_versions(self, targets: list[tuple[str, int | None]]) -> list[SweepVersion | Exception | None]:
        # A transaction: the version and the queued runs must be those of one moment.
        async with self.redis.pipeline(transaction=True) as pipeline:
            for sweep_id, index in targets:
                keys = SweepKeys(sweep_id)
                pipeline.hmget(keys.record, "version", "open_runs", "submitter")
                pipeline.hmget(keys.run(index or 0), "scale", "outcome")
            replies = await pipeline.execute(raise_on_error=False)
        any_worker = await self.workers.any_alive()

        def parse(index: int | None, record: Any, run: Any) -> SweepVersion | Exception | None:  # noqa: ANN401 - replies
            if error := next((reply for reply in (record, run) if isinstance(reply, Exception)), None):
                return error  # the other versions of the batch are returned
            (version, open_runs, submitter), (scale, outcome) = record, run
            if version is None or scale is None:
                return None
            try:
                is_open = int(open_runs) > 0 if index is None else outcome is None
                return SweepVersion(int(version), is_open and not any_worker, submitter or None)
            except ValueError as error:
                return UnreadableSweepError(f"The version of a sweep: {error}")

        return [parse(index, *reads) for (_, index), *reads in zip(targets, replies[::2], replies[1::2], strict=True)]

    async def exists(self, sweep_id: str) -> bool:
        """Return whether the sweep exists."""
        return bool(await self.redis.exists(SweepKeys(sweep_id).record))

    async def submitter(self, sweep_id: str) -> str | None:
        """Return who submitted a sweep, also of one that cannot be read; None if it is not known.

        Raises:
            SweepNotFoundError: The sweep does not exist.
        """
        try:
            submitter = cast("str | None", await self.redis.hget(SweepKeys(sweep_id).record, "submitter"))
        except ResponseError:
            return None  # its key contains something else than a record
        if submitter is None and not await self.exists(sweep_id):
            raise sweep_not_found(sweep_id)
        return submitter or None

    async def fingerprint(self, sweep_id: str) -> str | None:
        """Return the fingerprint of the request that has created the sweep, or None if there is no sweep."""
        return cast("str | None", await self.redis.hget(SweepKeys(sweep_id).record, "fingerprint"))

    async def events(self, sweep_id: str, after: str, limit: int) -> list[Event]:
        """Return up to `limit` events of the sweep after an event id, in order."""
        entries = await self._entries(sweep_id, after, limit)
        return await build(partial(parse_events, sweep_id, entries), len(entries))

    async def all_events(self, sweep_id: str, after: str) -> AsyncIterator[list[Event]]:
        """Yield all events of the sweep after an event id, in order and in groups."""
        while entries := await self._entries(sweep_id, after, EVENTS_PER_READ):
            yield await build(partial(parse_events, sweep_id, entries), len(entries))
            after = entries[-1][0]

    async def last_event_id(self, sweep_id: str) -> str:
        """Return the id of the sweep's last event, or NO_EVENT."""
        entries = cast("list[StreamEntry]", await self.redis.xrevrange(SweepKeys(sweep_id).events, count=1))
        return entries[0][0] if entries else NO_EVENT

    async def _entries(self, sweep_id: str, after: str, limit: int) -> list[StreamEntry]:
        entries = await self.redis.xrange(SweepKeys(sweep_id).events, min=f"({after}", count=limit)
        return cast("list[StreamEntry]", entries)


def sweep_not_found(sweep_id: str) -> SweepNotFoundError:
    """Return the error for a sweep that does not exist."""
    return SweepNotFoundError(f'No sweep has the id "{sweep_id}".')


def run_not_found(sweep_id: str, index: int) -> RunNotFoundError:
    """Return the error for a run that does not exist."""
    return RunNotFoundError(f'No run has the id "{run_id(sweep_id, index)}".')
