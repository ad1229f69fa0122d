"""Clients of the store that connect once: a test of a connection runs with each of them."""

import asyncio
from collections.abc import Callable

from shared.settings import Settings
from shared.store import connections
from shared.store.queue import celery_app

Ping = Callable[[Settings], bool]


def ping_sync(settings: Settings) -> bool:
    with connections.sync_client(settings, socket_connect_timeout=1, socket_timeout=2) as redis:
        return bool(redis.ping())


def ping_async(settings: Settings) -> bool:
    async def answer() -> bool:
        async with connections.async_client(settings, socket_connect_timeout=1, socket_timeout=2) as redis:
            return bool(await redis.ping())

    return asyncio.run(answer())


def ping_celery(settings: Settings) -> bool:
    app = celery_app(settings)
    try:
        with app.connection() as connection:
            return bool(connection.default_channel.client.ping())
    finally:
        app.close()
