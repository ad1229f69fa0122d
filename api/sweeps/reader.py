"""Reading sweeps, runs and events from the store. What many requests ask at once is read in one round trip."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple, cast

from redis.asyncio import Redis
from redis.client import NEVER_DECODE
from redis.exceptions import ResponseError

from api.sweeps.batching import Batching
from api.sweeps.errors import ModelNotFoundError
from api.sweeps.records import StreamEntry, events_of, run_of, sweep_of
from api.sweeps.workers import Workers
from noisesweep.models import EpochMetrics, Evaluation, Event, Run, RunStatus, Sweep, SweepRequest
from shared.errors import RunNotFoundError, SweepNotFoundError
from shared.store.keys import SWEEPS, SweepKeys, parse_run_id, run_id
from shared.store.scripts import Script, is_newer, raise_if_newer, source

# An id before that of any event.
NO_EVENT = "0-0"
EVENTS_AT_ONCE = 500


class Cursor(NamedTuple):
    """The position of a sweep in the list of all; later sweeps are greater."""

    created_at: int
    sweep_id: str


class SweepVersion(NamedTuple):
    """The state that determines all answers about a sweep or one of its runs. ETags are made from it.

    Attributes:
        version: Grows with each change of the sweep.
        stranded: Whether it has queued runs while no worker is alive.
    """

    version: int
    stranded: bool


class SweepReader:
    """Sweeps, runs and events as they are in the store.

    Each method raises redis.exceptions.RedisError if Redis does not answer.
    """

    def __init__(self, redis: Redis, workers: Workers) -> None:
        self.redis = redis
        self.workers = workers
        self._read = redis.register_script(source(Script.READ))
        self._sweeps = Batching(self._read_sweeps)
        self._versions = Batching(self._read_versions)

    async def sweep(self, sweep_id: str) -> Sweep:
        """Return a sweep; raise SweepNotFoundError if it does not exist."""
        sweep = await self._sweeps.ask(sweep_id)
        if sweep is None:
            raise SweepNotFoundError(f'No sweep has the id "{sweep_id}".')
        return sweep

    async def _read_sweeps(self, sweep_ids: list[str]) -> list[Sweep | Exception | None]:
        async with self.redis.pipeline(transaction=False) as pipeline:
            for sweep_id in sweep_ids:
                await self._read(keys=SweepKeys(sweep_id).for_scripts, client=pipeline)
            replies = await pipeline.execute(raise_on_error=False)
        any_worker = await self.workers.any_alive()

        def answer(sweep_id: str, reply: Sequence[Any] | Exception | None) -> Sweep | Exception | None:
            if isinstance(reply, Exception):
                return reply
            try:
                return sweep_of(sweep_id, reply, any_worker=any_worker) if reply else None
            except (ValueError, KeyError) as unreadable:
                return unreadable  # the other sweeps of the batch are answered

        return [answer(sweep_id, reply) for sweep_id, reply in zip(sweep_ids, replies, strict=True)]

    async def listed(self, before: Cursor | None, limit: int) -> list[tuple[Cursor, Sweep | None]]:
        """Return up to `limit` sweeps before a position in the list, the newest first.

        A sweep is None if it has been removed, or was written by a newer program.
        """
        latest = "+inf" if before is None else before.created_at
        entries = cast(
            "list[tuple[str, float]]",
            # One more, because the sweep at the cursor is among them.
            await self.redis.zrange(
                SWEEPS, latest, "-inf", desc=True, byscore=True, offset=0, num=limit + 1, withscores=True
            ),
        )
        cursors = [Cursor(int(created_at), sweep_id) for sweep_id, created_at in entries]
        cursors = [cursor for cursor in cursors if before is None or cursor < before][:limit]
        sweeps = await asyncio.gather(*(self._sweep_unless_newer(cursor.sweep_id) for cursor in cursors))
        return list(zip(cursors, sweeps, strict=True))

    async def _sweep_unless_newer(self, sweep_id: str) -> Sweep | None:
        try:
            return await self._sweeps.ask(sweep_id)
        except ResponseError as error:
            if is_newer(error):
                return None
            raise

    async def request(self, sweep_id: str) -> SweepRequest:
        """Return the request that the sweep was submitted with; raise SweepNotFoundError if it does not exist."""
        record = cast("list[str | None]", await self.redis.hmget(SweepKeys(sweep_id).record, "schema", "request"))
        schema, request = record
        raise_if_newer(schema)
        if request is None:
            raise SweepNotFoundError(f'No sweep has the id "{sweep_id}".')
        return SweepRequest.model_validate_json(request)

    async def submitter(self, sweep_id: str) -> str:
        """Return the name of the API key that the sweep was submitted with; "" if there was none."""
        return str(await self.redis.hget(SweepKeys(sweep_id).record, "key") or "")

    async def run(self, sweep_id: str, index: int) -> Run:
        """Return a run with all its epochs; raise RunNotFoundError if it does not exist."""
        keys = SweepKeys(sweep_id)
        async with self.redis.pipeline(transaction=True) as pipeline:
            pipeline.hmget(keys.record, "schema", "request", "version")
            pipeline.hgetall(keys.run(index))
            pipeline.zscore(keys.queued, str(index))
            pipeline.zscore(keys.leases, str(index))
            pipeline.lrange(keys.epochs(index), 0, -1)
            pipeline.get(keys.evaluation(index))
            (schema, *record), *reply = await pipeline.execute()
        raise_if_newer(schema)
        if not reply[0]:
            raise RunNotFoundError(f'No run has the id "{run_id(sweep_id, index)}".')
        return run_of(sweep_id, index, record, reply, any_worker=await self.workers.any_alive())

    async def epochs(self, sweep_id: str, index: int) -> list[EpochMetrics]:
        """Return all epochs of a run, in order."""
        epochs = cast("list[str]", await self.redis.lrange(SweepKeys(sweep_id).epochs(index), 0, -1))
        return [EpochMetrics.model_validate_json(epoch) for epoch in epochs]

    async def all_epochs(self, sweep: Sweep) -> list[list[EpochMetrics]]:
        """Return all epochs of each of the sweep's runs, by index."""
        keys = SweepKeys(sweep.id)
        async with self.redis.pipeline(transaction=False) as pipeline:
            for index in range(len(sweep.runs)):
                pipeline.lrange(keys.epochs(index), 0, -1)
            replies = await pipeline.execute()
        return [[EpochMetrics.model_validate_json(epoch) for epoch in epochs] for epochs in replies]

    async def evaluations(self, sweep: Sweep) -> list[Evaluation | None]:
        """Return the evaluation of each of the sweep's runs, by index; None if it has not succeeded."""
        keys = SweepKeys(sweep.id)
        replies = await self.redis.mget([keys.evaluation(index) for index in range(len(sweep.runs))])
        return [Evaluation.model_validate_json(reply) if reply else None for reply in replies]

    async def version(self, sweep_id: str, index: int | None = None) -> SweepVersion:
        """Return the version of the sweep, or of its run at an index; raise SweepNotFoundError if it does not exist."""
        version = await self._versions.ask((sweep_id, index))
        if version is None:
            raise SweepNotFoundError(f'No sweep has the id "{sweep_id}".')
        return version

    async def _read_versions(self, asked: list[tuple[str, int | None]]) -> list[SweepVersion | None]:
        async with self.redis.pipeline(transaction=False) as pipeline:
            for sweep_id, index in asked:
                keys = SweepKeys(sweep_id)
                pipeline.hget(keys.record, "version")
                # A run's score is its index.
                pipeline.zcount(keys.queued, *("-inf", "+inf") if index is None else (index, index))
            replies = await pipeline.execute()
        any_worker = await self.workers.any_alive()
        return [
            SweepVersion(int(version), stranded=queued > 0 and not any_worker) if version else None
            for version, queued in zip(replies[::2], replies[1::2], strict=True)
        ]

    async def exists(self, sweep_id: str, index: int | None = None) -> bool:
        """Return whether the sweep exists, and its run at an index if one is given."""
        keys = SweepKeys(sweep_id)
        return bool(await self.redis.exists(keys.record if index is None else keys.run(index)))

    async def model(self, run: Run) -> bytes:
        """Return the .keras file of a run; raise ModelNotFoundError with the reason if there is none."""
        if not run.keep_model:
            raise ModelNotFoundError("This run's model was not kept: submit with keep_model set to true.")
        if run.status is not RunStatus.SUCCEEDED:
            raise ModelNotFoundError(f"This run has no model yet: it is {run.status}.")
        sweep_id, index = parse_run_id(run.id)
        model: bytes | None = await self.redis.execute_command(  # type: ignore[no-untyped-call]
            "GET", SweepKeys(sweep_id).model(index), **{NEVER_DECODE: True}
        )
        if model is None:
            raise ModelNotFoundError("This run's model has expired: a model is kept for some days.")
        return model

    async def events(self, sweep_id: str, after: str, limit: int) -> list[Event]:
        """Return the first events of the sweep after an event id, in order."""
        return events_of(sweep_id, await self._entries(sweep_id, after, limit))

    async def all_events(self, sweep_id: str, after: str) -> AsyncIterator[Event]:
        """Yield all events of the sweep after an event id, read page by page."""
        while entries := await self._entries(sweep_id, after, EVENTS_AT_ONCE):
            for event in events_of(sweep_id, entries):
                yield event
            after = entries[-1][0]

    async def last_event_id(self, sweep_id: str) -> str:
        """Return the id of the sweep's last event; NO_EVENT if there is none."""
        entries = cast("list[StreamEntry]", await self.redis.xrevrange(SweepKeys(sweep_id).events, count=1))
        return entries[0][0] if entries else NO_EVENT

    async def _entries(self, sweep_id: str, after: str, limit: int) -> list[StreamEntry]:
        entries = await self.redis.xrange(SweepKeys(sweep_id).events, min=f"({after}", count=limit)
        return cast("list[StreamEntry]", entries)
