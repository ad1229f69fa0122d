"""The store's own state, as its INFO tells it: memory, append-only file, clients, replicas, time since its start."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from prometheus_client.core import GaugeMetricFamily, Metric
from redis.asyncio import Redis
from redis.exceptions import ResponseError


def went_well(status: str) -> float:
    """1 for Redis's "ok", 0 for its "err"."""
    return float(status == "ok")


class Vital(NamedTuple):
    """A figure of INFO: what it is called here, what it tells, its field there, and how that becomes a number."""

    name: str
    help_text: str
    field: str
    number: Callable[[Any], float] = float


VITALS = (
    Vital("memory_used_bytes", "Memory that the store uses.", "used_memory"),
    Vital("memory_limit_bytes", "Memory that it may use, its maxmemory; 0 where it has no limit.", "maxmemory"),
    Vital("append_only", "Whether it keeps an append-only file.", "aof_enabled"),
    Vital(
        "append_only_write_ok",
        "Whether its last write to that file went well; 1 also where there is none.",
        "aof_last_write_status",
        went_well,
    ),
    Vital(
        "append_only_rewrite_ok",
        "Whether the last rewrite of that file went well; 1 also where there was none.",
        "aof_last_bgrewrite_status",
        went_well,
    ),
    Vital("clients", "Connections that it has.", "connected_clients"),
    Vital("replicas", "Replicas that follow it.", "connected_slaves"),
    Vital("uptime_seconds", "Time since it was started; it falls when the store is started anew.", "uptime_in_seconds"),
)


class Vitals:
    """What a store told of itself, as Prometheus's collectors have it.

    What it did not tell is missing and no zero; whether it told anything is a figure of its own.
    """

    def __init__(self, info: Mapping[str, Any]) -> None:
        self._info = info

    @classmethod
    async def of(cls, redis: Redis) -> "Vitals":
        """Ask a store; raise redis.exceptions.RedisError when it does not answer.

        Where this user may not ask, as on some managed ones, there is nothing to tell.
        """
        try:
            return cls(await redis.info())
        except ResponseError:
            return cls({})

    def collect(self) -> Iterator[Metric]:
        """The families of metrics, one by one."""
        told = "Whether the store tells of itself (INFO); where its user may not ask, those figures are missing."
        yield GaugeMetricFamily("noisesweep_store_info_up", told, float(bool(self._info)))
        for vital in VITALS:
            if vital.field in self._info:
                value = vital.number(self._info[vital.field])
                yield GaugeMetricFamily(f"noisesweep_store_{vital.name}", vital.help_text, value)
