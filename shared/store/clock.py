"""Clock of the Redis server, which supplies the time of every state change."""

from redis import Redis
from redis import asyncio as redis_asyncio


def server_time(redis: Redis) -> int:
    """Return the server's time in microseconds since the epoch."""
    seconds, microseconds = redis.time()
    return seconds * 1_000_000 + microseconds


async def server_time_async(redis: redis_asyncio.Redis) -> int:
    """Return the server's time in microseconds since the epoch."""
    seconds, microseconds = await redis.time()
    return seconds * 1_000_000 + microseconds
