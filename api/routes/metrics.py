"""/metrics: Prometheus metrics of this API process and of all workers together."""

import logging

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, Gauge, disable_created_metrics, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from redis.exceptions import RedisError

from api.dependencies import StateDep
from api.sweeps.metrics import BuildInfo, Snapshot
from api.sweeps.redis_metrics import RedisMetrics

logger = logging.getLogger(__name__)

router = APIRouter(tags=["metrics"])
# Otherwise each series would get a second series with its creation time.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Exposition(Response):
    """Response in the Prometheus text format."""

    media_type = CONTENT_TYPE_LATEST


@router.get("/metrics", response_class=Exposition)
async def get_metrics(state: StateDep) -> Exposition:
    """Return metrics of requests, the store, the queue, workers, finished runs, epochs, the reaper and the version."""
    up = Gauge(
        "noisesweep_store_up",
        "1 if the store responds. If it is 0, the metrics from the store are missing.",
        registry=None,
    )
    shared = CollectorRegistry()
    shared.register(up)
    shared.register(BuildInfo())
    try:
        # Register only after both reads: if the store fails in between, no partial metrics are exposed.
        snapshot, server = (
            await Snapshot.fetch(state.store, state.sweeps.stats),
            await RedisMetrics.fetch(state.store.redis),
        )
        shared.register(snapshot)
        shared.register(server)
        up.set(1)
    except RedisError as error:
        logger.warning("Could not read metrics from the store: %s", error)
    return Exposition(generate_latest(state.registry) + generate_latest(shared))
