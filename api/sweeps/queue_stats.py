"""Queue statistics: queued and running runs of all sweeps, their work, and the rate at which runs end."""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from noisesweep.models import Queue, SweepRequest, TrainingConfig
from shared.datasets import epoch_work, run_work
from shared.store.clock import server_time_async
from shared.store.keys import ENDED, OPEN, PACE, SweepKeys
from shared.store.scripts import is_broken, is_supported

# Period of the measured rate.
RATE_WINDOW_SECONDS = 600
# Maximum number of epochs from which the pace is measured.
PACE_ENTRIES = 200
# Within this factor, the time of an epoch is assumed to be proportional to its work.
SIMILAR_FACTOR = 4
# Sweeps counted in one round trip. Other requests are served between round trips.
SWEEPS_PER_ROUND_TRIP = 200


@dataclass(frozen=True)
class OpenSweep:
    """Sweep with queued or running runs.

    Attributes:
        opened_at: Time of the last submission, extension or retry, as Unix time in µs.
        queued: Number of queued runs.
        running: Number of running runs.
    """

    sweep_id: str
    opened_at: float
    queued: int
    running: int


class QueueStats:
    """Statistics of the queue. Every method raises redis.exceptions.RedisError if the store does not respond."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def queue(self) -> Queue:
        """Return the number of queued and running runs, the longest wait, and the rate at which runs end."""
        now, sweeps = await server_time_async(self._redis), await self._open_sweeps()
        waiting = [sweep.opened_at for sweep in sweeps if sweep.queued]
        return Queue(
            queued_runs=sum(sweep.queued for sweep in sweeps),
            running_runs=sum(sweep.running for sweep in sweeps),
            oldest_wait_seconds=(now - min(waiting)) / 1_000_000 if waiting else None,
            runs_per_minute=60 * await self.runs_per_second(),
        )

    async def queued_by_key(self) -> Counter[str]:
        """Return the number of queued runs by name of the submitting API key; "" if there are no keys."""
        opened = cast("list[str]", await self._redis.zrange(OPEN, 0, -1))
        queued: Counter[str] = Counter()
        for first in range(0, len(opened), SWEEPS_PER_ROUND_TRIP):
            async with self._redis.pipeline(transaction=False) as pipeline:
                for sweep_id in opened[first : first + SWEEPS_PER_ROUND_TRIP]:
                    pipeline.zcard(SweepKeys(sweep_id).queued)
                    pipeline.hget(SweepKeys(sweep_id).record, "key")
                counts = await _replies(pipeline)
            for runs, key in zip(counts[::2], counts[1::2], strict=True):
                queued[key or ""] += runs or 0
        return queued

    async def work(self) -> float:
        """Return the multiply-accumulates of all queued and running runs. A running run counts in full.

        Runs that only newer workers can train do not count.
        """
        sweeps = await self._open_sweeps()
        async with self._redis.pipeline(transaction=False) as pipeline:
            for sweep in sweeps:
                pipeline.hmget(SweepKeys(sweep.sweep_id).record, "schema", "request")
            records = [record or (None, None) for record in await _replies(pipeline)]
        return float(
            sum(
                (sweep.queued + sweep.running) * _run_work(request)
                for sweep, (schema, request) in zip(sweeps, records, strict=True)
                if request and is_supported(schema)
            )
        )

    async def pace(self, config: TrainingConfig) -> float | None:
        """Return the recent multiply-accumulates per second of one training process; None if unknown.

        Only similar epochs count: same data set and precision, similar work and batch size. The time of a small
        network is mostly overhead and does not predict that of a large one.
        """
        entries = await self._redis.xrevrange(PACE, count=PACE_ENTRIES)
        epochs = [cast("dict[str, str]", fields) for _, fields in cast("list[tuple[str, object]]", entries)]
        measured = [
            epoch
            for epoch in epochs
            if (epoch["dataset"], epoch["precision"]) == (config.dataset, config.precision)
            and _are_similar(float(epoch["work"]), epoch_work(config))
            and _are_similar(float(epoch["batch_size"]), config.batch_size)
        ]
        seconds = sum(float(epoch["seconds"]) for epoch in measured)
        return sum(float(epoch["work"]) for epoch in measured) / seconds if seconds else None

    async def runs_per_second(self) -> float:
        """Return the number of runs that ended per second; 0 if none ended in the last ten minutes.

        The period starts with the first run that ended in the last ten minutes. It is at least a minute, because the
        runs of a stack end together and would otherwise give an extreme rate.
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
        for first in range(0, len(opened), SWEEPS_PER_ROUND_TRIP):
            batch = opened[first : first + SWEEPS_PER_ROUND_TRIP]
            async with self._redis.pipeline(transaction=False) as pipeline:
                for sweep_id, _ in batch:
                    pipeline.zcard(SweepKeys(sweep_id).queued)
                    pipeline.zcard(SweepKeys(sweep_id).leases)
                counts = await _replies(pipeline)
            sweeps += [
                OpenSweep(sweep_id, opened_at, queued or 0, running or 0)
                for (sweep_id, opened_at), queued, running in zip(batch, counts[::2], counts[1::2], strict=True)
            ]
        return sweeps


async def _replies(pipeline: Pipeline) -> list[Any]:
    """Return the replies; None for each key of a wrong type, so that one broken record does not affect the others."""
    replies = await pipeline.execute(raise_on_error=False)
    if failure := next((reply for reply in replies if isinstance(reply, Exception) and not is_broken(reply)), None):
        raise failure
    return [None if isinstance(reply, Exception) else reply for reply in replies]


def _are_similar(one: float, other: float) -> bool:
    return max(one, other) <= SIMILAR_FACTOR * min(one, other)


@lru_cache(maxsize=1024)
def _run_work(request: str) -> float:
    """Return the multiply-accumulates of one run of a sweep, from its request as JSON; 0 if it cannot be read."""
    try:
        return run_work(SweepRequest.model_validate_json(request))
    except ValueError:
        return 0.0
