"""Reaper that recovers runs of lost workers, publishes missing messages and deletes old sweeps.

It runs in every worker. All its changes are atomic, so any number of reapers can run at the same time.
"""

from collections.abc import Iterator
from typing import Any, cast

from celery import Celery, bootsteps
from celery.utils.log import get_logger
from redis.exceptions import RedisError

from shared.settings import Settings
from shared.store.functions import is_newer
from shared.store.keys import QUEUES, SWEEPS
from shared.store.queue import publish
from worker.leases import Leases
from worker.reaping import LEASES_PER_CALL, Reaping, Round

logger = get_logger(__name__)

# Number of old sweeps that a round looks at.
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
        """Reap expired leases, publish missing messages and delete old sweeps, with pauses for the caller.

        An error in one sweep is logged; others continue. If the store does not answer, the round ends.
        """
        try:
            this_round = self._reaping.begin_round()
            while self._reap(this_round) == LEASES_PER_CALL:
                yield
            self._publish_missing_messages()
            yield
            self._delete_ended_before(this_round.now - int(self._settings.retention_days * 86_400_000_000))
        except RedisError as error:
            logger.warning("The reaper stopped its round early: %s", error)

    def _reap(self, this_round: Round) -> int:
        """Reap expired leases and return how many were found."""
        result = self._reaping.reap(this_round)
        for error in result.errors:
            logger.error("Reaping failed for run %s", error)
        if result.requeued or result.lost or result.cancelled:
            self._leases.metrics.count_reaped(requeued=result.requeued, lost=result.lost, cancelled=result.cancelled)
        return result.leases

    def _publish_missing_messages(self) -> None:
        """Send a message for each queued run that has none. Surplus messages are harmless."""
        waiting = sum(self._leases.redis.llen(queue) for queue in QUEUES)
        missing = self._reaping.queued_runs() - waiting
        if missing > 0:
            logger.info("Publishing %d missing messages", missing)
            publish(self._app, missing)
            self._leases.metrics.count_reaped(republished=missing)

    def _delete_ended_before(self, moment: int) -> None:
        """Delete sweeps that ended before a server time (µs).

        A round looks at one batch. The next round continues behind the sweeps that could not be deleted, and starts
        again from the oldest one after the end of the list.
        """
        redis = self._leases.redis
        old = cast("list[str]", redis.zrangebyscore(SWEEPS, "-inf", moment, start=self._retained, num=BATCH_SIZE))
        gone = 0
        for sweep_id, result in zip(old, self._reaping.delete_ended(old, moment), strict=True):
            if not isinstance(result, RedisError):
                gone += result
            elif not is_newer(result):  # newer workers delete newer sweeps
                logger.error("Sweep %s: deletion failed: %s", sweep_id, result)
        self._retained = self._retained + len(old) - gone if len(old) == BATCH_SIZE else 0


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
