"""Prometheus metrics of the Redis server, from its INFO: memory, append-only file, clients, replicas, uptime."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from prometheus_client.core import GaugeMetricFamily, Metric
from redis.asyncio import Redis
from redis.exceptions import ResponseError


def is_ok(status: str) -> float:
    """Return 1 for Redis's "ok" and 0 for its "err"."""
    return float(status == "ok")


class RedisGauge(NamedTuple):
    """Gauge from a field of INFO, with the function that converts the field to a number."""

    name: str
    help_text: str
    field: str
    number: Callable[[Any], float] = float


GAUGES = (
    RedisGauge("memory_used_bytes", "Memory used by the store.", "used_memory"),
    RedisGauge("memory_limit_bytes", "Memory limit of the store (maxmemory); 0 if unlimited.", "maxmemory"),
    RedisGauge("append_only", "1 if the store writes an append-only file.", "aof_enabled"),
    RedisGauge(
        "append_only_write_ok",
        "1 if the last write to the append-only file succeeded, or if there is no such file.",
        "aof_last_write_status",
        is_ok,
    ),
    RedisGauge(
        "append_only_rewrite_ok",
        "1 if the last rewrite of the append-only file succeeded, or if there was none.",
        "aof_last_bgrewrite_status",
        is_ok,
    ),
    RedisGauge("clients", "Open client connections of the store.", "connected_clients"),
    RedisGauge("replicas", "Connected replicas of the store.", "connected_slaves"),
    RedisGauge(
        "uptime_seconds", "Time since the start of the store; it drops when the store restarts.", "uptime_in_seconds"
    ),
)


class RedisMetrics:
    """Prometheus collector of the fields of INFO. Missing fields have no series."""

    def __init__(self, info: Mapping[str, Any]) -> None:
        self._info = info

    @classmethod
    async def fetch(cls, redis: Redis) -> "RedisMetrics":
        """Read INFO from a server. Return no fields if the user may not call INFO, as on some managed servers.

        Raises:
            redis.exceptions.RedisError: The server does not respond.
        """
        try:
            return cls(await redis.info())
        except ResponseError:
            return cls({})

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families."""
        help_text = "1 if the Redis user may call INFO. If it is 0, the metrics from INFO are missing."
        yield GaugeMetricFamily("noisesweep_store_info_up", help_text, float(bool(self._info)))
        for gauge in GAUGES:
            if gauge.field in self._info:
                value = gauge.number(self._info[gauge.field])
                yield GaugeMetricFamily(f"noisesweep_store_{gauge.name}", gauge.help_text, value)
