"""The API's side of the store: sweeps and runs are created, read, extended, cancelled, retried, deleted."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, cast

from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.client import NEVER_DECODE
from redis.exceptions import RedisError, ResponseError

from api.sweeps.batching import Batched
from api.sweeps.creations import Creations, runs_for_scripts
from api.sweeps.event_log import EventLog
from api.sweeps.records import run_of, sweep_of
from api.sweeps.reuse import GridPoint, TrainedRuns
from api.sweeps.workers import Workers
from noisesweep.models import (
    EpochMetrics,
    Evaluation,
    Run,
    RunStatus,
    Sweep,
    SweepRequest,
)
from shared.errors import ModelNotFoundError, RunNotFoundError, SweepNotFoundError
from shared.settings import Settings
from shared.store import connections
from shared.store.counters import Counter, field
from shared.store.keys import COUNTERS, OPEN, SWEEPS, SweepKeys, parse_run_id, run_id
from shared.store.scripts import Script, is_newer, refuse_newer, source


class Place(NamedTuple):
    """Where a sweep stands in the list of all; later ones are greater."""

    created_at: int
    sweep_id: str


class State(NamedTuple):
    """What all answers for a sweep, or for a run of it, follow from: equal states, equal answers.

    Attributes:
        version: Grows with each change of the sweep's record.
        stranded: Whether it waits and no worker is alive.
    """

    version: int
    stranded: bool


class Store:
    """Sweeps as they are written by a client's request and as they are read back.

    Every change of a sweep is one atomic script; it is read at one moment. Each method raises
    redis.exceptions.RedisError when Redis does not answer within a few seconds; the next call tries again.

    Attributes:
        creations: Writes new sweeps.
        events: Reads what has happened to sweeps.
        trained_runs: Finds runs that need no training.
        workers: Tells who is there to train.
    """

    def __init__(self, settings: Settings) -> None:
        self.redis = connections.with_asyncio(
            settings,
            # Somebody waits for the answer.
            socket_connect_timeout=1,
            socket_timeout=2,
            retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), 1),
        )
        self.workers = Workers(self.redis)
        self.trained_runs = TrainedRuns(self.redis, self.workers)
        self.creations = Creations(self.redis)
        self.events = EventLog(self.redis)
        self._extend = self.redis.register_script(source(Script.EXTEND))
        self._read = self.redis.register_script(source(Script.READ))
        self._cancel = self.redis.register_script(source(Script.CANCEL))
        self._retry = self.redis.register_script(source(Script.RETRY))
        self._delete = self.redis.register_script(source(Script.DELETE))
        self._sweeps = Batched(self._read_all)
        self._states = Batched(self._read_states)

    async def close(self) -> None:
        """Give the connections back."""
        await self.redis.aclose()

    async def ping(self) -> None:
        """Return if Redis answers."""
        await self.redis.ping()

    async def extend(self, sweep: Sweep, grid: Sequence[GridPoint], trained: Mapping[GridPoint, str]) -> bool:
        """Add runs to a sweep as it was read; False if it has been extended since, and nothing was added.

        Raises:
            SweepNotFoundError: There is no such sweep any more.
        """
        await self.redis.zadd(OPEN, {sweep.id: await self._now()})
        arguments = [len(sweep.runs), *runs_for_scripts(grid, trained)]
        added: int | None = await self._extend(keys=SweepKeys(sweep.id).for_scripts, args=arguments)
        if added is None:
            raise SweepNotFoundError(f'No sweep has the id "{sweep.id}".')
        return bool(added)

    async def cancel(self, sweep_id: str, index: int | None = None) -> int:
        """Cancel a run, or all of the sweep's: queued ones at once, running ones soon.

        Return how many of them are cancelled or going to be, by this or before.
        """
        cancelled, ended = await self._cancel(
            keys=SweepKeys(sweep_id).for_scripts, args=[] if index is None else [str(index)]
        )
        if ended:
            with suppress(RedisError):  # such as that of a full store, which cancels nonetheless: it loses a count
                await self.redis.hincrby(COUNTERS, field(Counter.RUNS, RunStatus.CANCELLED), ended)
        return int(cancelled)

    async def request(self, sweep_id: str) -> SweepRequest:
        """What the sweep was submitted as; raise SweepNotFoundError if there is none."""
        record = cast("list[str | None]", await self.redis.hmget(SweepKeys(sweep_id).record, "schema", "request"))
        schema, request = record
        refuse_newer(schema)
        if request is None:
            raise SweepNotFoundError(f'No sweep has the id "{sweep_id}".')
        return SweepRequest.model_validate_json(request)

    async def submitted_by(self, sweep_id: str) -> str:
        """The name of the API key that the sweep was submitted with; "" where there was none."""
        return str(await self.redis.hget(SweepKeys(sweep_id).record, "key") or "")

    async def retry(self, sweep_id: str, runs: int) -> int:
        """Queue the sweep's failed and cancelled runs again, at most so many; return how many."""
        await self.redis.zadd(OPEN, {sweep_id: await self._now()})
        retried: int = await self._retry(keys=SweepKeys(sweep_id).for_scripts, args=[runs])
        return retried

    async def delete(self, sweep_id: str) -> bool:
        """Remove a sweep with all its keys; False if it has queued or running runs, and stays."""
        if not await self._delete(keys=SweepKeys(sweep_id).for_scripts, args=["+inf"]):
            return False
        await self.redis.zrem(SWEEPS, sweep_id)
        return True

    async def _now(self) -> int:
        """The server's time, µs."""
        seconds, microseconds = await self.redis.time()
        return int(seconds) * 1_000_000 + int(microseconds)

    async def sweep(self, sweep_id: str) -> Sweep:
        """Read a sweep; raise SweepNotFoundError if there is none."""
        sweep = await self._sweeps.ask(sweep_id)
        if sweep is None:
            raise SweepNotFoundError(f'No sweep has the id "{sweep_id}".')
        return sweep

    async def _read_all(self, sweep_ids: list[str]) -> list[Sweep | Exception | None]:
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
                return unreadable  # which is no reason to refuse the others

        return [answer(sweep_id, reply) for sweep_id, reply in zip(sweep_ids, replies, strict=True)]

    async def listed(self, before: Place | None, limit: int) -> list[tuple[Place, Sweep | None]]:
        """Read the sweeps that stand before a place in the list, the newest first.

        None where one has been removed, or is a newer program's.
        """
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
        sweeps = await asyncio.gather(*(self._legible(place.sweep_id) for place in places))
        return list(zip(places, sweeps, strict=True))

    async def _legible(self, sweep_id: str) -> Sweep | None:
        try:
            return await self._sweeps.ask(sweep_id)
        except ResponseError as error:
            if is_newer(error):
                return None
            raise

    async def run(self, sweep_id: str, index: int) -> Run:
        """Read a run with all its epochs; raise RunNotFoundError if there is none."""
        keys = SweepKeys(sweep_id)
        async with self.redis.pipeline(transaction=True) as pipeline:
            pipeline.hmget(keys.record, "schema", "request", "version")
            pipeline.hgetall(keys.run(index))
            pipeline.zscore(keys.queued, str(index))
            pipeline.zscore(keys.leases, str(index))
            pipeline.lrange(keys.epochs(index), 0, -1)
            pipeline.get(keys.evaluation(index))
            (schema, *record), *reply = await pipeline.execute()
        refuse_newer(schema)
        if not reply[0]:
            raise RunNotFoundError(f'No run has the id "{run_id(sweep_id, index)}".')
        return run_of(sweep_id, index, record, reply, any_worker=await self.workers.any_alive())

    async def epochs(self, sweep_id: str, index: int) -> list[EpochMetrics]:
        """All epochs of a run, in order."""
        epochs = cast("list[str]", await self.redis.lrange(SweepKeys(sweep_id).epochs(index), 0, -1))
        return [EpochMetrics.model_validate_json(epoch) for epoch in epochs]

    async def all_epochs(self, sweep: Sweep) -> list[list[EpochMetrics]]:
        """All epochs of each of the sweep's runs, by index."""
        keys = SweepKeys(sweep.id)
        async with self.redis.pipeline(transaction=False) as pipeline:
            for index in range(len(sweep.runs)):
                pipeline.lrange(keys.epochs(index), 0, -1)
            replies = await pipeline.execute()
        return [[EpochMetrics.model_validate_json(epoch) for epoch in epochs] for epochs in replies]

    async def evaluations(self, sweep: Sweep) -> list[Evaluation | None]:
        """The evaluation of each of the sweep's runs, by index; None where it has not succeeded."""
        keys = SweepKeys(sweep.id)
        replies = await self.redis.mget([keys.evaluation(index) for index in range(len(sweep.runs))])
        return [Evaluation.model_validate_json(reply) if reply else None for reply in replies]

    async def state(self, sweep_id: str, index: int | None = None) -> State:
        """What answers follow from, for the sweep or for its run at an index; raise SweepNotFoundError if none is."""
        state = await self._states.ask((sweep_id, index))
        if state is None:
            raise SweepNotFoundError(f'No sweep has the id "{sweep_id}".')
        return state

    async def _read_states(self, asked: list[tuple[str, int | None]]) -> list[State | None]:
        async with self.redis.pipeline(transaction=False) as pipeline:
            for sweep_id, index in asked:
                keys = SweepKeys(sweep_id)
                pipeline.hget(keys.record, "version")
                # A run's score is its index.
                pipeline.zcount(keys.queued, *("-inf", "+inf") if index is None else (index, index))
            replies = await pipeline.execute()
        any_worker = await self.workers.any_alive()
        return [
            State(int(version), stranded=queued > 0 and not any_worker) if version else None
            for version, queued in zip(replies[::2], replies[1::2], strict=True)
        ]

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
