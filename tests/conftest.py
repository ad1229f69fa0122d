"""Fixtures for all tests: a real Redis server, settings for it, and the API on a real socket."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import hypothesis
import pytest
from redis import Redis

from shared.settings import Settings
from tests.support.api import ApiThread
from tests.support.redis_server import RedisServer
from tests.support.stored_sweeps import Sweeps
from tests.support.tls import CertificateAuthority
from tests.support.training import Training
from worker.leases import Leases

# No test asserts on time.
hypothesis.settings.register_profile("noisesweep", deadline=None)
hypothesis.settings.load_profile("noisesweep")

BROWSER = Path(__file__).parent / "browser"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run each module in one pytest-xdist process, and all browser tests in one, because they share a service."""
    for item in items:
        group = BROWSER.name if BROWSER in item.path.parents else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.close()


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[Redis]:
    """Yield a client of an empty store, and leave it empty for tests that use the server alone."""
    redis_server.client.flushall()
    yield redis_server.client
    redis_server.client.flushall()


@pytest.fixture
def settings(redis: Redis, redis_server: RedisServer) -> Settings:
    return Settings(redis_url=redis_server.url)


@pytest.fixture
def sweeps(redis: Redis) -> Sweeps:
    return Sweeps(redis)


@pytest.fixture
def leases(settings: Settings) -> Iterator[Leases]:
    leases = Leases(settings)
    yield leases
    leases.close()


@pytest.fixture
def training(leases: Leases) -> Training:
    return Training(leases)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("authority"), "authority")


@pytest.fixture(scope="session")
def served(redis_server: RedisServer) -> Iterator[ApiThread]:
    served = ApiThread(Settings(redis_url=redis_server.url))
    yield served
    served.close()


@pytest.fixture
def http(served: ApiThread, redis: Redis) -> httpx.Client:
    """Return a client of the API with an empty store."""
    return served.http
