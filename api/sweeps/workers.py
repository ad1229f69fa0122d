"""Workers, from the heartbeats that worker/presence.py writes."""

import time
from datetime import UTC, datetime
from typing import cast

from redis.asyncio import Redis

from noisesweep.models import Worker, WorkerProfile
from shared.store.clock import server_time_async
from shared.store.heartbeat import ALIVE_SECONDS
from shared.store.keys import OPEN, WORKERS, SweepKeys, run_id
from shared.store.keys import worker as worker_key


class Workers:
    """Reads the workers. Each method raises redis.exceptions.RedisError if the store does not answer."""

    def __init__(self, redis: Redis, liveness_seconds: float) -> None:
        """Take the store, and for how long to assume whether any worker is alive."""
        self._redis = redis
        self._liveness_seconds = liveness_seconds
        self._any_alive = False
        self._asked_at = float("-inf")

    async def any_alive(self) -> bool:
        """Return whether a worker is alive, or was so a moment ago."""
        if time.monotonic() - self._asked_at > self._liveness_seconds:
            newest = cast("list[tuple[str, float]]", await self._redis.zrange(WORKERS, -1, -1, withscores=True))
            now = await server_time_async(self._redis)
            self._any_alive = any(_is_alive(seen_at, now) for _, seen_at in newest)
            self._asked_at = time.monotonic()
        return self._any_alive

    async def listed(self) -> list[Worker]:
        """Return the workers of the last hour, by name, with the runs that they train."""
        seen = cast("list[tuple[str, float]]", await self._redis.zrange(WORKERS, 0, -1, withscores=True))
        if not seen:
            return []
        profiles = await self._redis.mget([worker_key(name) for name, _ in seen])
        now, trained = await server_time_async(self._redis), await self._trained()
        workers = [
            Worker(
                **WorkerProfile.model_validate_json(profile).model_dump(),
                alive=_is_alive(seen_at, now),
                last_seen_at=datetime.fromtimestamp(seen_at / 1_000_000, UTC),
                current_runs=trained.get(name, []),
            )
            for (name, seen_at), profile in zip(seen, profiles, strict=True)
            if profile
        ]
        return sorted(workers, key=lambda worker: worker.name)

    async def _trained(self) -> dict[str, list[str]]:
        """Return the running runs by the name of their worker."""
        opened = cast("list[str]", await self._redis.zrange(OPEN, 0, -1))
        async with self._redis.pipeline(transaction=False) as pipeline:
            for sweep_id in opened:
                pipeline.zrange(SweepKeys(sweep_id).leases, 0, -1)
            leased = await pipeline.execute()
        running = [
            (sweep_id, int(index))
            for sweep_id, runs in zip(opened, leased, strict=True)
            for index in sorted(runs, key=int)
        ]
        async with self._redis.pipeline(transaction=False) as pipeline:
            for sweep_id, index in running:
                pipeline.hget(SweepKeys(sweep_id).run(index), "worker")
            names = await pipeline.execute()
        trained: dict[str, list[str]] = {}
        for (sweep_id, index), name in zip(running, names, strict=True):
            if name:
                trained.setdefault(name, []).append(run_id(sweep_id, index))
        return trained


def _is_alive(seen_at: float, now: int) -> bool:
    """Return whether a worker is alive whose last heartbeat is of `seen_at`, µs."""
    return now - seen_at <= ALIVE_SECONDS * 1_000_000
