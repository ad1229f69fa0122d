"""Queue statistics: queued and running runs over all sweeps, their work, and how fast runs end."""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from redis.asyncio import Redis

from noisesweep.models import Queue, SweepRequest, TrainingConfig
from shared.datasets import epoch_work, run_work
from shared.store.clock import server_time_async
from shared.store.keys import ENDED, OPEN, PACE, SweepKeys
from shared.store.scripts import is_supported

# The rate is measured over this period.
RATE_WINDOW_SECONDS = 600
# The pace is measured over at most this many epochs.
PACE_ENTRIES = 200
# Costs within this factor are assumed to be proportional.
NEAR = 4
# Sweeps counted in one round trip; other requests are served between.
SWEEPS_AT_ONCE = 200


@dataclass(frozen=True)
class OpenSweep:
    """A sweep with runs to train.

    Attributes:
        opened_at: When it was last submitted or retried, µs.
        queued: Queued runs.
        running: Running runs.
    """

    sweep_id: str
    opened_at: float
    queued: int
    running: int


class QueueStats:
    """Statistics of the queue. Each method raises redis.exceptions.RedisError if the store does not answer."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def queue(self) -> Queue:
        """Return how many runs are queued and running."""
        now, sweeps = await server_time_async(self._redis), await self._open_sweeps()
        waiting = [sweep.opened_at for sweep in sweeps if sweep.queued]
        return Queue(
            queued_runs=sum(sweep.queued for sweep in sweeps),
            running_runs=sum(sweep.running for sweep in sweeps),
            oldest_wait_seconds=(now - min(waiting)) / 1_000_000 if waiting else None,
            runs_per_minute=60 * await self.runs_per_second(),
        )

    async def queued_by_key(self) -> Counter[str]:
        """Return the number of queued runs by the name of the submitting API key; "" without keys."""
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
        """Return the multiply-accumulates of all queued and running runs; a running run counts as a whole.

        Runs that only newer workers may train do not count.
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
                if request and is_supported(schema)
            )
        )

    async def pace(self, config: TrainingConfig) -> float | None:
        """Return the multiply-accumulates per second of a training process, as measured lately; None if unknown.

        Only similar epochs count: of the same data set and precision, and close in cost and batch size. The time of a
        small network is mostly overhead and does not predict that of a large one.
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
        """Return the runs that ended per second, over the last ten minutes or since the first end in them; 0 if none.

        The period is at least a minute: runs of a stack end together, which is not a rate.
        """
        now = await server_time_async(self._redis) // 1000
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


def _near(one: float, other: float) -> bool:
    return max(one, other) <= NEAR * min(one, other)


@lru_cache(maxsize=1024)
def _run_work(request: str) -> float:
    """Return the multiply-accumulates of a run of the sweep with this request (JSON)."""
    return run_work(SweepRequest.model_validate_json(request))
