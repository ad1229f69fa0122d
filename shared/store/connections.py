"""Connections to the store, made here alone: with redis-py, blocking or with asyncio, and for Celery with kombu.

Who asks says how patient it is. Servers and Sentinels are spoken to in the same way: over TLS or not, and with the same
patience.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypedDict, Unpack, cast
from urllib.parse import quote

from redis import Connection, ConnectionPool, Redis, SSLConnection
from redis import asyncio as redis_asyncio
from redis.asyncio import sentinel as asyncio_sentinel
from redis.asyncio.retry import Retry as AsyncioRetry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from redis.sentinel import MasterNotFoundError, Sentinel, SentinelConnectionPool

from shared.settings import Settings
from shared.store.address import Address, Node, parse


class Patience(TypedDict):
    """How long one attempt may take.

    Attributes:
        socket_connect_timeout: Seconds until a connection is there.
        socket_timeout: Seconds until an answer is.
    """

    socket_connect_timeout: float
    socket_timeout: float


class Broker(NamedTuple):
    """The store as Celery's configuration names it.

    Attributes:
        url: broker_url: where it is, and the credentials.
        use_ssl: broker_use_ssl. Without it, kombu would take any server at a rediss:// for the store.
        transport_options: What broker_transport_options have to have.
    """

    url: str
    use_ssl: Mapping[str, str | bool] | Literal[False]
    transport_options: dict[str, Any]


class Sentinels(Sentinel):
    """Asks one Sentinel after the other, and says of each why it did not help: redis-py keeps that to itself."""

    def discover_master(self, service_name: str) -> Node:
        """Where the primary is; raise MasterNotFoundError if no Sentinel knows."""
        reasons = []
        for asked in self.sentinels:
            try:
                states = cast("dict[str, dict[str, Any]]", asked.sentinel_masters())
            except RedisError as error:
                reasons.append(str(error))
                continue
            state = states.get(service_name)
            if state and self.check_master_state(state, service_name):  # type: ignore[no-untyped-call]
                # The next time, it is asked first.
                self.sentinels = sorted(self.sentinels, key=lambda other: other is not asked)
                return state["ip"], state["port"]
            reasons.append(_unknown(state))
        raise MasterNotFoundError(_unfound(service_name, reasons))


class AsyncioSentinels(asyncio_sentinel.Sentinel):
    """The same for asyncio."""

    async def discover_master(self, service_name: str) -> Node:
        """Where the primary is; raise MasterNotFoundError if no Sentinel knows."""
        reasons = []
        for asked in self.sentinels:
            try:
                states = cast("dict[str, dict[str, Any]]", await asked.sentinel_masters())
            except RedisError as error:
                reasons.append(str(error))
                continue
            state = states.get(service_name)
            if state and self.check_master_state(state, service_name):
                self.sentinels = sorted(self.sentinels, key=lambda other: other is not asked)
                return state["ip"], state["port"]
            reasons.append(_unknown(state))
        raise MasterNotFoundError(_unfound(service_name, reasons))


def _unknown(state: object) -> str:
    return "one sees it down" if state else "one knows none"


def _unfound(service: str, reasons: list[str]) -> str:
    return f"No Sentinel names a primary of {service}: {'; '.join(reasons)}"


class PrimaryPool(SentinelConnectionPool):
    """Connections to the primary; those to its Sentinels are closed with them."""

    def close(self) -> None:
        """Close them all."""
        super().close()
        self.sentinel_manager.close()


class AsyncioPrimaryPool(asyncio_sentinel.SentinelConnectionPool):
    """The same for asyncio."""

    async def aclose(self) -> None:
        """Close them all."""
        await super().aclose()
        await self.sentinel_manager.aclose()


def blocking(settings: Settings, retry: Retry | None = None, **patience: Unpack[Patience]) -> Redis:
    """A client, not connected yet, that reads strings.

    Args:
        settings: Where the store is.
        retry: How an attempt that failed is made again; None leaves it at one.
        patience: How long each may take.
    """
    address = parse(settings.redis_url.get_secret_value())
    options = {**_for_servers(address), **patience, "retry": retry}
    if address.service is None:
        host, port = address.nodes[0]
        connection = SSLConnection if address.tls else Connection
        return Redis.from_pool(ConnectionPool(connection, host=host, port=port, **options))
    asked = _for_sentinels(address, Retry(NoBackoff(), 0), patience)
    sentinels = Sentinels(address.nodes, sentinel_kwargs=asked)  # type: ignore[no-untyped-call]
    pool = PrimaryPool(address.service, sentinels, ssl=address.tls is not None, **options)  # type: ignore[no-untyped-call]
    return Redis.from_pool(pool)


def with_asyncio(
    settings: Settings, retry: AsyncioRetry | None = None, **patience: Unpack[Patience]
) -> redis_asyncio.Redis:
    """The same for asyncio."""
    address = parse(settings.redis_url.get_secret_value())
    options = {**_for_servers(address), **patience, "retry": retry}
    if address.service is None:
        host, port = address.nodes[0]
        connection = redis_asyncio.SSLConnection if address.tls else redis_asyncio.Connection
        return redis_asyncio.Redis.from_pool(redis_asyncio.ConnectionPool(connection, host=host, port=port, **options))
    asked = _for_sentinels(address, AsyncioRetry(NoBackoff(), 0), patience)
    sentinels = AsyncioSentinels(address.nodes, sentinel_kwargs=asked)  # type: ignore[no-untyped-call]
    pool = AsyncioPrimaryPool(address.service, sentinels, ssl=address.tls is not None, **options)  # type: ignore[no-untyped-call]
    return redis_asyncio.Redis.from_pool(pool)


def broker(settings: Settings, **patience: Unpack[Patience]) -> Broker:
    """The store for Celery, which asks the Sentinels by itself whenever it connects."""
    address = parse(settings.redis_url.get_secret_value())
    scheme = "sentinel" if address.service else "rediss" if address.tls else "redis"
    user, password = (quote(part or "", safe="") for part in (address.username, address.password))
    credentials = f"{user}:{password}@" if user or password else ""
    options: dict[str, Any] = {**patience}
    if address.service:
        options["master_name"] = address.service
        options["sentinel_kwargs"] = _for_sentinels(address, Retry(NoBackoff(), 0), patience)
    return Broker(
        # kombu goes from one Sentinel to the next, and wants the rest with each.
        url=";".join(f"{scheme}://{credentials}{place}/{address.database}" for place in address.places),
        use_ssl=address.tls or False,
        transport_options=options,
    )


def _for_servers(address: Address) -> dict[str, Any]:
    return {
        "db": address.database,
        "username": address.username,
        "password": address.password,
        "decode_responses": True,
        **(address.tls or {}),
    }


def _for_sentinels(address: Address, once: Retry | AsyncioRetry, patience: Patience) -> dict[str, Any]:
    return {
        "username": address.sentinel_username,
        "password": address.sentinel_password,
        "ssl": address.tls is not None,
        **(address.tls or {}),
        **patience,
        "retry": once,  # another Sentinel is asked instead
    }
