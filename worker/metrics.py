"""Worker metrics for monitoring, time estimates and the reuse of results."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError

from noisesweep.models import EpochMetrics, RunStatus, TrainingConfig
from shared.store.counters import Counter, bucket, field
from shared.store.keys import COUNTERS, ENDED, trained
from shared.store.paces import Kind, add_epoch

# Maximum length of the stream from which the API computes the throughput.
STREAM_LENGTH = 1000


class WorkerMetrics:
    """Counters, recent epochs and recently ended runs of all sweeps.

    They are written separately from the functions that change a sweep, because no result depends on them. If the store
    does not answer, a count is lost and the caller continues.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def count_epoch(self, config: TrainingConfig, device: str, metrics: EpochMetrics, runs: int) -> None:
        """Count an epoch of one run. `runs` is the number of runs that shared the device during this epoch."""
        label = "own" if config.own_dataset else config.dataset
        with self._pipeline() as pipeline:
            pipeline.hincrby(COUNTERS, field(Counter.EPOCHS, label))
            pipeline.hincrbyfloat(COUNTERS, field(Counter.EPOCH_SECONDS, label), metrics.seconds)
            pipeline.hincrby(COUNTERS, field(Counter.EPOCH_BUCKET, label, bucket(metrics.seconds)))
            add_epoch(pipeline, Kind.of(config, device), metrics, metrics.seconds / runs)

    def count_ended(self, run: str, status: RunStatus) -> None:
        """Count a run that a worker ended."""
        with self._pipeline() as pipeline:
            pipeline.hincrby(COUNTERS, field(Counter.RUNS, status))
            pipeline.xadd(ENDED, {"run": run}, maxlen=STREAM_LENGTH)

    def record_trained(self, fingerprint: str, device: str, run: str, seconds: int) -> None:
        """Record that this run trained this fingerprint on this kind of device; expire after `seconds` seconds."""
        with self._pipeline() as pipeline:
            pipeline.hset(trained(fingerprint), device, run)
            pipeline.expire(trained(fingerprint), seconds)

    def count_reaped(self, *, requeued: int = 0, lost: int = 0, cancelled: int = 0, republished: int = 0) -> None:
        """Count a reaper's actions: runs requeued, lost or cancelled, and messages republished."""
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
