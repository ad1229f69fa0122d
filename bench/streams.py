"""Hundreds of event streams in a process of their own, and when each event arrived."""

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

OPENED_AT_ONCE = 50
OPEN_SECONDS = 60.0
EVENT_ID = re.compile(rb"^id: ?([0-9]+-[0-9]+)\r?$", re.MULTILINE)
# The id of an event, and the seconds of this machine's clock, which is the store's too, at which it arrived.
Delivery = tuple[str, float]


class BrokenStreamError(Exception):
    """A stream was refused, or ended before its events did."""


class Stream(asyncio.Protocol):
    """One stream. It keeps the bytes and their times of arrival; they are parsed after the end."""

    def __init__(self, request: bytes) -> None:
        self.received: list[tuple[float, bytes]] = []
        self.opened, self.ended = asyncio.Event(), asyncio.Event()
        self._request = request

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request."""
        cast("asyncio.WriteTransport", transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        """Keep the bytes."""
        self.received.append((time.time(), data))
        self.opened.set()

    def connection_lost(self, _error: Exception | None) -> None:
        """Mark the end."""
        self.opened.set()
        self.ended.set()


@contextmanager
def listening(port: int, sweep_ids: Sequence[str]) -> Iterator[Connection]:
    """Open a stream on each of the sweeps, an id may occur repeatedly, in a process.

    Yield a connection that receives the deliveries of each stream, a list[list[Delivery]], when all have ended.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_listen, args=(port, sweep_ids, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(OPEN_SECONDS) or ours.recv() != "open":
            raise BrokenStreamError(f"{len(sweep_ids)} streams were not open within {OPEN_SECONDS:g} s.")
        yield ours
    finally:
        process.terminate()
        process.join()


def _listen(port: int, sweep_ids: Sequence[str], connection: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this process
    uvloop.run(_follow(port, sweep_ids, connection))


async def _follow(port: int, sweep_ids: Sequence[str], connection: Connection) -> None:
    loop = asyncio.get_running_loop()
    head = "GET /sweeps/{}/events HTTP/1.1\r\nHost: {}:{}\r\nConnection: close\r\n\r\n"
    streams = [Stream(head.format(sweep_id, LOOPBACK, port).encode()) for sweep_id in sweep_ids]
    for first in range(0, len(streams), OPENED_AT_ONCE):
        for stream in streams[first : first + OPENED_AT_ONCE]:
            await loop.create_connection(partial(lambda opened: opened, stream), LOOPBACK, port)
        for stream in streams[first : first + OPENED_AT_ONCE]:
            await stream.opened.wait()
    connection.send("open")
    for stream in streams:
        await stream.ended.wait()
    connection.send([deliveries(stream.received) for stream in streams])


def deliveries(received: Sequence[tuple[float, bytes]]) -> list[Delivery]:
    """Return the events of a chunked answer that arrived in pieces; raise BrokenStreamError if it is not complete."""
    raw = b"".join(data for _, data in received)
    arrivals = list(accumulate(len(data) for _, data in received))
    head, _, body = raw.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 ") or b"text/event-stream" not in head or not body.endswith(b"0\r\n\r\n"):
        raise BrokenStreamError(f"Expected a complete stream of events, received: {raw[:300]!r} ... {raw[-300:]!r}")
    start = len(head) + 4
    # An event lies within one chunk: the API writes whole events.
    found = ((match[1].decode(), start + match.end()) for match in EVENT_ID.finditer(body))
    return [(event_id, received[bisect_left(arrivals, end)][0]) for event_id, end in found]
