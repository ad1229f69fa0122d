"""Connections to the store: sync and async redis-py clients, and the broker settings of Celery.

Callers choose timeouts and retries. Connections to servers and to Sentinels have the same TLS settings and timeouts. On
every new connection, a client loads the functions if they are missing, and raises UnsupportedStoreError if it cannot
use the store.
"""

from collections.abc import Callable, Mapping, Sequence
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
from shared.store.functions import check_functions
from shared.store.handshake import Handshake, async_handshake, sync_handshake
from shared.store.version import check_version

CHECKS = (check_version, check_functions)
# Operations of an async client wait for one of its connections, because a server can answer thousands of short
# operations per second, but an error would reach the user.
MAX_CONNECTIONS = 100
CONNECTION_WAIT_SECONDS = 5.0


class Timeouts(TypedDict):
    """Timeouts of one attempt.

    Attributes:
        socket_connect_timeout: Maximum seconds to establish a connection.
        socket_timeout: Maximum seconds to wait for a reply.
    """

    socket_connect_timeout: float
    socket_timeout: float


class Broker(NamedTuple):
    """Celery settings for the store.

    Attributes:
        url: Value of broker_url, with credentials.
        use_ssl: Value of broker_use_ssl. Without it, kombu does not verify certificates of rediss:// servers.
        transport_options: Required items of broker_transport_options.
    """

    url: str
    use_ssl: Mapping[str, str | bool] | Literal[False]
    transport_options: dict[str, Any]


class PrimaryPool(SentinelConnectionPool):
    """Connection pool of the primary that also closes the connections to its Sentinels."""

    def close(self) -> None:
        """Close all connections."""
        super().close()
        self.sentinel_manager.close()


class AsyncioPrimaryPool(asyncio_sentinel.SentinelConnectionPool, redis_asyncio.BlockingConnectionPool):
    """Async version of `PrimaryPool`, which waits for a connection as `BlockingConnectionPool` does."""

    async def aclose(self) -> None:
        """Close all connections."""
        await super().aclose()
        await self.sentinel_manager.aclose()


def sync_client(
    settings: Settings,
    retry: Retry | None = None,
    *,
    checks: Sequence[Callable[[], Handshake]] = CHECKS,
    **timeouts: Unpack[Timeouts],
) -> Redis:
    """Return a client that decodes replies to str and connects on its first command.

    Args:
        settings: Settings with the store's URL.
        retry: The retry policy; None makes one attempt.
        checks: Checks on every new connection.
        timeouts: Timeouts of each attempt.
    """
    address = parse(settings.redis_url.get_secret_value())
    options = {**_for_servers(address), **timeouts, "retry": retry, "redis_connect_func": sync_handshake(*checks)}
    if address.service is None:
        host, port = address.nodes[0]
        connection = SSLConnection if address.tls else Connection
        return Redis.from_pool(ConnectionPool(connection, host=host, port=port, **options))
    sentinel_kwargs = _for_sentinels(address, Retry(NoBackoff(), 0), timeouts)
    sentinels = Sentinel(address.nodes, sentinel_kwargs=sentinel_kwargs)  # type: ignore[no-untyped-call]
    pool = PrimaryPool(address.service, sentinels, ssl=address.tls is not None, **options)  # type: ignore[no-untyped-call]
    return Redis.from_pool(pool)


def async_client(
    settings: Settings,
    retry: AsyncioRetry | None = None,
    *,
    max_connections: int = MAX_CONNECTIONS,
    wait_seconds: float = CONNECTION_WAIT_SECONDS,
    **timeouts: Unpack[Timeouts],
) -> redis_asyncio.Redis:
    """Return an async client with the behaviour of `sync_client`.

    Args:
        settings: Settings with the store's URL.
        retry: The retry policy; None makes one attempt.
        max_connections: Maximum number of connections. Further operations wait for one of them.
        wait_seconds: Maximum wait for a connection. After it, the operation fails with
            redis.exceptions.ConnectionError.
        timeouts: Timeouts of each attempt.
    """
    address = parse(settings.redis_url.get_secret_value())
    options = {**_for_servers(address), **timeouts, "retry": retry, "redis_connect_func": async_handshake(*CHECKS)}
    options |= {"max_connections": max_connections, "timeout": wait_seconds}
    if address.service is None:
        host, port = address.nodes[0]
        connection = redis_asyncio.SSLConnection if address.tls else redis_asyncio.Connection
        pool = redis_asyncio.BlockingConnectionPool(connection_class=connection, host=host, port=port, **options)
        return redis_asyncio.Redis.from_pool(pool)
    sentinel_kwargs = _for_sentinels(address, AsyncioRetry(NoBackoff(), 0), timeouts)
    sentinels = asyncio_sentinel.Sentinel(address.nodes, sentinel_kwargs=sentinel_kwargs)  # type: ignore[no-untyped-call]
    primary = AsyncioPrimaryPool(address.service, sentinels, ssl=address.tls is not None, **options)  # type: ignore[no-untyped-call]
    return redis_asyncio.Redis.from_pool(primary)


def broker(settings: Settings, **timeouts: Unpack[Timeouts]) -> Broker:
    """Return the Celery settings for the store. With Sentinels, kombu looks up the primary on every connect."""
    address = parse(settings.redis_url.get_secret_value())
    scheme = "sentinel" if address.service else "rediss" if address.tls else "redis"
    user, password = (quote(part or "", safe="") for part in (address.username, address.password))
    credentials = f"{user}:{password}@" if user or password else ""
    options: dict[str, Any] = {**timeouts}
    if address.service:
        options["master_name"] = address.service
        options["sentinel_kwargs"] = _for_sentinels(address, Retry(NoBackoff(), 0), timeouts)
    return Broker(
        # kombu tries the Sentinels in order and expects a complete URL for each.
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


def _for_sentinels(address: Address, no_retry: Retry | AsyncioRetry, timeouts: Timeouts) -> dict[str, Any]:
    return {
        "username": address.sentinel_username,
        "password": address.sentinel_password,
        "ssl": address.tls is not None,
        **(address.tls or {}),
        **timeouts,
        "retry": no_retry,  # the next Sentinel is tried instead
    }
