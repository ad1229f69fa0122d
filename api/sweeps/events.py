"""Event streams: what happens to sweeps, sent to any number of clients over one connection to Redis."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, cast

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from redis.exceptions import RedisError

from api.limits import Limits
from api.sweeps.errors import TooManyStreamsError
from api.sweeps.reader import SweepReader
from api.sweeps.records import StreamEntry, events_of
from noisesweep.models import Event, EventType
from shared.settings import Settings
from shared.store import connections
from shared.store.keys import SweepKeys

logger = logging.getLogger(__name__)

EVENTS_AT_ONCE = 1000
# An event of a sweep that has subscribers arrives at once. This is how long a new subscription may take to be read.
BLOCK_MILLISECONDS = 50
RETRY_SECONDS = 0.5
# It has no id, so the client comes back for the events after the last one that had an id.
CLOSING = format_sse_event(event="closing", data_str="{}", retry=1000)


@dataclass(frozen=True)
class SSEFrame:
    """An event, its position among all, and its bytes as a server-sent event: made once for all subscribers."""

    event: Event
    position: tuple[int, int]
    wire: bytes


def frame_of(event: Event) -> SSEFrame:
    """Return the event as a server-sent event: its id, its type, and itself as JSON."""
    wire = format_sse_event(id=event.id, event=event.type, data_str=event.model_dump_json())
    return SSEFrame(event, position_of(event.id), wire)


class Subscriber:
    """One client that follows a sweep or the run at an index of it.

    Attributes:
        behind: Whether frames were dropped because too many waited.
    """

    def __init__(self, index: int | None, limits: Limits) -> None:
        self.behind = False
        self._index = index
        self._backlog, self._keepalive_seconds = limits.stream_backlog, limits.keepalive_seconds
        self._waiting: list[SSEFrame] = []
        self._woken = asyncio.Event()

    def send(self, frames: list[SSEFrame]) -> None:
        """Queue the frames that concern the client, if there is room, and wake it."""
        ours = [frame for frame in frames if concerns(frame.event, self._index)]
        if self.behind or len(self._waiting) + len(ours) > self._backlog:
            self.behind = True
        else:
            self._waiting += ours
        if ours:
            self._woken.set()

    def wake(self) -> None:
        """Make `receive` return."""
        self._woken.set()

    async def receive(self) -> list[SSEFrame]:
        """Return the waiting frames as soon as there are any; none if woken otherwise, or when a keep-alive is due."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._keepalive_seconds):
                await self._woken.wait()
        self._woken.clear()
        frames, self._waiting = self._waiting, []
        return frames

    @property
    def up_to_date(self) -> bool:
        """Return whether no frame waits or was dropped."""
        return not self._waiting and not self.behind


class EventBroadcaster:
    """Reads the event streams of all sweeps that have subscribers, and sends them the events.

    Events from before a subscription, and those for which a subscriber was too slow, are read from the store.
    """

    def __init__(self, settings: Settings, reader: SweepReader, limits: Limits) -> None:
        self._reader = reader
        self._limits = limits
        # It reads in a loop, so a failed attempt needs no retry.
        self._redis = connections.with_asyncio(settings, socket_connect_timeout=1, socket_timeout=2)
        self._subscribers: dict[str, set[Subscriber]] = {}
        self._last_ids: dict[str, str] = {}  # by sweep with subscribers: the id of the last event read
        self._subscribed = asyncio.Event()
        self._stopping = False
        self._reading = asyncio.create_task(self._read())

    def stop(self) -> None:
        """End every stream with a closing event: the server is about to stop."""
        self._stopping = True
        for subscribers in self._subscribers.values():
            for subscriber in subscribers:
                subscriber.wake()

    async def close(self) -> None:
        """Stop reading and close the connection."""
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading
        await self._redis.aclose()

    def check_capacity(self) -> None:
        """Raise TooManyStreamsError if no more streams are served."""
        if sum(map(len, self._subscribers.values())) >= self._limits.streams:
            raise TooManyStreamsError(
                f"{self._limits.streams} event streams are open, and no more are served: ask for the events as "
                "application/json."
            )

    async def stream(self, sweep_id: str, after: str, index: int | None = None) -> AsyncGenerator[bytes]:
        """Yield the events of the sweep, or of one of its runs, after an event id, as server-sent events.

        The stream ends after the event that ends the sweep or the run, unless a retry follows, and when the server
        stops. While nothing happens, a comment keeps the connection alive.
        """
        with self._subscription(sweep_id, await self._reader.last_event_id(sweep_id), index) as subscriber:
            last_id, over = after, False
            while True:
                subscriber.behind = False
                async for event in self._reader.all_events(sweep_id, last_id):
                    last_id = event.id
                    if concerns(event, index):
                        yield frame_of(event).wire
                        over = ends(event, index)
                while not subscriber.behind and not (over and subscriber.up_to_date):
                    frames = [] if self._stopping else await subscriber.receive()
                    if self._stopping:
                        yield CLOSING
                        return
                    if not frames and not subscriber.behind:
                        yield KEEPALIVE_COMMENT
                        over = not await self._exists(sweep_id)
                    new = [frame for frame in frames if frame.position > position_of(last_id)]
                    if new:
                        last_id, over = new[-1].event.id, ends(new[-1].event, index)
                        yield b"".join(frame.wire for frame in new)  # in one write: writes are what costs
                if over and subscriber.up_to_date:
                    return

    @contextmanager
    def _subscription(self, sweep_id: str, last_event_id: str, index: int | None) -> Iterator[Subscriber]:
        subscriber = Subscriber(index, self._limits)
        subscribers = self._subscribers.setdefault(sweep_id, set())
        self._last_ids.setdefault(sweep_id, last_event_id)
        subscribers.add(subscriber)
        self._subscribed.set()
        try:
            yield subscriber
        finally:
            subscribers.remove(subscriber)
            if not subscribers:
                del self._subscribers[sweep_id], self._last_ids[sweep_id]

    async def _exists(self, sweep_id: str) -> bool:
        try:
            return await self._reader.exists(sweep_id)
        except RedisError:
            return True  # unknown, so the stream goes on

    async def _read(self) -> None:
        while True:
            if not self._last_ids:
                self._subscribed.clear()
                await self._subscribed.wait()
            sweeps = {SweepKeys(sweep_id).events: sweep_id for sweep_id in self._last_ids}
            last_ids: dict[Any, Any] = {key: self._last_ids[sweep_id] for key, sweep_id in sweeps.items()}
            try:
                reply = await self._redis.xread(last_ids, count=EVENTS_AT_ONCE, block=BLOCK_MILLISECONDS)
            except RedisError as error:
                logger.warning("Event streams wait for the store: %s", error)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            for key, entries in cast("list[tuple[str, list[StreamEntry]]]", reply or []):
                self._send(sweeps[key], events_of(sweeps[key], entries), last_id=entries[-1][0])

    def _send(self, sweep_id: str, events: list[Event], last_id: str) -> None:
        if sweep_id not in self._subscribers:
            return  # the last subscriber has left
        self._last_ids[sweep_id] = last_id
        frames = [frame_of(event) for event in events]
        for subscriber in self._subscribers[sweep_id]:
            subscriber.send(frames)


def position_of(event_id: str) -> tuple[int, int]:
    """Return the sort key of an event id: milliseconds of the server's clock, and a number within them."""
    milliseconds, number = event_id.split("-")
    return int(milliseconds), int(number)


def concerns(event: Event, index: int | None) -> bool:
    """Return whether an event is of the run at this index; any event is if that is None."""
    return index is None or event.run_index == index


def ends(event: Event, index: int | None) -> bool:
    """Return whether the event ends the sweep, or the run at this index."""
    return event.type is (EventType.SWEEP_ENDED if index is None else EventType.RUN_ENDED)
