"""Heartbeat of a worker, from which the API lists the workers."""

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
from shared.store.functions import Function, Functions
from shared.store.heartbeat import BEAT_SECONDS, LISTED_SECONDS
from shared.store.keys import WORKERS
from shared.store.keys import worker as worker_key
from worker.devices import Device

logger = get_logger(__name__)


def name() -> str:
    """Return a new unique name for this worker.

    The random part is needed because two workers in containers can have the same process id and host name.
    """
    return f"{os.getpid()}-{secrets.token_hex(2)}@{socket.gethostname()}"


def profile(name: str, device: Device, processes: int) -> WorkerProfile:
    """Return the profile of the worker with this name."""
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
    """Registration of a worker in the store."""

    def __init__(self, redis: Redis, profile: WorkerProfile) -> None:
        self._redis = redis
        self._profile = profile
        self._functions = Functions(redis)

    def beat(self) -> None:
        """Write a heartbeat, and remove workers whose last heartbeat is too old."""
        self._functions.call(
            Function.BEAT,
            worker=self._profile.name,
            profile=self._profile.model_dump_json(),
            listed=LISTED_SECONDS * 1_000_000,
        )

    def remove(self) -> None:
        """Remove this worker from the store."""
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.zrem(WORKERS, self._profile.name)
            pipeline.delete(worker_key(self._profile.name))
            pipeline.execute()


class PresenceStep(bootsteps.StartStopStep):  # type: ignore[misc] # Celery ships no types
    """Celery bootstep that writes heartbeats while the worker is connected to the broker."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    _timer: Any = None  # until the first start

    @cached_property
    def _redis(self) -> Redis:
        # Short timeouts: a heartbeat blocks Celery's event loop, and the next one follows soon.
        return connections.sync_client(Settings(), socket_connect_timeout=1, socket_timeout=1)

    def start(self, consumer: Any) -> None:  # noqa: ANN401 - Celery ships no types
        """Start the timer. Celery calls this at startup and after each reconnection, which clears all timers."""
        if not self._timer:
            from worker.tasks import device  # noqa: PLC0415 - the tasks need the app, which has this step

            self._presence = Presence(self._redis, profile(consumer.hostname, device(), consumer.pool.limit))
        self._beat()
        self._timer = consumer.timer.call_repeatedly(BEAT_SECONDS, self._beat)

    def stop(self, consumer: Any) -> None:  # noqa: ANN401, ARG002 - Celery's signature
        """Stop the timer. Celery calls this at shutdown and when it loses the broker."""
        if not self._timer:
            return
        self._timer.cancel()
        try:
            self._presence.remove()
        except RedisError as error:
            logger.warning("Could not remove this worker from the store: %s", error)
        self._redis.close()

    def _beat(self) -> None:
        try:
            self._presence.beat()
        except RedisError as error:
            logger.warning("Could not write the heartbeat of this worker: %s", error)
