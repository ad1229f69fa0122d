"""/metrics: figures for Prometheus, of this process of the API and of all workers together."""

import collections
import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import cast

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, Gauge, disable_created_metrics, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from redis.exceptions import RedisError

from api.dependencies import QueueDep, StoreDep
from api.sweeps.redis_metrics import Vitals
from api.sweeps.service import RunQueue
from api.sweeps.store import Store
from noisesweep import __version__
from noisesweep.models import Queue, RunStatus, Worker
from shared.datasets import DatasetName
from shared.store.counters import EPOCH_SECONDS_BUCKETS, REAPER_ACTIONS, Counter, read
from shared.store.keys import COUNTERS, SWEEPS

logger = logging.getLogger(__name__)

router = APIRouter(tags=["metrics"])
# They would say of each series when it began, in a series of its own.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Exposition(Response):
    """Prometheus's text format."""

    media_type = CONTENT_TYPE_LATEST


@router.get("/metrics", response_class=Exposition)
async def get_metrics(request: Request, store: StoreDep, queue: QueueDep) -> Exposition:
    """Requests and their latency, the store, the queue, the workers, runs by final state, epochs, reaping, version."""
    own: CollectorRegistry = request.app.state.registry
    up = Gauge("noisesweep_store_up", "Whether the store answers; where not, its figures are missing.", registry=None)
    shared = CollectorRegistry()
    shared.register(up)
    shared.register(Build())
    try:
        # All is read before any is shown: a store that goes away in between is down.
        snapshot, vitals = await Snapshot.of(store, queue), await Vitals.of(store.redis)
        shared.register(snapshot)
        shared.register(vitals)
        up.set(1)
    except RedisError as error:
        logger.warning("The store's figures cannot be had: %s", error)
    return Exposition(generate_latest(own) + generate_latest(shared))


class Build:
    """What program this process runs."""

    def collect(self) -> Iterator[Metric]:
        """The one family."""
        yield InfoMetricFamily("noisesweep_build", "The program of this API.", {"version": __version__})


class Snapshot:
    """What the store holds at one moment, as Prometheus's collectors have it."""

    def __init__(self, queue: Queue, workers: list[Worker], sweeps: int, counts: Mapping[str, str]) -> None:
        self._queue = queue
        self._workers = workers
        self._sweeps = sweeps
        self._counts = counts

    @classmethod
    async def of(cls, store: Store, queue: RunQueue) -> "Snapshot":
        """Read it; raise redis.exceptions.RedisError when the store does not answer."""
        counts = cast("dict[str, str]", await store.redis.hgetall(COUNTERS))
        sweeps = await store.redis.zcard(SWEEPS)
        return cls(await queue.backlog.queue(), await store.workers.listed(), sweeps, counts)

    def collect(self) -> Iterator[Metric]:
        """The families of metrics, one by one."""
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
        done = "Runs put back or ended, messages sent anew."
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
        # A series that begins at 1 hides its first step from Prometheus, which sees differences.
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
