"""Prometheus collectors of the service as a whole: queue, workers, runs, epochs, reaping, version."""

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


class Build:
    """The version of this process's program."""

    def collect(self) -> Iterator[Metric]:
        """Yield the one metric family."""
        yield InfoMetricFamily("noisesweep_build", "The program of this API.", {"version": __version__})


class Snapshot:
    """A collector of what the store holds at one moment."""

    def __init__(self, queue: Queue, workers: list[Worker], sweeps: int, counts: Mapping[str, str]) -> None:
        self._queue = queue
        self._workers = workers
        self._sweeps = sweeps
        self._counts = counts

    @classmethod
    async def of(cls, store: Store, stats: QueueStats) -> "Snapshot":
        """Read the store; raise redis.exceptions.RedisError if it does not answer."""
        counts = cast("dict[str, str]", await store.redis.hgetall(COUNTERS))
        sweeps = await store.redis.zcard(SWEEPS)
        return cls(await stats.queue(), await store.workers.listed(), sweeps, counts)

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families."""
        queued, wait = self._queue.queued_runs, self._queue.oldest_wait_seconds
        yield GaugeMetricFamily("noisesweep_queued_runs", "Runs that wait for a worker.", queued)
        yield GaugeMetricFamily("noisesweep_running_runs", "Runs that workers train.", self._queue.running_runs)
        yield GaugeMetricFamily("noisesweep_oldest_wait_seconds", "How long the oldest sweep waits, s.", wait or 0.0)
        alive = sum(worker.alive for worker in self._workers)
        yield GaugeMetricFamily("noisesweep_workers_alive", "Workers that gave a sign of life lately.", alive)
        yield self._workers_by_version()
        yield GaugeMetricFamily("noisesweep_sweeps", "Sweeps that are kept.", self._sweeps)
        ends = [status for status in RunStatus if status.is_final]
        yield self._counter(Counter.RUNS, "noisesweep_runs", "Runs that ended.", "status", ends)
        yield self._counter(Counter.EPOCHS, "noisesweep_epochs", "Epochs trained and kept.", "dataset", DatasetName)
        yield self._epoch_seconds()
        done = "Runs put back or ended, messages published again."
        yield self._counter(Counter.REAPER, "noisesweep_reaper_actions", done, "action", REAPER_ACTIONS)

    def _workers_by_version(self) -> Metric:
        family = GaugeMetricFamily(
            "noisesweep_workers",
            "Workers of the last hour, and whether they gave a sign of life lately.",
            labels=["version", "device", "alive"],
        )
        kinds = ((worker.version, worker.device, str(worker.alive).lower()) for worker in self._workers)
        for labels, count in collections.Counter(kinds).items():
            family.add_metric(labels, count)
        return family

    def _counter(self, counter: Counter, name: str, help_text: str, label: str, values: Iterable[str]) -> Metric:
        family = CounterMetricFamily(name, help_text, labels=[label])
        # A series that starts at 1 hides its first step from Prometheus, which computes differences.
        none: dict[tuple[str, ...], float] = {(value,): 0.0 for value in values}
        for labels, value in (none | read(counter, self._counts)).items():
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
