import asyncio
import random
from collections.abc import Iterator

import pytest
from kombu.exceptions import OperationalError
from redis import Redis
from redis.asyncio import BlockingConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from shared.settings import Settings
from shared.store import connections
from shared.store.keys import QUEUE
from shared.store.queue import celery_app, publish
from tests.support.redis_server import RedisServer
from tests.support.store_clients import Ping, ping_async, ping_celery, ping_sync
from tests.support.tls import CertificateAuthority, TlsProxy

PASSWORD = "p@ss/w:o#r?d%20"  # noqa: S105 - not a real password
ENCODED = "p%40ss%2Fw%3Ao%23r%3Fd%2520"


every_client = pytest.mark.parametrize("ping", [ping_sync, ping_async, ping_celery])
CONNECTION_ERRORS = (RedisConnectionError, OperationalError)  # of redis-py and kombu


@pytest.fixture(scope="module")
def proxies(authority: CertificateAuthority, redis_server: RedisServer) -> Iterator[dict[str, TlsProxy]]:
    """Yield TLS proxies in front of the store, by TLS set-up."""
    target = int(redis_server.client.connection_pool.connection_kwargs["port"])
    localhost = authority.issue("DNS:localhost")
    proxies = {
        "valid": TlsProxy(localhost, target),
        "wrong name": TlsProxy(authority.issue("DNS:example.org"), target),
        "client certificate": TlsProxy(localhost, target, clients=authority),
    }
    yield proxies
    for proxy in proxies.values():
        proxy.close()


@every_client
def test_connection_without_tls(settings: Settings, ping: Ping) -> None:
    assert ping(settings)


@every_client
def test_private_certificate_authority_must_be_configured(
    proxies: dict[str, TlsProxy], authority: CertificateAuthority, ping: Ping
) -> None:
    url = f"rediss://localhost:{proxies['valid'].port}/0"
    assert ping(Settings(redis_url=f"{url}?ssl_ca_certs={authority.certificate}"))
    with pytest.raises(CONNECTION_ERRORS, match="CERTIFICATE_VERIFY_FAILED"):
        ping(Settings(redis_url=url))
    assert ping(Settings(redis_url=f"{url}?ssl_cert_reqs=none"))  # verification is off


@every_client
def test_host_name_must_match_the_certificate(
    proxies: dict[str, TlsProxy], authority: CertificateAuthority, ping: Ping
) -> None:
    url = f"rediss://localhost:{proxies['wrong name'].port}/0?ssl_ca_certs={authority.certificate}"
    with pytest.raises(CONNECTION_ERRORS, match="CERTIFICATE_VERIFY_FAILED"):
        ping(Settings(redis_url=url))
    assert ping(Settings(redis_url=f"{url}&ssl_check_hostname=false"))


@every_client
def test_client_certificate_is_sent_if_configured(
    proxies: dict[str, TlsProxy], authority: CertificateAuthority, ping: Ping
) -> None:
    url = f"rediss://localhost:{proxies['client certificate'].port}/0?ssl_ca_certs={authority.certificate}"
    with pytest.raises(CONNECTION_ERRORS):
        ping(Settings(redis_url=url))
    client = authority.issue("DNS:client")
    assert ping(Settings(redis_url=f"{url}&ssl_certfile={client.certificate}&ssl_keyfile={client.key}"))


@pytest.mark.parametrize(("url", "broker"), [
    (f"redis://u:{ENCODED}@h/3", f"redis://u:{ENCODED}@h:6379/3"),
    ("rediss://[::1]:6380", "rediss://[::1]:6380/0"),
    (f"redis+sentinel://:{ENCODED}@a,b:1/2?service=ns", f"sentinel://:{ENCODED}@a:26379/2;sentinel://:{ENCODED}@b:1/2"),
])  # fmt: skip
def test_broker_url_is_in_kombu_format(url: str, broker: str) -> None:
    broker_settings = connections.broker(Settings(redis_url=url), socket_connect_timeout=1, socket_timeout=2)
    assert broker_settings.url == broker
    assert broker_settings.transport_options.items() >= {"socket_connect_timeout": 1, "socket_timeout": 2}.items()


def test_broker_verifies_servers_and_sentinels_by_default() -> None:
    url = "rediss+sentinel://a/0?service=ns&sentinel_password=theirs"
    broker_settings = connections.broker(Settings(redis_url=url), socket_connect_timeout=1, socket_timeout=2)
    verified = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
    assert broker_settings.use_ssl == verified
    assert broker_settings.transport_options["master_name"] == "ns"
    sentinel_kwargs = broker_settings.transport_options["sentinel_kwargs"]
    assert sentinel_kwargs.items() >= {"ssl": True, "password": "theirs", "socket_timeout": 2, **verified}.items()


def test_message_is_published_over_tls(
    proxies: dict[str, TlsProxy], authority: CertificateAuthority, redis: Redis
) -> None:
    url = f"rediss://localhost:{proxies['valid'].port}/0?ssl_ca_certs={authority.certificate}"
    app = celery_app(Settings(redis_url=url))
    publish(app, 1)
    app.close()
    assert redis.llen(QUEUE) == 1


def test_error_of_sentinel_lookup_does_not_contain_the_password(redis_server: RedisServer) -> None:
    not_a_sentinel = redis_server.url.split("/")[2]
    for address, reason in (("127.0.0.1:1", "No master found for 'ns'"), (not_a_sentinel, "unknown command")):
        settings = Settings(redis_url=f"redis+sentinel://:{ENCODED}@{address}/0?service=ns")
        for ping in (ping_sync, ping_async):
            with pytest.raises(RedisError, match=reason) as failed:
                ping(settings)
            assert PASSWORD not in str(failed.value)


def test_more_operations_than_connections_wait_for_a_connection(settings: Settings, redis: Redis) -> None:
    async def increment() -> list[int]:
        async with connections.async_client(settings, socket_connect_timeout=10, socket_timeout=10) as client:
            return await asyncio.gather(*(client.incr("n") for _ in range(3 * connections.MAX_CONNECTIONS)))

    assert sorted(asyncio.run(increment())) == list(range(1, 3 * connections.MAX_CONNECTIONS + 1))


def test_wait_for_a_connection_is_bounded(settings: Settings, redis: Redis) -> None:
    async def run() -> None:
        async with connections.async_client(
            settings, max_connections=1, wait_seconds=0.1, socket_connect_timeout=1, socket_timeout=30
        ) as client:
            held = await client.connection_pool.get_connection()  # type: ignore[no-untyped-call]
            with pytest.raises(RedisConnectionError, match="No connection available"):
                await client.ping()
            await client.connection_pool.release(held)
            assert await client.ping()

    asyncio.run(run())


def test_cancelled_operations_return_their_connections(settings: Settings, redis: Redis) -> None:
    async def run() -> None:
        async with connections.async_client(settings, socket_connect_timeout=10, socket_timeout=10) as client:
            operations = [asyncio.ensure_future(client.incr("n")) for _ in range(4 * connections.MAX_CONNECTIONS)]
            for operation in random.sample(operations, len(operations) // 2):
                await asyncio.sleep(0)
                operation.cancel()
            results = await asyncio.gather(*operations, return_exceptions=True)
            assert {type(result) for result in results} <= {int, asyncio.CancelledError}
            values = await asyncio.gather(*(client.incr("m") for _ in range(2 * connections.MAX_CONNECTIONS)))
            assert sorted(values) == list(range(1, 2 * connections.MAX_CONNECTIONS + 1))

    asyncio.run(run())


def test_pool_of_a_sentinel_service_waits_for_a_connection(redis_server: RedisServer) -> None:
    settings = Settings(redis_url=f"redis+sentinel://{redis_server.url.split('/')[2]}/0?service=ns")
    pool = connections.async_client(settings, socket_connect_timeout=1, socket_timeout=2).connection_pool
    assert isinstance(pool, BlockingConnectionPool)
    assert (pool.max_connections, pool.timeout) == (connections.MAX_CONNECTIONS, connections.CONNECTION_WAIT_SECONDS)
