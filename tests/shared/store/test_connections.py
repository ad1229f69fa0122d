import asyncio
from collections.abc import Callable, Iterator

import pytest
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from shared.settings import Settings
from shared.store import connections
from shared.store.keys import QUEUE
from shared.store.queue import celery_app, publish
from tests.support.redis_server import RedisServer
from tests.support.tls import Authority, TlsFront

PASSWORD = "p@ss/w:o#r?d%20"  # noqa: S105 - it protects nothing
ENCODED = "p%40ss%2Fw%3Ao%23r%3Fd%2520"


def ping(settings: Settings) -> bool:
    with connections.blocking(settings, socket_connect_timeout=1, socket_timeout=2) as redis:
        return bool(redis.ping())


def ping_with_asyncio(settings: Settings) -> bool:
    async def answer() -> bool:
        async with connections.with_asyncio(settings, socket_connect_timeout=1, socket_timeout=2) as redis:
            return bool(await redis.ping())

    return asyncio.run(answer())


def ping_with_celery(settings: Settings) -> bool:
    app = celery_app(settings)
    try:
        with app.connection() as connection:
            return bool(connection.default_channel.client.ping())
    finally:
        app.close()


ways = pytest.mark.parametrize("reached", [ping, ping_with_asyncio, ping_with_celery])
UNREACHED = (RedisConnectionError, OperationalError)  # redis-py's word, and kombu's
Reached = Callable[[Settings], bool]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "authority")


@pytest.fixture(scope="module")
def fronts(authority: Authority, redis_server: RedisServer) -> Iterator[dict[str, TlsFront]]:
    """Ports that speak TLS, by what is peculiar to each."""
    behind = int(redis_server.client.connection_pool.connection_kwargs["port"])
    here = authority.issue("DNS:localhost")
    fronts = {
        "as it should be": TlsFront(here, behind),
        "under another name": TlsFront(authority.issue("DNS:example.org"), behind),
        "wants to know who asks": TlsFront(here, behind, clients=authority),
    }
    yield fronts
    for front in fronts.values():
        front.close()


@ways
def test_a_store_is_reached_without_tls(settings: Settings, reached: Reached) -> None:
    assert reached(settings)


@ways
def test_over_tls_a_private_authority_is_trusted_when_it_is_named_and_only_then(
    fronts: dict[str, TlsFront], authority: Authority, reached: Reached
) -> None:
    url = f"rediss://localhost:{fronts['as it should be'].port}/0"
    assert reached(Settings(redis_url=f"{url}?ssl_ca_certs={authority.certificate}"))
    with pytest.raises(UNREACHED, match="CERTIFICATE_VERIFY_FAILED"):
        reached(Settings(redis_url=url))
    assert reached(Settings(redis_url=f"{url}?ssl_cert_reqs=none"))  # who asks for it gets it


@ways
def test_over_tls_the_name_must_be_that_of_the_certificate(
    fronts: dict[str, TlsFront], authority: Authority, reached: Reached
) -> None:
    url = f"rediss://localhost:{fronts['under another name'].port}/0?ssl_ca_certs={authority.certificate}"
    with pytest.raises(UNREACHED, match="CERTIFICATE_VERIFY_FAILED"):
        reached(Settings(redis_url=url))
    assert reached(Settings(redis_url=f"{url}&ssl_check_hostname=false"))


@ways
def test_over_tls_the_client_shows_a_certificate_if_it_has_one(
    fronts: dict[str, TlsFront], authority: Authority, reached: Reached
) -> None:
    url = f"rediss://localhost:{fronts['wants to know who asks'].port}/0?ssl_ca_certs={authority.certificate}"
    with pytest.raises(UNREACHED):
        reached(Settings(redis_url=url))
    shown = authority.issue("DNS:client")
    assert reached(Settings(redis_url=f"{url}&ssl_certfile={shown.certificate}&ssl_keyfile={shown.key}"))


@pytest.mark.parametrize(("url", "broker"), [
    (f"redis://u:{ENCODED}@h/3", f"redis://u:{ENCODED}@h:6379/3"),
    ("rediss://[::1]:6380", "rediss://[::1]:6380/0"),
    (f"redis+sentinel://:{ENCODED}@a,b:1/2?service=ns", f"sentinel://:{ENCODED}@a:26379/2;sentinel://:{ENCODED}@b:1/2"),
])  # fmt: skip
def test_celery_is_told_where_the_store_is_in_its_own_way(url: str, broker: str) -> None:
    made = connections.broker(Settings(redis_url=url), socket_connect_timeout=1, socket_timeout=2)
    assert made.url == broker
    assert made.transport_options.items() >= {"socket_connect_timeout": 1, "socket_timeout": 2}.items()


def test_celery_verifies_servers_and_sentinels_unless_it_is_told_not_to() -> None:
    url = "rediss+sentinel://a/0?service=ns&sentinel_password=theirs"
    made = connections.broker(Settings(redis_url=url), socket_connect_timeout=1, socket_timeout=2)
    verified = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
    assert made.use_ssl == verified
    assert made.transport_options["master_name"] == "ns"
    asked = made.transport_options["sentinel_kwargs"]
    assert asked.items() >= {"ssl": True, "password": "theirs", "socket_timeout": 2, **verified}.items()


def test_a_message_takes_the_same_way(fronts: dict[str, TlsFront], authority: Authority, redis: Redis) -> None:
    url = f"rediss://localhost:{fronts['as it should be'].port}/0?ssl_ca_certs={authority.certificate}"
    app = celery_app(Settings(redis_url=url))
    publish(app, {"0123456789abcdef": 1})
    app.close()
    assert redis.llen(QUEUE) == 1


def test_a_failed_search_for_a_primary_names_what_was_asked_for_and_no_password(redis_server: RedisServer) -> None:
    no_sentinel = redis_server.url.split("/")[2]
    for address, reason in (("127.0.0.1:1", "No master found for 'ns'"), (no_sentinel, "unknown command")):
        settings = Settings(redis_url=f"redis+sentinel://:{ENCODED}@{address}/0?service=ns")
        for reached in (ping, ping_with_asyncio):
            with pytest.raises(RedisError, match=reason) as failed:
                reached(settings)
            assert PASSWORD not in str(failed.value)
