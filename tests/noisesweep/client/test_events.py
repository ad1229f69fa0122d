"""The client's protocol without sockets: bytes in, events out, and when to come back."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise

import httpx
from fastapi.sse import KEEPALIVE_COMMENT
from hypothesis import given
from hypothesis import strategies as st

from api.sweeps.events import CLOSING, frame_of
from noisesweep.client.events import Message, Parser, follow
from noisesweep.client.flow import Item, Pause, Read, Request, Step
from noisesweep.models import Event, EventType
from tests.support.training import invented_metrics

PATH = "/sweeps/0123456789abcdef/events"


def event(number: int) -> Event:
    return Event(
        id=f"1773133200123-{number}",
        type=EventType.EPOCH,
        at=datetime(2026, 3, 10, tzinfo=UTC),
        run_id="0123456789abcdef-0",
        status=None,
        metrics=invented_metrics(number, 0.5),
    )


def pieces(data: bytes, places: list[int]) -> Iterator[bytes]:
    """The bytes, parted at these places."""
    bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return (data[start:end] for start, end in pairwise(bounds) if end > start)


@given(st.lists(st.integers(0), max_size=30), st.integers(0, 5), st.sampled_from(["\n", "\r\n", "\r"]))
def test_messages_are_the_same_wherever_the_bytes_are_parted(places: list[int], count: int, line_end: str) -> None:
    events = [event(number) for number in range(count)]
    wire = b"".join(frame_of(each).wire + KEEPALIVE_COMMENT for each in events) + CLOSING + "data: Übermaß\n\n".encode()
    wire = wire.replace(b"\n", line_end.encode()) + b": the end"
    parser = Parser()
    messages = [message for piece in pieces(wire, places) for message in parser.feed(piece)]
    expected = [Message("epoch", each.model_dump_json(), None) for each in events]
    assert messages == [*expected, Message("closing", "{}", 1.0), Message("message", "Übermaß", None)]


def test_what_the_end_cuts_off_is_dropped() -> None:
    wire = frame_of(event(0)).wire
    assert list(Parser().feed(wire[:-1])) == []


class Stream:
    """Serves events as the API does, over connections that break after so many bytes, and never in the same place."""

    def __init__(self, events: list[Event], breaks: list[int], places: list[int]) -> None:
        self._events = events
        self._breaks = iter(breaks)
        self._places = places
        self._pieces: Iterator[bytes] = iter(())
        self._is_cut = False
        self.seconds = 0.0

    def carry_out(self, step: Step) -> object:
        match step:
            case Pause():
                self.seconds += step.seconds
                return None
            case Read():
                end = httpx.ReadError("cut") if self._is_cut else b""
                return next(self._pieces, end)
            case Request():
                return self._answer(step)

    def _answer(self, request: Request) -> httpx.Response:
        assert (request.method, request.path, request.stream) == ("GET", PATH, True)
        last = request.headers.get("Last-Event-ID")
        left = self._events[[each.id for each in self._events].index(last) + 1 if last else 0 :]
        if last and not left:
            return httpx.Response(204)
        wire = KEEPALIVE_COMMENT + b"".join(frame_of(each).wire for each in left)
        cut = next(self._breaks, None)
        self._is_cut = cut is not None and cut < len(wire)
        self._pieces = pieces(wire[:cut] + (b"" if self._is_cut else CLOSING), self._places)
        return httpx.Response(200)


def followed(stream: Stream) -> list[Event]:
    events: list[Event] = []
    flow, outcome = follow(PATH, 30.0, lambda: stream.seconds), None
    while True:
        try:
            step = flow.throw(outcome) if isinstance(outcome, Exception) else flow.send(outcome)
        except StopIteration:
            return events
        if isinstance(step, Item):
            events.append(step.value)
            outcome = None
        else:
            outcome = stream.carry_out(step)


@given(
    st.integers(1, 6),
    st.lists(st.integers(0, 2000), max_size=8),
    st.lists(st.integers(0), max_size=10),
)
def test_every_event_comes_once_and_in_order_wherever_connections_break(
    count: int, breaks: list[int], places: list[int]
) -> None:
    events = [event(number) for number in range(count)]
    assert followed(Stream(events, breaks, places)) == events
