import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from noisesweep.models import is_supported_store
from shared.settings import Settings
from shared.store.handshake import UnsupportedStoreError
from shared.store.keys import WORKERS
from tests.support.old_redis import OldRedisDouble
from tests.support.redis_server import RedisServer
from tests.support.store_clients import Ping, ping_async, ping_sync
from tests.support.waiting import wait_until
from tests.support.worker import Worker

every_client = pytest.mark.parametrize("ping", [ping_sync, ping_async])


@pytest.fixture
def old(redis_server: RedisServer) -> Iterator[OldRedisDouble]:
    double = OldRedisDouble(redis_server)
    yield double
    double.close()


@pytest.mark.parametrize(
    ("version", "supported"),
    [
        ("7.0.15", True), ("7.0", True), ("8.6.1", True), ("10.0.0", True), ("255.255.255", True),
        ("6.2.14", False), ("6.3.4", False), ("5.0.7", False), ("", False), ("unknown", False),
    ],
)  # fmt: skip
def test_redis_is_supported_from_version_7(version: str, supported: bool) -> None:
    assert is_supported_store(version) is supported


@every_client
def test_an_old_store_is_refused_on_connect_with_its_version(old: OldRedisDouble, ping: Ping) -> None:
    with pytest.raises(UnsupportedStoreError, match=r"expected Redis 7.0 or newer, or Valkey, received \w+ 6\.\d"):
        ping(Settings(redis_url=old.url))


@every_client
def test_an_old_store_is_refused_if_the_user_may_not_call_info(old: OldRedisDouble, ping: Ping) -> None:
    old.denies_info = True
    with pytest.raises(UnsupportedStoreError, match=r"received \w+ 6\.\d"):
        ping(Settings(redis_url=old.url))


@every_client
def test_a_store_that_does_not_know_hello_is_refused(old: OldRedisDouble, ping: Ping) -> None:
    old.knows_hello = False
    with pytest.raises(UnsupportedStoreError, match="received Redis older than"):
        ping(Settings(redis_url=old.url))


@every_client
@pytest.mark.parametrize("denies_info", [False, True])
def test_a_supported_store_is_accepted(old: OldRedisDouble, ping: Ping, denies_info: bool) -> None:
    old.major, old.denies_info = 7, denies_info
    assert ping(Settings(redis_url=old.url))


def test_a_running_worker_waits_until_the_store_is_supported_again(
    old: OldRedisDouble, redis: Redis, tmp_path: Path
) -> None:
    old.major = None
    worker = Worker(os.environ | {"NOISESWEEP_REDIS_URL": old.url}, tmp_path / "worker.log", processes=1)
    try:
        wait_until(lambda: redis.zcard(WORKERS), seconds=60)
        old.major = 6
        old.disconnect()
        wait_until(lambda: "expected Redis 7.0 or newer" in worker.log.read_text())
        redis.delete(WORKERS)
        old.major = None
        wait_until(lambda: redis.zcard(WORKERS), seconds=60)
        assert worker.is_running
    finally:
        worker.close()
