"""Event streams by the hundred, in one process that does nothing else, and when each event came."""

import asyncio
import multiprocessing
import re
import signal
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from multiprocessing.connection import Connection
from typing import cast

import uvloop

from noisesweep.local.launcher import LOOPBACK

# Streams that are opened at a time: clients come one after the other.
OPENED_AT_ONCE = 50
OPEN_SECONDS = 60.0
EVENT_ID = re.compile(rb"^id: ?([0-9]+-[0-9]+)\r?$", re.MULTILINE)
END_OF_HEAD = b"\r\n\r\n"


class BrokenStreamError(Exception):
    """A stream was refused, or ended before its events did."""


@dataclass(frozen=True)
class Delivery:
    """An event on one stream.

    Attributes:
        event_id: Begins with the milliseconds of the store's clock at the commit.
        received_at: Seconds of this machine's clock, which is the store's too.
    """

    event_id: str
    received_at: float

    @property
    def delay_ms(self) -> float:
        """From commit to delivery. The id has whole milliseconds, so it is up to one too long."""
        return 1000 * self.received_at - int(self.event_id.split("-")[0])


class Stream(asyncio.Protocol):
    """Keeps what comes and when; what it says is read after the end, when no time is lost by it."""

    def __init__(self, request: bytes) -> None:
        self.received: list[tuple[float, bytes]] = []
        self.opened, self.ended = asyncio.Event(), asyncio.Event()
        self._request = request

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the events."""
        cast("asyncio.WriteTransport", transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        """Keep what came."""
        self.received.append((time.time(), data))
        self.opened.set()

    def connection_lost(self, _error: Exception | None) -> None:
        """Nothing more comes."""
        self.opened.set()
        self.ended.set()


@contextmanager
def listening(port: int, sweep_ids: Sequence[str]) -> Iterator[Connection]:
    """A process that has a stream open on each of the sweeps, which may be named more than once.

    Its connection gives the deliveries of each stream, a list[list[Delivery]], when all have ended.
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
    streams: list[Stream] = []
    for first in range(0, len(sweep_ids), OPENED_AT_ONCE):
        opening = [Stream(_request(port, sweep_id)) for sweep_id in sweep_ids[first : first + OPENED_AT_ONCE]]
        for stream in opening:
            await loop.create_connection(partial(_itself, stream), LOOPBACK, port)
        for stream in opening:
            await stream.opened.wait()
        streams += opening
    connection.send("open")
    for stream in streams:
        await stream.ended.wait()
    connection.send([deliveries(stream.received) for stream in streams])


def _itself(stream: Stream) -> Stream:
    return stream


def _request(port: int, sweep_id: str) -> bytes:
    lines = [f"GET /sweeps/{sweep_id}/events HTTP/1.1", f"Host: {LOOPBACK}:{port}", "Connection: close", "", ""]
    return "\r\n".join(lines).encode()


def deliveries(received: Sequence[tuple[float, bytes]]) -> list[Delivery]:
    """The events in an HTTP answer of server-sent events, which came in pieces at certain times.

    Raises:
        BrokenStreamError: It is no such answer, or it has no end.
    """
    raw = b"".join(data for _, data in received)
    arrivals = list(accumulate(len(data) for _, data in received))
    head, _, _ = raw.partition(END_OF_HEAD)
    if not head.startswith(b"HTTP/1.1 200 ") or b"text/event-stream" not in head:
        raise BrokenStreamError(f"Expected a stream of events, received: {raw[:500]!r}")
    found, text = [], b""
    for payload, end in _chunks(raw, len(head) + len(END_OF_HEAD)):
        *events, text = (text + payload).split(b"\n\n")
        received_at = received[bisect_left(arrivals, end)][0]
        identities = [EVENT_ID.search(event) for event in events]
        # Without an id: comments that keep the connection alive.
        found += [Delivery(identity[1].decode(), received_at) for identity in identities if identity]
    return found


def _chunks(raw: bytes, position: int) -> Iterator[tuple[bytes, int]]:
    """The chunks of a body in HTTP's chunked coding, each with the place in `raw` where it ends."""
    while (begin := raw.find(b"\r\n", position) + 2) > 1:
        size = int(raw[position : begin - 2], 16)
        if not size:
            return
        yield raw[begin : begin + size], begin + size
        position = begin + size + 2
    raise BrokenStreamError(f"The stream was broken off after: {raw[-500:]!r}")
