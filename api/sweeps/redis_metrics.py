"""Metrics of the Redis server from its INFO: memory, append-only file, clients, replicas, uptime."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from prometheus_client.core import GaugeMetricFamily, Metric
from redis.asyncio import Redis
from redis.exceptions import ResponseError


def is_ok(status: str) -> float:
    """Return 1 for Redis's "ok" and 0 for its "err"."""
    return float(status == "ok")


class RedisGauge(NamedTuple):
    """A gauge from INFO: its name, its help text, its field, and the conversion to a number."""

    name: str
    help_text: str
    field: str
    number: Callable[[Any], float] = float


GAUGES = (
    RedisGauge("memory_used_bytes", "Memory that the store uses.", "used_memory"),
    RedisGauge("memory_limit_bytes", "Memory that it may use, its maxmemory; 0 where it has no limit.", "maxmemory"),
    RedisGauge("append_only", "Whether it keeps an append-only file.", "aof_enabled"),
    RedisGauge(
        "append_only_write_ok",
        "Whether its last write to that file went well; 1 also where there is none.",
        "aof_last_write_status",
        is_ok,
    ),
    RedisGauge(
        "append_only_rewrite_ok",
        "Whether the last rewrite of that file went well; 1 also where there was none.",
        "aof_last_bgrewrite_status",
        is_ok,
    ),
    RedisGauge("clients", "Connections that it has.", "connected_clients"),
    RedisGauge("replicas", "Replicas that follow it.", "connected_slaves"),
    RedisGauge("uptime_seconds", "Time since its start; it falls when the store restarts.", "uptime_in_seconds"),
)


class RedisMetrics:
    """A Prometheus collector of what INFO returned. Missing fields have no series."""

    def __init__(self, info: Mapping[str, Any]) -> None:
        self._info = info

    @classmethod
    async def of(cls, redis: Redis) -> "RedisMetrics":
        """Ask a server; raise redis.exceptions.RedisError if it does not answer.

        Where the user may not call INFO, as on some managed servers, there are no metrics.
        """
        try:
            return cls(await redis.info())
        except ResponseError:
            return cls({})

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families."""
        told = "Whether the store tells of itself (INFO); where its user may not ask, those figures are missing."
        yield GaugeMetricFamily("noisesweep_store_info_up", told, float(bool(self._info)))
        for gauge in GAUGES:
            if gauge.field in self._info:
                value = gauge.number(self._info[gauge.field])
                yield GaugeMetricFamily(f"noisesweep_store_{gauge.name}", gauge.help_text, value)
