"""Metrics that workers write for monitoring, estimates and reuse: counts, ends, the pace, and what was trained."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError

from noisesweep.models import EpochMetrics, RunStatus, TrainingConfig
from shared.datasets import epoch_work
from shared.store.counters import Counter, bucket, field
from shared.store.keys import COUNTERS, ENDED, PACE, trained

# Entries remembered for the measured rate and pace.
KEPT = 1000


class WorkerMetrics:
    """Adds to counters and to capped streams that belong to no sweep.

    It is no part of the scripts that change a sweep, which may touch that sweep's keys alone: a store that does not
    answer costs a count or two and stops nothing.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def epoch(self, config: TrainingConfig, metrics: EpochMetrics, runs: int) -> None:
        """An epoch was kept, of one of so many runs that shared the device meanwhile."""
        seconds = metrics.seconds / runs
        pace: dict[Any, Any] = {
            "dataset": config.dataset,
            "precision": config.precision,
            "batch_size": config.batch_size,
            "work": epoch_work(config),
            "seconds": seconds,
        }
        with self._pipeline() as pipeline:
            pipeline.hincrby(COUNTERS, field(Counter.EPOCHS, config.dataset))
            pipeline.hincrbyfloat(COUNTERS, field(Counter.EPOCH_SECONDS, config.dataset), metrics.seconds)
            pipeline.hincrby(COUNTERS, field(Counter.EPOCH_BUCKET, config.dataset, bucket(metrics.seconds)))
            pipeline.xadd(PACE, pace, maxlen=KEPT)

    def ended(self, run: str, status: RunStatus) -> None:
        """Count a run that a worker ended."""
        with self._pipeline() as pipeline:
            pipeline.hincrby(COUNTERS, field(Counter.RUNS, status))
            pipeline.xadd(ENDED, {"run": run}, maxlen=KEPT)

    def trained(self, fingerprint: str, device: str, run: str, seconds: int) -> None:
        """The run of this id has trained what the fingerprint stands for on such a device; remember it for so long."""
        with self._pipeline() as pipeline:
            pipeline.hset(trained(fingerprint), device, run)
            pipeline.expire(trained(fingerprint), seconds)

    def reaped(self, *, requeued: int = 0, lost: int = 0, cancelled: int = 0, republished: int = 0) -> None:
        """Count the actions of a reaper: runs requeued, lost or cancelled, and messages published again."""
        actions = {"requeued": requeued, "lost": lost, "cancelled": cancelled, "republished": republished}
        with self._pipeline() as pipeline:
            for action, count in actions.items():
                if count:
                    pipeline.hincrby(COUNTERS, field(Counter.REAPER, action), count)
            for status, count in ((RunStatus.FAILED, lost), (RunStatus.CANCELLED, cancelled)):
                if count:
                    pipeline.hincrby(COUNTERS, field(Counter.RUNS, status), count)

    @contextmanager
    def _pipeline(self) -> Iterator[Pipeline]:
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                yield pipeline
                pipeline.execute()
        except RedisError:
            pass
