"""Reaper that recovers runs of lost workers, republishes lost messages and deletes old sweeps.

It runs in every worker. All its changes are atomic, so any number of reapers can run at the same time.
"""

from collections import Counter
from functools import cached_property
from typing import Any, cast

from celery import Celery, bootsteps
from celery.utils.log import get_logger
from redis import Redis
from redis.exceptions import RedisError, ResponseError, WatchError

from shared.settings import Settings
from shared.store.clock import server_time
from shared.store.keys import OPEN, SWEEPS
from shared.store.queue import count_messages, publish
from shared.store.scripts import is_newer
from worker.leases import Leases

logger = get_logger(__name__)

# The API marks a sweep as open shortly before it writes, extends or retries it. This time is far longer than that gap.
OPEN_GRACE_SECONDS = 60
# Maximum number of old sweeps that one round deletes.
DELETE_LIMIT = 100


class Reaper:
    """Recovery and cleanup, one round at a time."""

    def __init__(self, app: Celery, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._leases = Leases(settings)

    def close(self) -> None:
        """Close the connections."""
        self._leases.close()

    def round(self) -> None:
        """Reap every open sweep and delete old sweeps. An error in one sweep is logged; others continue."""
        try:
            now = server_time(self._leases.redis)
            opened = cast("list[tuple[str, float]]", self._leases.redis.zrange(OPEN, 0, -1, withscores=True))
            queue = _QueuedMessages(self._leases.redis)
            for sweep_id, opened_at in opened:
                open_runs = self._reap_sweep(sweep_id, queue)
                if open_runs == 0 and opened_at < now - OPEN_GRACE_SECONDS * 1_000_000:
                    self._close(sweep_id, opened_at)
            self._delete_ended_before(now - int(self._settings.retention_days * 86_400_000_000))
        except RedisError as error:
            logger.warning("The reaper stopped its round early: %s", error)

    def _reap_sweep(self, sweep_id: str, queue: "_QueuedMessages") -> int | None:
        """Reap the sweep and republish missing messages; return the number of open runs, None if unknown."""
        try:
            found = self._leases.reap(sweep_id, self._settings.max_attempts, self._settings.republish_seconds)
        except ResponseError as error:
            # For example, the store is full or a record is invalid. The round continues with the other sweeps. A newer
            # schema is no error: newer workers reap such a sweep.
            if not is_newer(error):
                logger.exception("Sweep %s: reaping failed", sweep_id)
            return None
        missing = max(0, found.runs_without_message - queue.messages[sweep_id]) if found.runs_without_message else 0
        if missing:
            logger.info("Sweep %s: republishing %d messages", sweep_id, missing)
            publish(self._app, {sweep_id: missing})
        if found.requeued or found.lost or found.cancelled or missing:
            self._leases.metrics.count_reaped(
                requeued=found.requeued, lost=found.lost, cancelled=found.cancelled, republished=missing
            )
        return found.open_runs

    def _close(self, sweep_id: str, opened_at: float) -> None:
        """Remove the sweep from the open sweeps, unless it has been reopened since `opened_at` was read."""
        with self._leases.redis.pipeline() as pipeline:
            try:
                pipeline.watch(OPEN)  # type: ignore[no-untyped-call]
                if pipeline.zscore(OPEN, sweep_id) == opened_at:
                    pipeline.multi()
                    pipeline.zrem(OPEN, sweep_id)
                    pipeline.execute()
            except WatchError:
                pass  # another client changed the set; the next round tries again

    def _delete_ended_before(self, moment: int) -> None:
        """Delete sweeps that ended before a server time (µs), and remove orphaned entries from the list."""
        redis = self._leases.redis
        created_before = cast("list[str]", redis.zrangebyscore(SWEEPS, "-inf", moment, start=0, num=DELETE_LIMIT))
        for sweep_id in created_before:
            try:
                gone = self._leases.delete_ended(sweep_id, moment)
            except ResponseError as error:
                if not is_newer(error):
                    raise
                gone = False
            if gone:
                redis.zrem(SWEEPS, sweep_id)


class _QueuedMessages:
    """Number of waiting messages by sweep, read at most once per round."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    @cached_property
    def messages(self) -> Counter[str]:
        return count_messages(self._redis)


class ReaperStep(bootsteps.StartStopStep):  # type: ignore[misc] # Celery ships no types
    """Celery bootstep that runs the reaper at an interval while the worker is connected to the broker."""

    requires = ("celery.worker.consumer.tasks:Tasks",)
    _timer: Any = None  # until the first start

    def start(self, consumer: Any) -> None:  # noqa: ANN401 - Celery ships no types
        """Start the timer. Celery calls this at startup and after each reconnection, which clears all timers."""
        settings = Settings()
        self._reaper = Reaper(consumer.app, settings)
        self._timer = consumer.timer.call_repeatedly(settings.reap_interval_seconds, self._reaper.round)

    def stop(self, consumer: Any) -> None:  # noqa: ANN401, ARG002 - Celery's signature
        """Stop the timer. Celery calls this at shutdown and when it loses the broker."""
        if self._timer:
            self._timer.cancel()
            self._reaper.close()
