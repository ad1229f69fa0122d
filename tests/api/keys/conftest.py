from collections.abc import Iterator

import httpx
import pytest
from redis import Redis

from shared.settings import Settings
from tests.support.api import ApiThread
from tests.support.keys import CLASS
from tests.support.redis_server import RedisServer


@pytest.fixture(scope="package")
def class_api(redis_server: RedisServer) -> Iterator[ApiThread]:
    served = ApiThread(Settings(redis_url=redis_server.url, api_keys=CLASS))
    yield served
    served.close()


@pytest.fixture
def http(class_api: ApiThread, redis: Redis) -> httpx.Client:
    """Return a client of an API with the keys of a class, whose members see all sweeps."""
    return class_api.http
