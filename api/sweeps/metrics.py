"""Prometheus collectors of the whole service: queue, workers, runs, epochs, reaper, version."""

import collections
from collections.abc import Iterable, Iterator, Mapping
from typing import cast

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from api.sweeps.queue_stats import QueueStats
from api.sweeps.store import Store
from noisesweep import __version__
from noisesweep.models import Queue, RunStatus, Worker
from shared.datasets import DatasetName
from shared.store.counters import EPOCH_SECONDS_BUCKETS, REAPER_ACTIONS, Counter, read
from shared.store.keys import COUNTERS, SWEEPS

# All data sets that clients have added share a label, so that their number does not matter.
DATASET_LABELS = [*DatasetName, "own"]


class BuildInfo:
    """Prometheus collector of the version of this process."""

    def collect(self) -> Iterator[Metric]:
        """Yield the one metric family."""
        yield InfoMetricFamily("noisesweep_build", "Version of this API process.", {"version": __version__})


class Snapshot:
    """Prometheus collector of queue, workers and counters, as read from the store at one moment."""

    def __init__(self, queue: Queue, workers: list[Worker], sweeps: int, counts: Mapping[str, str]) -> None:
        self._queue = queue
        self._workers = workers
        self._sweeps = sweeps
        self._counts = counts

    @classmethod
    async def fetch(cls, store: Store, stats: QueueStats) -> "Snapshot":
        """Read the store. Raise redis.exceptions.RedisError if it does not respond."""
        counts = cast("dict[str, str]", await store.redis.hgetall(COUNTERS))
        sweeps = await store.redis.zcard(SWEEPS)
        return cls(await stats.queue(await stats.state("")), await store.workers.list_all(), sweeps, counts)

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families."""
        queued, wait = self._queue.queued_runs, self._queue.oldest_wait_seconds
        yield GaugeMetricFamily("noisesweep_queued_runs", "Queued runs.", queued)
        yield GaugeMetricFamily("noisesweep_running_runs", "Running runs.", self._queue.running_runs)
        yield GaugeMetricFamily(
            "noisesweep_oldest_wait_seconds", "Waiting time of the oldest sweep with queued runs, s.", wait or 0.0
        )
        alive = sum(worker.alive for worker in self._workers)
        yield GaugeMetricFamily("noisesweep_workers_alive", "Workers with a recent heartbeat.", alive)
        yield self._workers_by_version()
        yield GaugeMetricFamily("noisesweep_sweeps", "Stored sweeps.", self._sweeps)
        ends = [status for status in RunStatus if status.is_final]
        yield self._counter(Counter.RUNS, "noisesweep_runs", "Ended runs.", "status", ends)
        yield self._counter(Counter.EPOCHS, "noisesweep_epochs", "Committed epochs.", "dataset", DATASET_LABELS)
        yield self._epoch_seconds()
        actions = "Actions of the reapers: requeued or ended runs, republished messages."
        yield self._counter(Counter.REAPER, "noisesweep_reaper_actions", actions, "action", REAPER_ACTIONS)

    def _workers_by_version(self) -> Metric:
        family = GaugeMetricFamily(
            "noisesweep_workers",
            "Workers of the last hour. alive is true for a recent heartbeat.",
            labels=["version", "device", "alive"],
        )
        kinds = ((worker.version, worker.device, str(worker.alive).lower()) for worker in self._workers)
        for labels, count in collections.Counter(kinds).items():
            family.add_metric(labels, count)
        return family

    def _counter(self, counter: Counter, name: str, help_text: str, label: str, values: Iterable[str]) -> Metric:
        family = CounterMetricFamily(name, help_text, labels=[label])
        # Prometheus computes differences, so it would miss the first increment of a series that starts at 1.
        zeros: dict[tuple[str, ...], float] = {(value,): 0.0 for value in values}
        for labels, value in (zeros | read(counter, self._counts)).items():
            family.add_metric(labels, value)
        return family

    def _epoch_seconds(self) -> Metric:
        family = HistogramMetricFamily("noisesweep_epoch_seconds", "Wall time of an epoch, s.", labels=["dataset"])
        filled = read(Counter.EPOCH_BUCKET, self._counts)
        for (dataset,), total in read(Counter.EPOCH_SECONDS, self._counts).items():
            buckets, below = [], 0.0
            for bound in (*EPOCH_SECONDS_BUCKETS, float("inf")):
                below += filled.get((dataset, str(bound)), 0.0)
                buckets.append(("+Inf" if bound == float("inf") else str(bound), below))
            family.add_metric([dataset], buckets, total)
        return family
