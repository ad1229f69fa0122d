"""Turns at expensive work, such as drawing: a bounded, fair queue that a request leaves when its client disconnects."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from fastapi import FastAPI, Request, Response

from api.http.errors import ClientDisconnectedError, TooBusyError

# nginx's status for a client that closed the connection before its answer. It appears only in the log and in metrics.
CLIENT_CLOSED_REQUEST = 499
Result = TypeVar("Result")


class Turns:
    """Turns of API keys at expensive work. Waiting keys alternate, and requests of one key are served in order.

    Args:
        at_once: Maximum number of turns at the same time.
        waiting: Maximum number of waiting requests.
        waiting_per_key: Maximum number of waiting requests of one API key. All requests without a key count as one key.
    """

    def __init__(self, at_once: int, waiting: int, waiting_per_key: int) -> None:
        self._free = at_once
        self._limit, self._limit_per_key = waiting, waiting_per_key
        self._queues: dict[str, deque[asyncio.Future[None]]] = {}  # never empty; the first key is the next one

    @asynccontextmanager
    async def turn(self, key: str) -> AsyncIterator[None]:
        """Wait for a turn, and end it at the end of the `async with` block. Raise TooBusyError if too many wait."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(key)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, key: str) -> None:
        waiting, of_key = sum(map(len, self._queues.values())), len(self._queues.get(key, ()))
        if waiting >= self._limit or of_key >= self._limit_per_key:
            raise TooBusyError(f"{waiting} requests wait for this work, {of_key} of them with this API key.")
        turn = asyncio.get_running_loop().create_future()
        self._queues.setdefault(key, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._leave(key, turn)
            else:
                self._pass_on()
            raise

    def _leave(self, key: str, turn: asyncio.Future[None]) -> None:
        queue = self._queues.get(key, deque())
        if turn in queue:
            queue.remove(turn)
            if not queue:
                del self._queues[key]

    def _pass_on(self) -> None:
        while self._queues:
            key = next(iter(self._queues))
            queue = self._queues.pop(key)
            turn = queue.popleft()
            if queue:
                self._queues[key] = queue  # behind the other keys
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


async def unless_disconnected(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Return the result of `work`. Cancel it and raise ClientDisconnectedError when the client disconnects."""
    working, leaving = asyncio.create_task(work), asyncio.create_task(_disconnection(request))
    try:
        await asyncio.wait([working, leaving], return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        leaving.result()  # raises the error of an incomplete request body
        raise ClientDisconnectedError
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _disconnection(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def install(app: FastAPI) -> None:
    """Register the handler of ClientDisconnectedError. Its status is logged; the client no longer receives it."""

    async def answer(_request: Request, _error: Exception) -> Response:
        return Response(status_code=CLIENT_CLOSED_REQUEST)

    app.add_exception_handler(ClientDisconnectedError, answer)
