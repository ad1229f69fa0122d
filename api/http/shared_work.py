"""Results of expensive work: requests for the same result share the work, and recent results are kept."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from dataclasses import dataclass
from typing import Any

from cachetools import LRUCache

MAX_RESULTS, MAX_BYTES = 64, 16_000_000


@dataclass
class _Work:
    task: asyncio.Task[bytes]
    requests: int = 0


class SharedWork:
    """Results of expensive work by key, the most recent ones of up to MAX_BYTES in all.

    So a picture with many viewers is drawn once, also if they all ask for it at the same moment.
    """

    def __init__(self) -> None:
        self._results: LRUCache[str, bytes] = LRUCache(MAX_BYTES, getsizeof=_cost)
        self._running: dict[str, _Work] = {}

    async def result(self, key: str, work: Callable[[], Coroutine[Any, Any, bytes]]) -> bytes:
        """Return the result for a key. If it is neither known nor under way, start `work`, and raise its errors.

        Work is cancelled when all requests that wait for it are cancelled.
        """
        if key in self._results:
            return self._results[key]
        if key not in self._running:
            # The task gets an empty context, because it belongs to no single request.
            self._running[key] = _Work(asyncio.create_task(work(), context=Context()))
        shared = self._running[key]
        shared.requests += 1
        try:
            result = await asyncio.shield(shared.task)
        finally:
            shared.requests -= 1
            if shared.task.done() or not shared.requests:
                shared.task.cancel()
                if self._running.get(key) is shared:
                    del self._running[key]
        if _cost(result) <= MAX_BYTES:
            self._results[key] = result
        return result


def _cost(result: bytes) -> int:
    """Return the size of a result, at least 1/64 of all: this limits both bytes and results."""
    return max(len(result), MAX_BYTES // MAX_RESULTS)
