"""Reader of sweeps, runs and events. Concurrent reads share round trips to Redis."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple, cast

from redis.asyncio import Redis
from redis.client import NEVER_DECODE
from redis.exceptions import ResponseError

from api.sweeps.batching import Batcher
from api.sweeps.errors import ModelNotFoundError, UnreadableSweepError
from api.sweeps.records import StreamEntry, parse_events, parse_run, parse_sweep
from api.sweeps.workers import Workers
from noisesweep.models import EpochMetrics, Evaluation, Event, Run, RunStatus, Sweep, SweepRequest
from shared.errors import RunNotFoundError, SweepNotFoundError
from shared.store.keys import SWEEPS, SweepKeys, parse_run_id, run_id
from shared.store.scripts import Script, is_broken, is_newer, raise_if_newer, source

logger = logging.getLogger(__name__)

# Event id before all events.
NO_EVENT = "0-0"
EVENTS_PER_READ = 500


class Cursor(NamedTuple):
    """Position of a sweep in the list of all sweeps, in ascending order of creation."""

    created_at: int
    sweep_id: str


class SweepVersion(NamedTuple):
    """Version of a sweep or run. Responses with equal versions are equal, so ETags are made from it.

    Attributes:
        version: Number that increases with each change of the sweep.
        stranded: Whether runs are queued while no worker is alive.
    """

    version: int
    stranded: bool


class SweepReader:
    """Reader of sweeps, runs and events.

    Every method raises redis.exceptions.RedisError if Redis does not respond.
    """

    def __init__(self, redis: Redis, workers: Workers) -> None:
        self.redis = redis
        self.workers = workers
        self._read = redis.register_script(source(Script.READ))
        self._sweeps = Batcher(self._read_sweeps)
        self._runs = Batcher(self._read_runs)
        self._versions = Batcher(self._read_versions)

    async def sweep(self, sweep_id: str) -> Sweep:
        """Return a sweep. Raise SweepNotFoundError if it does not exist."""
        sweep = await self._sweeps.call(sweep_id)
        if sweep is None:
            raise _sweep_not_found(sweep_id)
        return sweep

    async def _read_sweeps(self, sweep_ids: list[str]) -> list[Sweep | Exception | None]:
        async with self.redis.pipeline(transaction=False) as pipeline:
            for sweep_id in sweep_ids:
                await self._read(keys=SweepKeys(sweep_id).for_scripts, client=pipeline)
            replies = await pipeline.execute(raise_on_error=False)
        any_worker = await self.workers.any_alive()

        def parse(sweep_id: str, reply: Sequence[Any] | Exception | None) -> Sweep | Exception | None:
            if isinstance(reply, Exception):
                return UnreadableSweepError(f"Sweep {sweep_id}: {reply}") if is_broken(reply) else reply
            try:
                return parse_sweep(sweep_id, reply, any_worker=any_worker) if reply else None
            except Exception as error:  # noqa: BLE001 - whatever the record contains, the other sweeps are returned
                return UnreadableSweepError(f"Sweep {sweep_id}: {error!r}")

        return [parse(sweep_id, reply) for sweep_id, reply in zip(sweep_ids, replies, strict=True)]

    async def list_before(self, before: Cursor | None, limit: int) -> list[tuple[Cursor, Sweep | None]]:
        """Return up to `limit` sweeps that are older than the cursor, newest first.

        A sweep is None if it has been removed, was written by a newer version, or has an unreadable record.
        """
        latest = "+inf" if before is None else before.created_at
        entries = cast(
            "list[tuple[str, float]]",
            # One more, because the reply includes the sweep at the cursor.
            await self.redis.zrange(
                SWEEPS, latest, "-inf", desc=True, byscore=True, offset=0, num=limit + 1, withscores=True
            ),
        )
        cursors = [Cursor(int(created_at), sweep_id) for sweep_id, created_at in entries]
        cursors = [cursor for cursor in cursors if before is None or cursor < before][:limit]
        sweeps = await asyncio.gather(*(self._readable_sweep(cursor.sweep_id) for cursor in cursors))
        return list(zip(cursors, sweeps, strict=True))

    async def _readable_sweep(self, sweep_id: str) -> Sweep | None:
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
        record = cast("list[str | None]", await self.redis.hmget(SweepKeys(sweep_id).record, "schema", "request"))
        schema, request = record
        raise_if_newer(schema)
        if request is None:
            raise _sweep_not_found(sweep_id)
        return SweepRequest.model_validate_json(request)

    async def submitter(self, sweep_id: str) -> str:
        """Return the name of the API key that submitted the sweep; "" if there was none."""
        return str(await self.redis.hget(SweepKeys(sweep_id).record, "key") or "")

    async def run(self, sweep_id: str, index: int) -> Run:
        """Return a run with all its epochs. Raise RunNotFoundError if it does not exist."""
        run = await self._runs.call((sweep_id, index))
        if run is None:
            raise _run_not_found(sweep_id, index)
        return run

    async def _read_runs(self, targets: list[tuple[str, int]]) -> list[Run | Exception | None]:
        async with self.redis.pipeline(transaction=True) as pipeline:
            for sweep_id, index in targets:
                keys = SweepKeys(sweep_id)
                pipeline.hmget(keys.record, "schema", "request", "version")
                pipeline.hgetall(keys.run(index))
                pipeline.zscore(keys.queued, str(index))
                pipeline.zscore(keys.leases, str(index))
                pipeline.lrange(keys.epochs(index), 0, -1)
                pipeline.get(keys.evaluation(index))
            replies = await pipeline.execute(raise_on_error=False)
        any_worker = await self.workers.any_alive()

        def parse(sweep_id: str, index: int, replies: list[Any]) -> Run | Exception | None:
            if error := next((reply for reply in replies if isinstance(reply, Exception)), None):
                return error
            (schema, *record), *reply = replies
            try:
                raise_if_newer(schema)
                return parse_run(sweep_id, index, record, reply, any_worker=any_worker) if reply[0] else None
            except (ValueError, KeyError, ResponseError) as unreadable:
                return unreadable  # the other runs of the batch are returned

        reads = len(replies) // len(targets)  # of each run
        return [parse(*target, replies[reads * at : reads * (at + 1)]) for at, target in enumerate(targets)]

    async def epochs(self, sweep: Sweep, index: int) -> list[EpochMetrics]:
        """Return the epochs that a run of the sweep had when the sweep was read, in order.

        Raises:
            SweepNotFoundError: The sweep was deleted after it was read.
        """
        stored = cast("list[str]", await self.redis.lrange(SweepKeys(sweep.id).epochs(index), 0, -1))
        return _known_epochs(sweep, index, stored)

    async def all_epochs(self, sweep: Sweep) -> list[list[EpochMetrics]]:
        """Return the epochs of each run of the sweep, by run index. See `epochs`."""
        keys = SweepKeys(sweep.id)
        async with self.redis.pipeline(transaction=False) as pipeline:
            for index in range(len(sweep.runs)):
                pipeline.lrange(keys.epochs(index), 0, -1)
            replies = await pipeline.execute()
        return [_known_epochs(sweep, index, stored) for index, stored in enumerate(replies)]

    async def evaluations(self, sweep: Sweep) -> list[Evaluation | None]:
        """Return the evaluation of each run, by run index; None for a run that had not succeeded when it was read.

        Raises:
            SweepNotFoundError: The sweep was deleted after it was read.
        """
        keys = SweepKeys(sweep.id)
        replies = await self.redis.mget([keys.evaluation(index) for index in range(len(sweep.runs))])
        known = [
            reply if run.status is RunStatus.SUCCEEDED else "" for run, reply in zip(sweep.runs, replies, strict=True)
        ]
        if None in known:
            raise _deleted_while_read(sweep)
        return [Evaluation.model_validate_json(evaluation) if evaluation else None for evaluation in known]

    async def version(self, sweep_id: str, index: int | None = None) -> SweepVersion:
        """Return the version of a sweep or of one of its runs.

        Raises:
            SweepNotFoundError: The sweep does not exist.
            RunNotFoundError: `index` is given, and this run does not exist.
        """
        version = await self._versions.call((sweep_id, index))
        if version is None:
            raise _sweep_not_found(sweep_id) if index is None else _run_not_found(sweep_id, index)
        return version

    async def _read_versions(self, targets: list[tuple[str, int | None]]) -> list[SweepVersion | Exception | None]:
        async with self.redis.pipeline(transaction=False) as pipeline:
            for sweep_id, index in targets:
                keys = SweepKeys(sweep_id)
                pipeline.hget(keys.record, "version")
                # A run's score is its index.
                pipeline.zcount(keys.queued, *("-inf", "+inf") if index is None else (index, index))
                pipeline.exists(keys.record if index is None else keys.run(index))
            replies = await pipeline.execute(raise_on_error=False)
        any_worker = await self.workers.any_alive()

        def parse(version: Any, queued: Any, exists: Any) -> SweepVersion | Exception | None:  # noqa: ANN401 - replies
            if error := next((reply for reply in (version, queued, exists) if isinstance(reply, Exception)), None):
                return error  # the other versions of the batch are returned
            try:
                return (
                    SweepVersion(int(version), stranded=queued > 0 and not any_worker) if version and exists else None
                )
            except ValueError as error:
                return UnreadableSweepError(f"The version of a sweep: {error}")

        return [parse(*reads) for reads in zip(replies[::3], replies[1::3], replies[2::3], strict=True)]

    async def exists(self, sweep_id: str) -> bool:
        """Return whether the sweep exists."""
        return bool(await self.redis.exists(SweepKeys(sweep_id).record))

    async def model(self, run: Run) -> bytes:
        """Return the .keras file of a run. Raise ModelNotFoundError with the reason if there is none."""
        if not run.keep_model:
            raise ModelNotFoundError(
                "This run's model was not stored. To store models, submit with keep_model set to true."
            )
        if run.status is not RunStatus.SUCCEEDED:
            raise ModelNotFoundError(f"This run has no model, because its status is {run.status}.")
        sweep_id, index = parse_run_id(run.id)
        model: bytes | None = await self.redis.execute_command(  # type: ignore[no-untyped-call]
            "GET", SweepKeys(sweep_id).model(index), **{NEVER_DECODE: True}
        )
        if model is None:
            raise ModelNotFoundError(
                run.status_detail or "This run's model has expired. Models are stored for a limited number of days."
            )
        return model

    async def events(self, sweep_id: str, after: str, limit: int) -> list[Event]:
        """Return up to `limit` events of the sweep after an event id, in order."""
        return parse_events(sweep_id, await self._entries(sweep_id, after, limit))

    async def all_events(self, sweep_id: str, after: str) -> AsyncIterator[Event]:
        """Yield all events of the sweep after an event id, in order."""
        while entries := await self._entries(sweep_id, after, EVENTS_PER_READ):
            for event in parse_events(sweep_id, entries):
                yield event
            after = entries[-1][0]

    async def last_event_id(self, sweep_id: str) -> str:
        """Return the id of the sweep's last event, or NO_EVENT."""
        entries = cast("list[StreamEntry]", await self.redis.xrevrange(SweepKeys(sweep_id).events, count=1))
        return entries[0][0] if entries else NO_EVENT

    async def _entries(self, sweep_id: str, after: str, limit: int) -> list[StreamEntry]:
        entries = await self.redis.xrange(SweepKeys(sweep_id).events, min=f"({after}", count=limit)
        return cast("list[StreamEntry]", entries)


def _sweep_not_found(sweep_id: str) -> SweepNotFoundError:
    return SweepNotFoundError(f'No sweep has the id "{sweep_id}".')


def _run_not_found(sweep_id: str, index: int) -> RunNotFoundError:
    return RunNotFoundError(f'No run has the id "{run_id(sweep_id, index)}".')


def _known_epochs(sweep: Sweep, index: int, stored: Sequence[str]) -> list[EpochMetrics]:
    """Return the stored epochs that the sweep knows: answers with one ETag contain the same epochs."""
    known = sweep.runs[index].epochs_done
    if len(stored) < known:
        raise _deleted_while_read(sweep)
    return [EpochMetrics.model_validate_json(epoch) for epoch in stored[:known]]


def _deleted_while_read(sweep: Sweep) -> SweepNotFoundError:
    return SweepNotFoundError(f'The sweep "{sweep.id}" was deleted while it was read.')
