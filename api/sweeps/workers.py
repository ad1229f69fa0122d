"""Workers and their liveness, from the heartbeats that worker/presence.py writes."""

import time
from datetime import UTC, datetime
from typing import cast

from redis.asyncio import Redis

from api.keys.access import Sees
from noisesweep.models import Worker, WorkerProfile
from shared.store.clock import server_time_async
from shared.store.heartbeat import ALIVE_SECONDS
from shared.store.keys import LEASES, WORKERS, SweepKeys, parse_run_id, run_id
from shared.store.keys import worker as worker_key


class Workers:
    """Reader of the workers. Every method raises redis.exceptions.RedisError if the store does not respond."""

    def __init__(self, redis: Redis, liveness_seconds: float) -> None:
        """Create a reader that caches the result of `any_alive` for `liveness_seconds`."""
        self._redis = redis
        self._liveness_seconds = liveness_seconds
        self._any_alive = False
        self._asked_at = float("-inf")

    async def any_alive(self) -> bool:
        """Return whether any worker is alive. The result is cached for a short time."""
        if time.monotonic() - self._asked_at > self._liveness_seconds:
            newest = cast("list[tuple[str, float]]", await self._redis.zrange(WORKERS, -1, -1, withscores=True))
            now = await server_time_async(self._redis)
            self._any_alive = any(_is_alive(seen_at, now) for _, seen_at in newest)
            self._asked_at = time.monotonic()
        return self._any_alive

    async def list_all(self, sees: Sees = lambda _sweep_id, _submitter: True) -> list[Worker]:
        """Return the workers of the last hour, sorted by name, with those of their running runs that a caller sees."""
        seen = cast("list[tuple[str, float]]", await self._redis.zrange(WORKERS, 0, -1, withscores=True))
        if not seen:
            return []
        profiles = await self._redis.mget([worker_key(name) for name, _ in seen])
        now, running = await server_time_async(self._redis), await self._running_by_worker(sees)
        workers = [
            Worker(
                **WorkerProfile.model_validate_json(profile).model_dump(),
                alive=_is_alive(seen_at, now),
                last_seen_at=datetime.fromtimestamp(seen_at / 1_000_000, UTC),
                current_runs=running.get(name, []),
            )
            for (name, seen_at), profile in zip(seen, profiles, strict=True)
            if profile
        ]
        return sorted(workers, key=lambda worker: worker.name)

    async def _running_by_worker(self, sees: Sees) -> dict[str, list[str]]:
        """Return the ids of the running runs that a caller sees, by worker name."""
        running = sorted(map(parse_run_id, cast("list[str]", await self._redis.zrange(LEASES, 0, -1))))
        async with self._redis.pipeline(transaction=False) as pipeline:
            for sweep_id, index in running:
                pipeline.hget(SweepKeys(sweep_id).run(index), "worker")
                pipeline.hget(SweepKeys(sweep_id).record, "submitter")
            replies = await pipeline.execute(raise_on_error=False)
        by_worker: dict[str, list[str]] = {}
        for (sweep_id, index), name, submitter in zip(running, replies[::2], replies[1::2], strict=True):
            if isinstance(name, str) and isinstance(submitter, str) and sees(sweep_id, submitter or None):
                by_worker.setdefault(name, []).append(run_id(sweep_id, index))
        return by_worker


def _is_alive(seen_at: float, now: int) -> bool:
    """Return whether a worker with its last heartbeat at `seen_at` is alive. Times are in µs."""
    return now - seen_at <= ALIVE_SECONDS * 1_000_000
