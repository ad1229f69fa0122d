"""Following what happens: server-sent events from bytes, and when to come back for more."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http import HTTPStatus

import httpx
from pydantic import ValidationError

from noisesweep.client.errors import foreign
from noisesweep.client.flow import Item, ItemFlow, Pause, Read, Request, answer, pauses
from noisesweep.models import Event, EventType

# The service gives a sign of life every 15 s: a connection that is silent for longer is dead.
SILENCE_SECONDS = 45.0
# A \r that ends what has come may be the first half of a \r\n.
_LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")
_TYPES = frozenset(EventType)


@dataclass(frozen=True)
class Message:
    """A server-sent event as it was on the wire.

    Attributes:
        event: Its type; "message" where it has none.
        data: What it says.
        retry_seconds: When to come back after the stream has ended; None where it does not say.
    """

    event: str
    data: str
    retry_seconds: float | None


class Parser:
    """Takes one stream of server-sent events apart (WHATWG HTML, section 9.2.6). What the end cuts off is dropped."""

    def __init__(self) -> None:
        self._rest = b""
        self._fields: dict[str, str] = {}
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> Iterator[Message]:
        """The messages that are whole with these bytes, which may begin and end anywhere, also within a character."""
        *lines, self._rest = _LINE_END.split(self._rest + chunk)
        for line in lines:
            if line:
                self._take(line.decode())
                continue
            if self._data:
                yield self._message()
            self._fields, self._data = {}, []

    def _take(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        else:
            self._fields[name] = value  # a comment has no name, and is looked up by nobody

    def _message(self) -> Message:
        retry = self._fields.get("retry", "")
        return Message(
            event=self._fields.get("event", "message"),
            data="\n".join(self._data),
            retry_seconds=int(retry) / 1000 if retry.isdecimal() else None,
        )


def _event(message: Message, response: httpx.Response) -> Event:
    try:
        return Event.model_validate_json(message.data)
    except ValidationError as error:
        raise foreign(response) from error


def follow(path: str, total_seconds: float, clock: Callable[[], float] = time.monotonic) -> ItemFlow[Event]:
    """Every event once and in order, from the first to the end, over as many connections as that takes.

    A stream that breaks, or that the service closes because it stops, is opened again after the last event that came.
    That there is no more is said by the service alone, with 204.

    Args:
        path: Where the events are.
        total_seconds: How long the service may be away at a time.
        clock: Seconds that never go back.

    Raises:
        ServiceUnreachableError: The service was away for longer, or tells what this client does not know.
        RefusedError: What is followed is not there, or not any more.
    """
    request = Request(
        "GET", path, headers={"Accept": "text/event-stream"}, timeout_seconds=SILENCE_SECONDS, stream=True
    )
    waits, known = pauses(), False
    while True:
        response = yield from answer(request, total_seconds, clock, known=known)
        known = True
        if response.status_code == HTTPStatus.NO_CONTENT:
            return
        parser, wait_seconds = Parser(), next(waits)
        try:
            while chunk := (yield Read()):
                for message in parser.feed(chunk):
                    if message.event in _TYPES:
                        event = _event(message, response)
                        request = replace(request, headers={**request.headers, "Last-Event-ID": event.id})
                        yield Item(event)
                        waits, wait_seconds = pauses(), 0  # it gets on
                    elif message.retry_seconds is not None:
                        wait_seconds = message.retry_seconds
        except httpx.TransportError:
            pass  # the next connection goes on where this one broke
        yield Pause(wait_seconds)
