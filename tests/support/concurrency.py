"""Requests that one client sends at the same time."""

import asyncio
from collections.abc import Mapping, Sequence

import httpx

# For a client that many threads share: see noisesweep/client/connection.py.
NO_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=None)


def get_all(
    http: httpx.Client, paths: Sequence[str], headers: Sequence[Mapping[str, str]] | None = None
) -> list[httpx.Response]:
    """Send a GET request for each path, each on its own connection, and return the responses in order."""

    async def send() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=http.base_url, limits=NO_LIMITS, timeout=30, trust_env=False) as client:
            each = zip(paths, headers or [{}] * len(paths), strict=True)
            return await asyncio.gather(*(client.get(path, headers=fields) for path, fields in each))

    return asyncio.run(send())
