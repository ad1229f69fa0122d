"""Tests of server-sent events and reconnection on a scripted network."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise

import httpx
import pytest
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from hypothesis import given
from hypothesis import strategies as st

from api.sweeps.events import to_frame
from noisesweep import ServiceUnreachableError
from noisesweep.models import Event, EventType, RunStatus
from tests.noisesweep.client.scripted_network import Network
from tests.support.records import SWEEP_ID, run_summary, sweep_of
from tests.support.training import invented_metrics

CLOSING = format_sse_event(event="closing", data_str="{}", retry=1000)
RECORD = sweep_of([run_summary(0, 1.0, RunStatus.RUNNING)]).model_dump_json()


def event(number: int) -> Event:
    return Event(
        id=f"1773133200123-{number}",
        type=EventType.EPOCH,
        at=datetime(2026, 3, 10, tzinfo=UTC),
        run_id=f"{SWEEP_ID}-Übermaß",  # contains characters of two bytes, which a cut may split
        status=None,
        metrics=invented_metrics(number, 0.5),
    )


def split(data: bytes, positions: list[int]) -> Iterator[bytes]:
    """Return the data in pieces, split at these positions (modulo the length)."""
    bounds = [0, *sorted(position % (len(data) + 1) for position in positions), len(data)]
    return (data[start:end] for start, end in pairwise(bounds) if end > start)


class Body(httpx.SyncByteStream):
    """Response body that optionally ends with an error."""

    def __init__(self, chunks: Iterator[bytes], failure: httpx.TransportError | None = None) -> None:
        self._chunks = chunks
        self._failure = failure

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks
        if self._failure:
            raise self._failure


class Stream:
    """Stand-in for the API's event stream, with connections that break after given numbers of bytes."""

    def __init__(
        self,
        events: list[Event],
        breaks: list[int],
        positions: list[int],
        line_end: str = "\n",
        failure: httpx.TransportError | None = None,
    ) -> None:
        self._events = events
        self._breaks = iter(breaks)
        self._positions = positions
        self._line_end = line_end
        self._failure = failure or httpx.ReadError("cut")

    def answer(self, request: httpx.Request) -> httpx.Response:
        assert request.method == "GET"
        if request.url.path == f"/sweeps/{SWEEP_ID}":
            return httpx.Response(200, content=RECORD)
        assert request.url.path == f"/sweeps/{SWEEP_ID}/events"
        assert request.headers["Accept"] == "text/event-stream"
        last = request.headers.get("Last-Event-ID")
        left = self._events[[each.id for each in self._events].index(last) + 1 if last else 0 :]
        if last and not left:
            return httpx.Response(204)
        wire = KEEPALIVE_COMMENT + b"".join(to_frame(each).wire + KEEPALIVE_COMMENT for each in left)
        wire = (wire + CLOSING).replace(b"\n", self._line_end.encode())
        cut = next(self._breaks, None)
        is_cut = cut is not None and cut < len(wire)
        body = Body(split(wire[:cut], self._positions), self._failure if is_cut else None)
        return httpx.Response(200, headers={"Content-Type": "text/event-stream; charset=utf-8"}, stream=body)


def follow(network: Network, timeout: float = 30.0) -> list[Event]:
    with network.service(timeout) as service:
        return list(service.sweep(SWEEP_ID).follow())


@given(
    st.integers(1, 6),
    st.lists(st.integers(0, 2000), max_size=8),
    st.lists(st.integers(0), max_size=30),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_events_arrive_once_and_in_order_despite_breaks(
    count: int, breaks: list[int], positions: list[int], line_end: str
) -> None:
    events = [event(number) for number in range(count)]
    assert follow(Network(Stream(events, breaks, positions, line_end).answer)) == events


@given(st.integers(1, 400))
def test_truncated_event_is_read_again_after_reconnecting(missing: int) -> None:
    # The first stream ends without an error.
    wire = to_frame(event(0)).wire
    complete = Stream([event(0)], [], [])
    first = iter([True])

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/events") and next(first, False):
            body = Body(iter([wire[: -min(missing, len(wire))]]))
            return httpx.Response(200, headers={"Content-Type": "text/event-stream"}, stream=body)
        return complete.answer(request)

    network = Network(answer)
    assert follow(network) == [event(0)]
    assert "Last-Event-ID" not in network.requests[2].headers


def test_silent_connection_times_out_after_45_seconds() -> None:
    timeout = httpx.ReadTimeout("")
    network = Network(Stream([event(0), event(1)], [len(to_frame(event(0)).wire) + 50], [], failure=timeout).answer)
    assert follow(network, timeout=60) == [event(0), event(1)]
    streams = [request for request in network.requests if request.url.path.endswith("/events")]
    assert [request.extensions["timeout"]["read"] for request in streams] == [45] * len(streams)
    assert streams[1].headers["Last-Event-ID"] == event(0).id


def test_client_reconnects_after_the_pause_the_service_requests() -> None:
    network = Network(Stream([event(0)], [], []).answer)
    assert follow(network) == [event(0)]
    assert network.clock.seconds == 1


def test_stream_of_another_program_is_detected() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        is_stream = request.url.path.endswith("/events")
        return httpx.Response(200, html="<html>") if is_stream else httpx.Response(200, content=RECORD)

    with pytest.raises(ServiceUnreachableError, match=r"unexpected answer from http://127.0.0.1:8000"):
        follow(Network(answer))
