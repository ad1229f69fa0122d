from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest
from redis import Redis

from api.limits import Limits
from shared.settings import Settings
from tests.support.api import ApiThread
from tests.support.redis_server import RedisServer

Serve = Callable[..., httpx.Client]


@pytest.fixture
def serve(settings: Settings) -> Iterator[Serve]:
    """Yield a function that serves the API with other settings and returns a client of it."""
    with ExitStack() as cleanup:

        def serve(**changed: object) -> httpx.Client:
            served = ApiThread(settings.model_copy(update=changed))
            cleanup.callback(served.close)
            return served.http

        yield serve


@pytest.fixture
def serve_with_limits(redis_server: RedisServer, redis: Redis) -> Iterator[Callable[[Limits], httpx.Client]]:
    """Yield a function that serves the API with other limits and returns a client of it."""
    with ExitStack() as cleanup:

        def serve(limits: Limits) -> httpx.Client:
            served = ApiThread(Settings(redis_url=redis_server.url), limits)
            cleanup.callback(served.close)
            return served.http

        yield serve
