"""A worker's sign of life: how clients learn what workers there are."""

import os
import secrets
import socket
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from celery import bootsteps
from celery.utils.log import get_logger
from redis import Redis
from redis.exceptions import RedisError

from noisesweep import __version__
from noisesweep.models import WorkerProfile
from shared.settings import Settings
from shared.store import connections
from shared.store.heartbeat import BEAT_SECONDS, REMEMBERED_SECONDS
from shared.store.keys import WORKERS
from shared.store.keys import worker as worker_key
from worker.devices import Device

logger = get_logger(__name__)

# A full store takes it, for the worker lives nonetheless.
# KEYS: the list of all, and its own. ARGV: its name, its profile (JSON), seconds to remember it.
BEAT = """#!lua flags=allow-oom
local time = redis.call('TIME')
local now, remembered = tonumber(time[1]) * 1000000 + tonumber(time[2]), tonumber(ARGV[3])
redis.call('SET', KEYS[2], ARGV[2], 'EX', remembered)
redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - remembered * 1000000))
"""


def name() -> str:
    """Return a new name for the worker whose main process this is.

    The process and the host are for people: in containers, both may be those of another worker.
    """
    return f"{os.getpid()}-{secrets.token_hex(2)}@{socket.gethostname()}"


def profile(name: str, device: Device, processes: int) -> WorkerProfile:
    """Return the description of the worker of this name."""
    return WorkerProfile(
        name=name,
        host=socket.gethostname(),
        version=__version__,
        device=device.kind,
        device_reason=device.reason,
        processes=processes,
        stack=device.stack,
        started_at=datetime.now(UTC),
    )


class Presence:
    """Tells of a worker in the store, and of its end."""

    def __init__(self, redis: Redis, profile: WorkerProfile) -> None:
        self._redis = redis
        self._profile = profile
        self._beat = redis.register_script(BEAT)

    def beat(self) -> None:
        """Say that the worker lives; forget workers that were lost long ago."""
        keys = [WORKERS, worker_key(self._profile.name)]
        self._beat(keys=keys, args=[self._profile.name, self._profile.model_dump_json(), REMEMBERED_SECONDS])

    def leave(self) -> None:
        """Say that the worker has stopped."""
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.zrem(WORKERS, self._profile.name)
            pipeline.delete(worker_key(self._profile.name))
            pipeline.execute()


class Announcing(bootsteps.StartStopStep):  # type: ignore[misc] # Celery ships no types
    """Makes Celery's event loop give the sign of life, while the worker's main process has its broker."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    _timer: Any = None  # until the first start

    @cached_property
    def _redis(self) -> Redis:
        # The loop does nothing else meanwhile, and the next beat is soon.
        return connections.blocking(Settings(), socket_connect_timeout=1, socket_timeout=1)

    def start(self, consumer: Any) -> None:  # noqa: ANN401 - as above
        """Start the timers: at startup, and after each reconnection, which clears them."""
        if not self._timer:
            from worker.tasks import device  # noqa: PLC0415 - the tasks need the app, which has this step

            self._presence = Presence(self._redis, profile(consumer.hostname, device(), consumer.pool.limit))
        self._beat()
        self._timer = consumer.timer.call_repeatedly(BEAT_SECONDS, self._beat)

    def stop(self, consumer: Any) -> None:  # noqa: ANN401, ARG002 - as above
        """Stop the timers: at shutdown, and when the broker is lost."""
        if not self._timer:
            return
        self._timer.cancel()
        try:
            self._presence.leave()
        except RedisError as error:
            logger.warning("The store could not be told that this worker stops: %s", error)
        self._redis.close()

    def _beat(self) -> None:
        try:
            self._presence.beat()
        except RedisError as error:
            logger.warning("The store could not be told that this worker lives: %s", error)
