"""Client with hundreds of event streams, which records the arrival time of each event."""

import asyncio
import multiprocessing
import re
import signal
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import accumulate
from multiprocessing.connection import Connection
from typing import cast

import uvloop

from noisesweep.local.launcher import LOOPBACK

CONCURRENT_OPENS = 50
OPEN_TIMEOUT_SECONDS = 60.0
EVENT_ID = re.compile(rb"^id: ?([0-9]+-[0-9]+)\r?$", re.MULTILINE)
# Id and arrival time of an event. The time is in seconds on the clock of this machine, which the store also uses.
Delivery = tuple[str, float]


class BrokenStreamError(Exception):
    """Stream that was rejected or ended too early."""


class Stream(asyncio.Protocol):
    """Event stream. It records bytes with arrival times and leaves the parsing to the end, to save CPU time."""

    def __init__(self, request: bytes) -> None:
        self.received: list[tuple[float, bytes]] = []
        self.opened, self.ended = asyncio.Event(), asyncio.Event()
        self._request = request

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request."""
        cast("asyncio.WriteTransport", transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        """Record the bytes and their arrival time."""
        self.received.append((time.time(), data))
        self.opened.set()

    def connection_lost(self, _error: Exception | None) -> None:
        """Mark the stream as ended."""
        self.opened.set()
        self.ended.set()


@contextmanager
def listening(port: int, sweep_ids: Sequence[str]) -> Iterator[Connection]:
    """Start a process with one stream per sweep id. Ids may repeat.

    Yield a connection. When all streams have ended, it receives a list[list[Delivery]] with one list per stream.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_listen, args=(port, sweep_ids, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(OPEN_TIMEOUT_SECONDS) or ours.recv() != "open":
            raise BrokenStreamError(f"Expected {len(sweep_ids)} open streams within {OPEN_TIMEOUT_SECONDS:g} s.")
        yield ours
    finally:
        process.terminate()
        process.join()


def _listen(port: int, sweep_ids: Sequence[str], connection: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent process ends this one
    uvloop.run(_subscribe(port, sweep_ids, connection))


async def _subscribe(port: int, sweep_ids: Sequence[str], connection: Connection) -> None:
    loop = asyncio.get_running_loop()
    head = "GET /sweeps/{}/events HTTP/1.1\r\nHost: {}:{}\r\nConnection: close\r\n\r\n"
    streams = [Stream(head.format(sweep_id, LOOPBACK, port).encode()) for sweep_id in sweep_ids]
    for first in range(0, len(streams), CONCURRENT_OPENS):
        for stream in streams[first : first + CONCURRENT_OPENS]:
            await loop.create_connection(partial(lambda opened: opened, stream), LOOPBACK, port)
        for stream in streams[first : first + CONCURRENT_OPENS]:
            await stream.opened.wait()
    connection.send("open")
    for stream in streams:
        await stream.ended.wait()
    connection.send([parse_deliveries(stream.received) for stream in streams])


def parse_deliveries(received: Sequence[tuple[float, bytes]]) -> list[Delivery]:
    """Parse the events of a chunked response.

    Args:
        received: Arrival time in seconds and bytes of each piece.

    Raises:
        BrokenStreamError: The response is not a complete event stream.
    """
    raw = b"".join(data for _, data in received)
    arrivals = list(accumulate(len(data) for _, data in received))
    head, _, body = raw.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 ") or b"text/event-stream" not in head or not body.endswith(b"0\r\n\r\n"):
        raise BrokenStreamError(f"Expected a complete event stream, received: {raw[:300]!r} ... {raw[-300:]!r}")
    start = len(head) + 4
    # The API writes whole events, so an event is never split between two chunks.
    found = ((match[1].decode(), start + match.end()) for match in EVENT_ID.finditer(body))
    return [(event_id, received[bisect_left(arrivals, end)][0]) for event_id, end in found]
