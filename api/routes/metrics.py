"""/metrics: figures for Prometheus, of this process of the API and of all workers together."""

import logging
from collections.abc import Iterator, Mapping
from typing import cast

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, Gauge, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from redis.exceptions import RedisError

from api.dependencies import QueueDep, StoreDep
from shared.counters import EPOCH_SECONDS_BUCKETS, Counter, read
from shared.keys import COUNTERS
from shared.models import Queue, Worker

logger = logging.getLogger(__name__)

router = APIRouter(tags=["metrics"])
# They would say of each series when it began, in a series of its own.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Exposition(Response):
    """Prometheus's text format."""

    media_type = CONTENT_TYPE_LATEST


@router.get("/metrics", response_class=Exposition)
async def get_metrics(request: Request, store: StoreDep, queue: QueueDep) -> Exposition:
    """Requests and their latency, the queue, the workers, runs by final state, epochs, seconds per epoch, reaping."""
    own: CollectorRegistry = request.app.state.registry
    up = Gauge("noisesweep_store_up", "Whether the store answers; where not, its figures are missing.", registry=None)
    shared = CollectorRegistry()
    shared.register(up)
    try:
        counts = cast("dict[str, str]", await store.redis.hgetall(COUNTERS))
        shared.register(Snapshot(await queue.backlog.queue(), await store.workers.listed(), counts))
        up.set(1)
    except RedisError as error:
        logger.warning("The store's figures cannot be had: %s", error)
    return Exposition(generate_latest(own) + generate_latest(shared))


class Snapshot:
    """What the store holds at one moment, as Prometheus's collectors have it."""

    def __init__(self, queue: Queue, workers: list[Worker], counts: Mapping[str, str]) -> None:
        self._queue = queue
        self._workers = workers
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        """The families of metrics, one by one."""
        queued, wait = self._queue.queued_runs, self._queue.oldest_wait_seconds
        yield GaugeMetricFamily("noisesweep_queued_runs", "Runs that wait for a worker.", queued)
        yield GaugeMetricFamily("noisesweep_running_runs", "Runs that workers train.", self._queue.running_runs)
        yield GaugeMetricFamily("noisesweep_oldest_wait_seconds", "How long the oldest sweep waits, s.", wait or 0.0)
        alive = sum(worker.alive for worker in self._workers)
        yield GaugeMetricFamily("noisesweep_workers_alive", "Workers that gave a sign of life lately.", alive)
        yield self._counter(Counter.RUNS, "noisesweep_runs", "Runs that ended.", "status")
        yield self._counter(Counter.EPOCHS, "noisesweep_epochs", "Epochs trained and kept.", "dataset")
        yield self._epoch_seconds()
        yield self._counter(
            Counter.REAPER, "noisesweep_reaper_actions", "Runs put back or ended, messages sent anew.", "action"
        )

    def _counter(self, counter: Counter, name: str, help_text: str, label: str) -> Metric:
        family = CounterMetricFamily(name, help_text, labels=[label])
        for labels, value in read(counter, self._counts).items():
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
