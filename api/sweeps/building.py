"""Thread for parsing and building large data, so that the event loop stays free for other requests."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# Work on so few items takes less than a millisecond, so it is not left to the thread.
FEW = 128
# One thread: it shares Python's lock with the event loop, and more threads would leave less of it to the loop. Requests
# take turns at it with each piece of their answers.
_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="building")


async def build(work: Callable[[], Result], items: int) -> Result:
    """Return the result of work on this number of items that takes some microseconds for each."""
    if items <= FEW:
        return work()
    return await asyncio.get_running_loop().run_in_executor(_thread, work)


def grouped(items: Iterable[Item], size: Callable[[Item], int], limit: int) -> Iterator[list[Item]]:
    """Yield consecutive items in groups whose sizes add up to at most `limit`. A larger item is alone in its group."""
    group: list[Item] = []
    total = 0
    for item in items:
        if group and total + size(item) > limit:
            yield group
            group, total = [], 0
        group.append(item)
        total += size(item)
    if group:
        yield group


async def joined(items: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the items of a JSON array with commas between them."""
    comma = b""
    async for item in items:
        yield comma + item
        comma = b","
