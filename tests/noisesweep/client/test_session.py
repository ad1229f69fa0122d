"""Server-sent events on a scripted network: bytes in, events out, and when to reconnect."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise

import httpx
import pytest
from fastapi.sse import KEEPALIVE_COMMENT
from hypothesis import given
from hypothesis import strategies as st

from api.sweeps.events import CLOSING, frame_of
from noisesweep import ServiceUnreachableError
from noisesweep.models import Event, EventType, RunStatus
from tests.noisesweep.client.scripted_network import Network
from tests.support.records import SWEEP_ID, run_summary, sweep_of
from tests.support.training import invented_metrics

RECORD = sweep_of([run_summary(0, 1.0, RunStatus.RUNNING)]).model_dump_json()


def event(number: int) -> Event:
    return Event(
        id=f"1773133200123-{number}",
        type=EventType.EPOCH,
        at=datetime(2026, 3, 10, tzinfo=UTC),
        run_id=f"{SWEEP_ID}-Übermaß",  # two bytes each, which a cut may part
        status=None,
        metrics=invented_metrics(number, 0.5),
    )


def pieces(data: bytes, positions: list[int]) -> Iterator[bytes]:
    """The bytes, parted at these positions."""
    bounds = [0, *sorted(position % (len(data) + 1) for position in positions), len(data)]
    return (data[start:end] for start, end in pairwise(bounds) if end > start)


class Body(httpx.SyncByteStream):
    """The body of an answer, which may end with a failure."""

    def __init__(self, chunks: Iterator[bytes], failure: httpx.TransportError | None = None) -> None:
        self._chunks = chunks
        self._failure = failure

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks
        if self._failure:
            raise self._failure


class Stream:
    """Serves events as the API does, over connections that break after given numbers of bytes."""

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
        wire = KEEPALIVE_COMMENT + b"".join(frame_of(each).wire + KEEPALIVE_COMMENT for each in left)
        wire = (wire + CLOSING).replace(b"\n", self._line_end.encode())
        cut = next(self._breaks, None)
        is_cut = cut is not None and cut < len(wire)
        body = Body(pieces(wire[:cut], self._positions), self._failure if is_cut else None)
        return httpx.Response(200, headers={"Content-Type": "text/event-stream; charset=utf-8"}, stream=body)


def followed(network: Network, timeout: float = 30.0) -> list[Event]:
    with network.service(timeout) as service:
        return list(service.sweep(SWEEP_ID).follow())


@given(
    st.integers(1, 6),
    st.lists(st.integers(0, 2000), max_size=8),
    st.lists(st.integers(0), max_size=30),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_every_event_comes_once_and_in_order_wherever_connections_break(
    count: int, breaks: list[int], positions: list[int], line_end: str
) -> None:
    events = [event(number) for number in range(count)]
    assert followed(Network(Stream(events, breaks, positions, line_end).answer)) == events


@given(st.integers(1, 400))
def test_event_that_the_end_cuts_off_is_dropped_and_comes_with_the_next_connection(missing: int) -> None:
    """Also where the stream ends as if it were whole."""
    wire = frame_of(event(0)).wire
    whole = Stream([event(0)], [], [])
    first = iter([True])

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/events") and next(first, False):
            body = Body(iter([wire[: -min(missing, len(wire))]]))
            return httpx.Response(200, headers={"Content-Type": "text/event-stream"}, stream=body)
        return whole.answer(request)

    network = Network(answer)
    assert followed(network) == [event(0)]
    assert "Last-Event-ID" not in network.requests[2].headers


def test_silent_connection_is_dead_after_45_seconds() -> None:
    silence = httpx.ReadTimeout("")
    network = Network(Stream([event(0), event(1)], [len(frame_of(event(0)).wire) + 50], [], failure=silence).answer)
    assert followed(network, timeout=60) == [event(0), event(1)]
    streams = [request for request in network.requests if request.url.path.endswith("/events")]
    assert [request.extensions["timeout"]["read"] for request in streams] == [45] * len(streams)
    assert streams[1].headers["Last-Event-ID"] == event(0).id


def test_closing_service_is_asked_again_when_it_says() -> None:
    network = Network(Stream([event(0)], [], []).answer)
    assert followed(network) == [event(0)]
    assert network.clock.seconds == 1


def test_stream_of_another_service_is_told_from_noisesweep() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        page = request.url.path.endswith("/events")
        return httpx.Response(200, html="<html>") if page else httpx.Response(200, content=RECORD)

    with pytest.raises(ServiceUnreachableError, match="no noisesweep service"):
        followed(Network(answer))
