import asyncio
import time

import pytest
from redis import Redis
from redis import asyncio as redis_asyncio

from shared.settings import Settings
from shared.store.clock import server_time, server_time_async


async def read_async(settings: Settings) -> int:
    async with redis_asyncio.Redis.from_url(settings.redis_url.get_secret_value()) as redis:
        return await server_time_async(redis)


def test_sync_and_async_clocks_are_in_microseconds(redis: Redis, settings: Settings) -> None:
    expected = pytest.approx(time.time() * 1e6, abs=60e6)  # the server's clock is this machine's
    assert server_time(redis) == expected
    assert asyncio.run(read_async(settings)) == expected
