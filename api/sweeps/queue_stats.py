"""What waits and what trains over all sweeps, and how fast it goes."""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from redis.asyncio import Redis

from noisesweep.models import Queue, SweepRequest, TrainingConfig
from shared.datasets import epoch_work, run_work
from shared.store.keys import ENDED, OPEN, PACE, SweepKeys
from shared.store.scripts import legible

# The rate is measured over the ends of this time.
RATE_WINDOW_SECONDS = 600
# The pace, over the epochs of this many entries at most.
PACE_ENTRIES = 200
# Up to this factor, one cost is taken to be in proportion to the other.
NEAR = 4
# Sweeps that are counted in one go: other requests are served between.
SWEEPS_AT_ONCE = 200


@dataclass(frozen=True)
class OpenSweep:
    """A sweep with runs to train.

    Attributes:
        opened_at: When it was submitted or retried last, µs.
        queued: Runs that wait.
        running: Runs that train.
    """

    sweep_id: str
    opened_at: float
    queued: int
    running: int


class Backlog:
    """Reads what is to be done. Each method raises redis.exceptions.RedisError when the store does not answer."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def queue(self) -> Queue:
        """How much waits and how much trains."""
        now, sweeps = await self._now(), await self._open_sweeps()
        waiting = [sweep.opened_at for sweep in sweeps if sweep.queued]
        return Queue(
            queued_runs=sum(sweep.queued for sweep in sweeps),
            running_runs=sum(sweep.running for sweep in sweeps),
            oldest_wait_seconds=(now - min(waiting)) / 1_000_000 if waiting else None,
            runs_per_minute=60 * await self.runs_per_second(),
        )

    async def queued_by_key(self) -> Counter[str]:
        """How many runs are queued, by the name of the API key that submitted them; "" where there was none."""
        opened = cast("list[str]", await self._redis.zrange(OPEN, 0, -1))
        queued: Counter[str] = Counter()
        for first in range(0, len(opened), SWEEPS_AT_ONCE):
            async with self._redis.pipeline(transaction=False) as pipeline:
                for sweep_id in opened[first : first + SWEEPS_AT_ONCE]:
                    pipeline.zcard(SweepKeys(sweep_id).queued)
                    pipeline.hget(SweepKeys(sweep_id).record, "key")
                counts = await pipeline.execute()
            for runs, key in zip(counts[::2], counts[1::2], strict=True):
                queued[key or ""] += runs
        return queued

    async def work(self) -> float:
        """Multiply-accumulates of all runs that wait or train, which count whole however far they are.

        Those that only newer workers may train are theirs, and do not count.
        """
        sweeps = await self._open_sweeps()
        async with self._redis.pipeline(transaction=False) as pipeline:
            for sweep in sweeps:
                pipeline.hmget(SweepKeys(sweep.sweep_id).record, "schema", "request")
            records = await pipeline.execute()
        return float(
            sum(
                (sweep.queued + sweep.running) * _run_work(request)
                for sweep, (schema, request) in zip(sweeps, records, strict=True)
                if request and legible(schema)
            )
        )

    async def pace(self, config: TrainingConfig) -> float | None:
        """Multiply-accumulates that a training process does per second, as measured lately; None if nothing was.

        Over epochs like those of the config alone: of its data set and precision, and near in what they cost and in
        their batch size. What a small network takes, which is mostly overhead, tells nothing of a large one.
        """
        entries = await self._redis.xrevrange(PACE, count=PACE_ENTRIES)
        epochs = [cast("dict[str, str]", fields) for _, fields in cast("list[tuple[str, object]]", entries)]
        measured = [
            epoch
            for epoch in epochs
            if (epoch["dataset"], epoch["precision"]) == (config.dataset, config.precision)
            and _near(float(epoch["work"]), epoch_work(config))
            and _near(float(epoch["batch_size"]), config.batch_size)
        ]
        seconds = sum(float(epoch["seconds"]) for epoch in measured)
        return sum(float(epoch["work"]) for epoch in measured) / seconds if seconds else None

    async def runs_per_second(self) -> float:
        """How many runs have ended per second, over the last ten minutes or since the first end in them; 0 if none.

        The first minute counts as a whole one: runs of a stack end together, and would pass for a rate.
        """
        now = await self._now() // 1000
        entries = await self._redis.xrevrange(ENDED, min=now - RATE_WINDOW_SECONDS * 1000)
        if not entries:
            return 0.0
        first = int(str(entries[-1][0]).split("-")[0])
        return 1000 * len(entries) / max(now - first, 60_000)

    async def _open_sweeps(self) -> list[OpenSweep]:
        opened = cast("list[tuple[str, float]]", await self._redis.zrange(OPEN, 0, -1, withscores=True))
        sweeps = []
        for first in range(0, len(opened), SWEEPS_AT_ONCE):
            some = opened[first : first + SWEEPS_AT_ONCE]
            async with self._redis.pipeline(transaction=False) as pipeline:
                for sweep_id, _ in some:
                    pipeline.zcard(SweepKeys(sweep_id).queued)
                    pipeline.zcard(SweepKeys(sweep_id).leases)
                counts = await pipeline.execute()
            sweeps += [
                OpenSweep(sweep_id, opened_at, queued, running)
                for (sweep_id, opened_at), queued, running in zip(some, counts[::2], counts[1::2], strict=True)
            ]
        return sweeps

    async def _now(self) -> int:
        """The server's time, µs."""
        seconds, microseconds = await self._redis.time()
        return int(seconds) * 1_000_000 + int(microseconds)


def _near(one: float, other: float) -> bool:
    return max(one, other) <= NEAR * min(one, other)


@lru_cache(maxsize=1024)
def _run_work(request: str) -> float:
    """Multiply-accumulates of a run of the sweep that was asked for so (JSON)."""
    return run_work(SweepRequest.model_validate_json(request))
