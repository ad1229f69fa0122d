"""Connections to the store, made here alone: with redis-py, blocking or with asyncio, and for Celery with kombu.

Callers choose timeouts and retries. Servers and Sentinels get the same TLS settings and the same timeouts.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypedDict, Unpack
from urllib.parse import quote

from redis import Connection, ConnectionPool, Redis, SSLConnection
from redis import asyncio as redis_asyncio
from redis.asyncio import sentinel as asyncio_sentinel
from redis.asyncio.retry import Retry as AsyncioRetry
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

from shared.settings import Settings
from shared.store.address import Address, parse


class Timeouts(TypedDict):
    """Timeouts of one attempt.

    Attributes:
        socket_connect_timeout: Seconds until a connection is established.
        socket_timeout: Seconds until an answer arrives.
    """

    socket_connect_timeout: float
    socket_timeout: float


class Broker(NamedTuple):
    """The store as Celery's configuration names it.

    Attributes:
        url: broker_url, with the credentials.
        use_ssl: broker_use_ssl. Without it, kombu would not verify the server of a rediss:// URL.
        transport_options: Required items of broker_transport_options.
    """

    url: str
    use_ssl: Mapping[str, str | bool] | Literal[False]
    transport_options: dict[str, Any]


class PrimaryPool(SentinelConnectionPool):
    """Connections to the primary; those to its Sentinels are closed with them."""

    def close(self) -> None:
        """Close all connections."""
        super().close()
        self.sentinel_manager.close()


class AsyncioPrimaryPool(asyncio_sentinel.SentinelConnectionPool):
    """PrimaryPool for asyncio."""

    async def aclose(self) -> None:
        """Close all connections."""
        await super().aclose()
        await self.sentinel_manager.aclose()


def blocking(settings: Settings, retry: Retry | None = None, **timeouts: Unpack[Timeouts]) -> Redis:
    """Return a client that decodes strings and connects at its first command.

    Args:
        settings: The store's URL is taken from them.
        retry: The retry policy; None makes one attempt.
        timeouts: Those of each attempt.
    """
    address = parse(settings.redis_url.get_secret_value())
    options = {**_for_servers(address), **timeouts, "retry": retry}
    if address.service is None:
        host, port = address.nodes[0]
        connection = SSLConnection if address.tls else Connection
        return Redis.from_pool(ConnectionPool(connection, host=host, port=port, **options))
    asked = _for_sentinels(address, Retry(NoBackoff(), 0), timeouts)
    sentinels = Sentinel(address.nodes, sentinel_kwargs=asked)  # type: ignore[no-untyped-call]
    pool = PrimaryPool(address.service, sentinels, ssl=address.tls is not None, **options)  # type: ignore[no-untyped-call]
    return Redis.from_pool(pool)


def with_asyncio(
    settings: Settings, retry: AsyncioRetry | None = None, **timeouts: Unpack[Timeouts]
) -> redis_asyncio.Redis:
    """Return a client as `blocking` does, for asyncio."""
    address = parse(settings.redis_url.get_secret_value())
    options = {**_for_servers(address), **timeouts, "retry": retry}
    if address.service is None:
        host, port = address.nodes[0]
        connection = redis_asyncio.SSLConnection if address.tls else redis_asyncio.Connection
        return redis_asyncio.Redis.from_pool(redis_asyncio.ConnectionPool(connection, host=host, port=port, **options))
    asked = _for_sentinels(address, AsyncioRetry(NoBackoff(), 0), timeouts)
    sentinels = asyncio_sentinel.Sentinel(address.nodes, sentinel_kwargs=asked)  # type: ignore[no-untyped-call]
    pool = AsyncioPrimaryPool(address.service, sentinels, ssl=address.tls is not None, **options)  # type: ignore[no-untyped-call]
    return redis_asyncio.Redis.from_pool(pool)


def broker(settings: Settings, **timeouts: Unpack[Timeouts]) -> Broker:
    """Return the store as Celery takes it. kombu asks the Sentinels itself whenever it connects."""
    address = parse(settings.redis_url.get_secret_value())
    scheme = "sentinel" if address.service else "rediss" if address.tls else "redis"
    user, password = (quote(part or "", safe="") for part in (address.username, address.password))
    credentials = f"{user}:{password}@" if user or password else ""
    options: dict[str, Any] = {**timeouts}
    if address.service:
        options["master_name"] = address.service
        options["sentinel_kwargs"] = _for_sentinels(address, Retry(NoBackoff(), 0), timeouts)
    return Broker(
        # kombu tries one Sentinel after the other, and takes the whole URL of each.
        url=";".join(f"{scheme}://{credentials}{host}/{address.database}" for host in address.hosts),
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


def _for_sentinels(address: Address, once: Retry | AsyncioRetry, timeouts: Timeouts) -> dict[str, Any]:
    return {
        "username": address.sentinel_username,
        "password": address.sentinel_password,
        "ssl": address.tls is not None,
        **(address.tls or {}),
        **timeouts,
        "retry": once,  # another Sentinel is asked instead
    }
