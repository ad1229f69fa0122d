"""/metrics: metrics for Prometheus, of this process of the API and of all workers together."""

import logging

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, Gauge, disable_created_metrics, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from redis.exceptions import RedisError

from api.dependencies import StateDep
from api.sweeps.metrics import Build, Snapshot
from api.sweeps.redis_metrics import RedisMetrics

logger = logging.getLogger(__name__)

router = APIRouter(tags=["metrics"])
# They would add a series with the creation time of each series.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Exposition(Response):
    """Prometheus's text format."""

    media_type = CONTENT_TYPE_LATEST


@router.get("/metrics", response_class=Exposition)
async def get_metrics(state: StateDep) -> Exposition:
    """Requests and their latency, the store, the queue, the workers, runs by final state, epochs, reaping, version."""
    up = Gauge("noisesweep_store_up", "Whether the store answers; where not, its figures are missing.", registry=None)
    shared = CollectorRegistry()
    shared.register(up)
    shared.register(Build())
    try:
        # All is read before any is registered: a store that fails in between is down.
        snapshot, server = await Snapshot.of(state.store, state.sweeps.stats), await RedisMetrics.of(state.store.redis)
        shared.register(snapshot)
        shared.register(server)
        up.set(1)
    except RedisError as error:
        logger.warning("The store's metrics could not be read: %s", error)
    return Exposition(generate_latest(state.registry) + generate_latest(shared))
