"""The reaper, which runs in every worker: it recovers runs of lost workers and lost messages, and removes old sweeps.

No worker leads. Every change is atomic, so any number of reapers do the work of one.
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
from shared.store.queue import publish, waiting
from shared.store.scripts import is_newer
from worker.leases import Leases

logger = get_logger(__name__)

# A sweep is listed as open before it is written, extended or retried. This is far longer than the time between.
SETTLED_SECONDS = 60
# Old sweeps that one round removes at most.
REMOVED_AT_ONCE = 100


class Reaper:
    """Rounds over all open sweeps."""

    def __init__(self, app: Celery, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._leases = Leases(settings)

    def close(self) -> None:
        """Give the connections back."""
        self._leases.close()

    def round(self) -> None:
        """Look after every sweep once; what goes wrong with one is logged and leaves the others."""
        try:
            now = server_time(self._leases.redis)
            opened = cast("list[tuple[str, float]]", self._leases.redis.zrange(OPEN, 0, -1, withscores=True))
            queue = _Queue(self._leases.redis)
            for sweep_id, opened_at in opened:
                open_runs = self._look_after(sweep_id, queue)
                if open_runs == 0 and opened_at < now - SETTLED_SECONDS * 1_000_000:
                    self._close(sweep_id, opened_at)
            self._remove_ended_before(now - int(self._settings.retention_days * 86_400_000_000))
        except RedisError as error:
            logger.warning("The reaper's round was cut short: %s", error)

    def _look_after(self, sweep_id: str, queue: "_Queue") -> int | None:
        """Reap the sweep and publish what messages it lacks; return how many of its runs are open, None if unknown."""
        try:
            found = self._leases.reap(sweep_id, self._settings.max_attempts, self._settings.republish_seconds)
        except ResponseError as error:
            # A full store, a record that is not what it should be: no reason to leave the others. A newer sweep is the
            # newer workers' to look after.
            if not is_newer(error):
                logger.exception("Sweep %s could not be looked after", sweep_id)
            return None
        missing = max(0, found.runs_without_message - queue.messages[sweep_id]) if found.runs_without_message else 0
        if missing:
            logger.info("Sweep %s: publishing %d messages anew", sweep_id, missing)
            publish(self._app, {sweep_id: missing})
        if found.requeued or found.lost or found.cancelled or missing:
            self._leases.metrics.reaped(
                requeued=found.requeued, lost=found.lost, cancelled=found.cancelled, republished=missing
            )
        return found.open_runs

    def _close(self, sweep_id: str, opened_at: float) -> None:
        """Take the sweep from the list of open ones, unless it has been opened anew since it was read."""
        with self._leases.redis.pipeline() as pipeline:
            try:
                pipeline.watch(OPEN)  # type: ignore[no-untyped-call]
                if pipeline.zscore(OPEN, sweep_id) == opened_at:
                    pipeline.multi()
                    pipeline.zrem(OPEN, sweep_id)
                    pipeline.execute()
            except WatchError:
                pass  # the list has changed; the next round tries again

    def _remove_ended_before(self, moment: int) -> None:
        """Remove sweeps that ended before a time of the server (µs), and listings that lost theirs."""
        redis = self._leases.redis
        created_before = cast("list[str]", redis.zrangebyscore(SWEEPS, "-inf", moment, start=0, num=REMOVED_AT_ONCE))
        for sweep_id in created_before:
            try:
                gone = self._leases.forget(sweep_id, moment)
            except ResponseError as error:
                if not is_newer(error):
                    raise
                gone = False
            if gone:
                redis.zrem(SWEEPS, sweep_id)


class _Queue:
    """The messages that waited in one round, by sweep: read when they are first asked for, and once."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    @cached_property
    def messages(self) -> Counter[str]:
        return waiting(self._redis)


class Reaping(bootsteps.StartStopStep):  # type: ignore[misc] # Celery ships no types
    """Makes Celery's event loop go a round every few seconds, while the worker's main process has its broker."""

    requires = ("celery.worker.consumer.tasks:Tasks",)
    _timer: Any = None  # until the first start

    def start(self, consumer: Any) -> None:  # noqa: ANN401 - as above
        """Start the timers: at startup, and after each reconnection, which clears them."""
        settings = Settings()
        self._reaper = Reaper(consumer.app, settings)
        self._timer = consumer.timer.call_repeatedly(settings.reap_interval_seconds, self._reaper.round)

    def stop(self, consumer: Any) -> None:  # noqa: ANN401, ARG002 - as above
        """Stop the timers: at shutdown, and when the broker is lost."""
        if self._timer:
            self._timer.cancel()
            self._reaper.close()
