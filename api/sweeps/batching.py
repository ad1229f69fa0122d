"""Batching of concurrent calls: calls made during a round trip share the next one."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

Argument = TypeVar("Argument", bound=Hashable)
Result = TypeVar("Result")

# Further calls go into the next batch, so that no call waits long for the others.
BATCH_SIZE = 128


class Batcher(Generic[Argument, Result]):
    """Batches of concurrent calls of a function, processed one batch at a time.

    Equal arguments in a batch share one result. A batch starts after its calls, so a client reads its own writes.
    """

    def __init__(self, function: Callable[[list[Argument]], Awaitable[Sequence[Result | Exception]]]) -> None:
        """Take a function that returns a result or an exception for each argument of a batch, in order."""
        self._function = function
        self._waiting: dict[Argument, asyncio.Future[Result]] = {}
        self._task: asyncio.Task[None] | None = None

    async def call(self, argument: Argument) -> Result:
        """Return the result for an argument. Raise the exception for this argument or for the whole batch."""
        if argument not in self._waiting:
            future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
            future.add_done_callback(_mark_retrieved)
            self._waiting[argument] = future
            # The task gets an empty context, because it belongs to no single request.
            self._task = self._task or asyncio.create_task(self._process(), context=Context())
        # Shielded, because other calls may wait for the same result.
        return await asyncio.shield(self._waiting[argument])

    async def _process(self) -> None:
        try:
            while self._waiting:
                arguments = list(self._waiting)[:BATCH_SIZE]
                futures = [self._waiting.pop(argument) for argument in arguments]
                try:
                    results = list(zip(futures, await self._function(arguments), strict=True))
                except Exception as error:  # noqa: BLE001 - every call of the batch raises it
                    results = [(future, error) for future in futures]
                except asyncio.CancelledError:
                    for future in futures:
                        future.cancel()
                    raise
                for future, result in results:
                    if isinstance(result, Exception):
                        future.set_exception(result)
                    else:
                        future.set_result(result)
        finally:
            self._task = None


def _mark_retrieved(future: asyncio.Future[Result]) -> None:
    """Mark the exception as retrieved. Otherwise asyncio logs a warning if all callers have been cancelled."""
    if not future.cancelled():
        future.exception()
