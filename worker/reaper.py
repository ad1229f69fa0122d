"""Reaper that recovers runs of lost workers, republishes lost messages and deletes old sweeps.

It runs in every worker. All its changes are atomic, so any number of reapers can run at the same time.
"""

from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from typing import Any, cast

from celery import Celery, bootsteps
from celery.utils.log import get_logger
from redis import Redis
from redis.exceptions import RedisError

from shared.settings import Settings
from shared.store.keys import OPEN, SWEEPS
from shared.store.queue import count_messages, publish
from shared.store.scripts import is_newer
from worker.leases import Leases
from worker.reaping import Reaping, ReapResult, Round

logger = get_logger(__name__)

# Number of sweeps that one step reads or deletes, in one pipeline.
BATCH_SIZE = 100


class Reaper:
    """Recovery and cleanup, one round at a time."""

    def __init__(self, app: Celery, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._leases = Leases(settings)
        self._reaping = Reaping(self._leases.redis, settings)
        self._retained = 0  # old sweeps at the start of the list that could not be deleted

    def close(self) -> None:
        """Close the connections."""
        self._leases.close()

    def round(self) -> None:
        """Run all steps of a round."""
        for _ in self.steps():
            pass

    def steps(self) -> Iterator[None]:
        """Reap every open sweep and delete old sweeps, with a pause for the caller after each batch.

        An error in one sweep is logged; others continue. If the store does not answer, the round ends.
        """
        try:
            this_round = self._reaping.begin_round()
            opened = cast("list[tuple[str, float]]", self._leases.redis.zrange(OPEN, 0, -1, withscores=True))
            queue = _QueuedMessages(self._leases.redis)
            for first in range(0, len(opened), BATCH_SIZE):
                self._reap(dict(opened[first : first + BATCH_SIZE]), this_round, queue)
                yield
            self._delete_ended_before(this_round.now - int(self._settings.retention_days * 86_400_000_000))
        except RedisError as error:
            logger.warning("The reaper stopped its round early: %s", error)

    def _reap(self, sweeps: dict[str, float], this_round: Round, queue: "_QueuedMessages") -> None:
        """Reap the sweeps and republish missing messages."""
        found: dict[str, ReapResult] = {}
        for sweep_id, result in zip(sweeps, self._reaping.reap(sweeps, this_round), strict=True):
            if isinstance(result, ReapResult):
                found[sweep_id] = result
            else:
                _log_unless_newer(sweep_id, "reaping", result)
        missing = {
            sweep_id: result.runs_without_message - queue.messages[sweep_id]
            for sweep_id, result in found.items()
            if result.runs_without_message and result.runs_without_message > queue.messages[sweep_id]
        }
        if missing:
            logger.info(
                "Republishing messages: %s", ", ".join(f"{count} for {each}" for each, count in missing.items())
            )
            publish(self._app, missing)
        results = found.values()
        actions = {
            "requeued": sum(result.requeued for result in results),
            "lost": sum(result.lost for result in results),
            "cancelled": sum(result.cancelled for result in results),
            "republished": sum(missing.values()),
        }
        if any(actions.values()):
            self._leases.metrics.count_reaped(**actions)

    def _delete_ended_before(self, moment: int) -> None:
        """Delete sweeps that ended before a server time (µs), and remove orphaned entries from the list.

        A round looks at one batch. The next round continues behind the sweeps that could not be deleted, and starts
        again from the oldest one after the end of the list.
        """
        redis = self._leases.redis
        old = cast("list[str]", redis.zrangebyscore(SWEEPS, "-inf", moment, start=self._retained, num=BATCH_SIZE))
        gone: list[str] = []
        for sweep_id, result in zip(old, self._reaping.delete_ended(old, moment), strict=True):
            if isinstance(result, RedisError):
                _log_unless_newer(sweep_id, "deletion", result)
            elif result:
                gone.append(sweep_id)
        if gone:
            redis.zrem(SWEEPS, *gone)
        self._retained = self._retained + len(old) - len(gone) if len(old) == BATCH_SIZE else 0


def _log_unless_newer(sweep_id: str, action: str, error: RedisError) -> None:
    """Write the error to the log. A newer schema is no error: newer workers handle such a sweep."""
    if not is_newer(error):
        logger.error("Sweep %s: %s failed: %s", sweep_id, action, error)


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

    _END = object()
    _timer: Any = None  # until the first start

    def start(self, consumer: Any) -> None:  # noqa: ANN401 - Celery ships no types
        """Start the timer. Celery calls this at startup and after each reconnection, which clears all timers."""
        settings = Settings()
        self._interval_seconds = settings.reap_interval_seconds
        self._reaper = Reaper(consumer.app, settings)
        self._steps = self._reaper.steps()
        self._timer = consumer.timer.call_after(self._interval_seconds, self._step, (consumer.timer,))

    def stop(self, consumer: Any) -> None:  # noqa: ANN401, ARG002 - Celery's signature
        """Stop the timer. Celery calls this at shutdown and when it loses the broker."""
        if self._timer:
            self._timer.cancel()
            self._reaper.close()

    def _step(self, timer: Any) -> None:  # noqa: ANN401 - Celery ships no types
        """Take one step of a round. Celery's event loop continues between two steps, and so do the heartbeats."""
        ended = True
        try:
            ended = next(self._steps, self._END) is self._END
        finally:
            if ended:
                self._steps = self._reaper.steps()
            self._timer = timer.call_after(self._interval_seconds if ended else 0, self._step, (timer,))
