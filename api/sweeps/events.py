"""Event streams of sweeps for any number of subscribers, read over one connection to Redis."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from redis.exceptions import RedisError

from api.limits import Limits
from api.sweeps.building import build
from api.sweeps.errors import TooManyStreamsError
from api.sweeps.reader import SweepReader
from api.sweeps.records import StreamEntry, parse_events
from noisesweep.models import Event, EventType
from shared.settings import Settings
from shared.store import connections
from shared.store.keys import SweepKeys

logger = logging.getLogger(__name__)

IsValid = Callable[[str], Awaitable[bool]]

EVENTS_PER_READ = 1000
# Events of subscribed sweeps arrive immediately. A new subscription takes effect after at most this time.
BLOCK_MILLISECONDS = 50
RETRY_SECONDS = 0.5
# The API keys of open streams are checked at this interval.
KEY_CHECK_SECONDS = 1.0
# Range of the time after which clients reconnect. It is random, because all streams may end together.
RECONNECT_MILLISECONDS = (500, 3000)


@dataclass(frozen=True)
class SSEFrame:
    """Event with its sort key and its encoded server-sent event. All subscribers share one instance."""

    event: Event
    position: tuple[int, int]
    wire: bytes


def closing_event() -> bytes:
    """Return the event that asks the client to reconnect. It has no id, so the client sends that of the last event."""
    return format_sse_event(event="closing", data_str="{}", retry=random.randint(*RECONNECT_MILLISECONDS))  # noqa: S311


def to_frame(event: Event) -> SSEFrame:
    """Encode an event as a server-sent event, with its id, its type, and its JSON as data."""
    wire = format_sse_event(id=event.id, event=event.type, data_str=event.model_dump_json())
    return SSEFrame(event, parse_event_id(event.id), wire)


def _encode(events: Sequence[Event]) -> bytes:
    """Return several events for one write, because each write is expensive."""
    return b"".join(to_frame(event).wire for event in events)


class Subscriber:
    """Subscriber to the events of a sweep, or of its run at an index.

    Attributes:
        behind: Whether frames were dropped because the buffer was full.
        api_key: The API key that reads the events; None if the service has no keys.
        refused: Whether this key is no longer valid.
    """

    def __init__(self, index: int | None, limits: Limits, api_key: str | None) -> None:
        self.behind = self.refused = False
        self.api_key = api_key
        self._index = index
        self._backlog, self._keepalive_seconds = limits.stream_backlog, limits.keepalive_seconds
        self._waiting: list[SSEFrame] = []
        self._woken = asyncio.Event()

    def send(self, frames: list[SSEFrame]) -> None:
        """Buffer the frames that match the subscription and wake the subscriber. Drop them if the buffer is full."""
        matching = [frame for frame in frames if is_about(frame.event, self._index)]
        if self.behind or len(self._waiting) + len(matching) > self._backlog:
            self.behind = True
        else:
            self._waiting += matching
        if matching:
            self._woken.set()

    def wake(self) -> None:
        """Make `receive` return immediately."""
        self._woken.set()

    async def receive(self) -> list[SSEFrame]:
        """Wait for frames and return them. Return an empty list on `wake` or when a keep-alive is due."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._keepalive_seconds):
                await self._woken.wait()
        self._woken.clear()
        frames, self._waiting = self._waiting, []
        return frames

    @property
    def up_to_date(self) -> bool:
        """Return whether no frame is buffered or was dropped."""
        return not self._waiting and not self.behind


class EventBroadcaster:
    """Broadcaster that reads the event streams of all subscribed sweeps and sends the events to their subscribers.

    Streams read earlier events, and events that their subscriber missed, from the store.
    """

    def __init__(self, settings: Settings, reader: SweepReader, limits: Limits, is_valid: IsValid) -> None:
        """Take the store, and a function that returns whether an API key is still valid."""
        self._reader = reader
        self._is_valid = is_valid
        self._limits = limits
        # Reading is a loop, so the client itself needs no retries.
        self._redis = connections.async_client(settings, socket_connect_timeout=1, socket_timeout=2)
        self._subscribers: dict[str, set[Subscriber]] = {}
        self._open: Counter[str] = Counter()  # streams by API key
        self._last_ids: dict[str, str] = {}  # id of the last event read, by subscribed sweep
        self._subscribed = asyncio.Event()
        self._stopping = False
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._check_keys())]

    def stop(self) -> None:
        """End every stream with a closing event, because the server is about to stop."""
        self._stopping = True
        for subscriber in self._all_subscribers():
            subscriber.wake()

    async def close(self) -> None:
        """Stop reading and close the connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._redis.aclose()

    @asynccontextmanager
    async def open(
        self, sweep_id: str, after: str, index: int | None = None, key: str = "", api_key: str | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a stream for an API key: the server-sent events of a sweep or one of its runs after an event id.

        The stream ends after the event that ends the sweep or run, unless a retry follows. It also ends when the
        server stops, the store fails, or the key is no longer valid; then the last event tells the client to
        reconnect. Comments keep an idle connection alive.

        Args:
            sweep_id: Id of the sweep.
            after: Id of the last event that the client has.
            index: Index of the run; None for all of the sweep.
            key: Name of the API key; empty without keys.
            api_key: The key itself; None without keys.

        Raises:
            TooManyStreamsError: The server or the key has its maximum number of open streams.
        """
        last_event_id = await self._reader.last_event_id(sweep_id)
        subscriber = Subscriber(index, self._limits, api_key)
        with self._slot(key), self._subscription(sweep_id, last_event_id, subscriber) as new:
            yield self._frames(new, sweep_id, after, index)

    async def _frames(
        self, subscriber: Subscriber, sweep_id: str, after: str, index: int | None
    ) -> AsyncIterator[bytes]:
        last_id, over = after, False
        try:
            while True:
                subscriber.behind = False
                async for events in self._reader.all_events(sweep_id, last_id):
                    matching = [event for event in events if is_about(event, index)]
                    if matching:
                        yield await build(partial(_encode, matching), len(matching))
                        over = is_last(matching[-1], index)
                    last_id = events[-1].id if events else last_id
                while not subscriber.behind and not (over and subscriber.up_to_date):
                    frames = [] if self._stopping else await subscriber.receive()
                    if self._stopping or subscriber.refused:
                        yield closing_event()
                        return
                    if not frames and not subscriber.behind:
                        yield KEEPALIVE_COMMENT
                        over = not await self._exists(sweep_id)
                    new = [frame for frame in frames if frame.position > parse_event_id(last_id)]
                    if new:
                        last_id, over = new[-1].event.id, is_last(new[-1].event, index)
                        yield b"".join(frame.wire for frame in new)
                if over and subscriber.up_to_date:
                    return
        except RedisError as error:
            logger.warning("Ending an event stream, because its events cannot be read: %s", error)
            yield closing_event()

    @contextmanager
    def _slot(self, key: str) -> Iterator[None]:
        """Count one more stream of the API key. Raise TooManyStreamsError if the server or the key has no more."""
        advice = "Close unused streams, or request the events as application/json."
        if self._open.total() >= self._limits.streams:
            raise TooManyStreamsError(f"All {self._limits.streams} event streams of this server are in use. {advice}")
        if key and self._open[key] >= self._limits.streams_per_key:
            raise TooManyStreamsError(
                f"All {self._limits.streams_per_key} event streams of this API key are in use. {advice}"
            )
        self._open[key] += 1
        try:
            yield
        finally:
            self._open[key] -= 1

    @contextmanager
    def _subscription(self, sweep_id: str, last_event_id: str, subscriber: Subscriber) -> Iterator[Subscriber]:
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
            return True  # unknown, so the stream continues

    def _all_subscribers(self) -> list[Subscriber]:
        return [each for subscribers in self._subscribers.values() for each in subscribers]

    async def _check_keys(self) -> None:
        """End the streams of keys that are no longer valid."""
        while True:
            await asyncio.sleep(KEY_CHECK_SECONDS)
            subscribers = self._all_subscribers()
            for api_key in {each.api_key for each in subscribers if each.api_key}:
                try:
                    is_valid = await self._is_valid(api_key)
                except Exception:  # the checks of the other keys must go on
                    logger.exception("Cannot check the API key of an event stream")
                    continue
                if not is_valid:
                    for subscriber in subscribers:
                        if subscriber.api_key == api_key:
                            subscriber.refused = True
                            subscriber.wake()

    async def _read(self) -> None:
        while True:
            if not self._last_ids:
                self._subscribed.clear()
                await self._subscribed.wait()
            sweeps = {SweepKeys(sweep_id).events: sweep_id for sweep_id in self._last_ids}
            last_ids: dict[Any, Any] = {key: self._last_ids[sweep_id] for key, sweep_id in sweeps.items()}
            try:
                reply = await self._redis.xread(last_ids, count=EVENTS_PER_READ, block=BLOCK_MILLISECONDS)
            except RedisError as error:
                logger.warning("Cannot read event streams; trying again in %s s: %s", RETRY_SECONDS, error)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            for key, entries in cast("list[tuple[str, list[StreamEntry]]]", reply or []):
                self._send(sweeps[key], parse_events(sweeps[key], entries), last_id=entries[-1][0])

    def _send(self, sweep_id: str, events: list[Event], last_id: str) -> None:
        if sweep_id not in self._subscribers:
            return  # the last subscriber has disconnected
        self._last_ids[sweep_id] = last_id
        frames = [to_frame(event) for event in events]
        for subscriber in self._subscribers[sweep_id]:
            subscriber.send(frames)


def parse_event_id(event_id: str) -> tuple[int, int]:
    """Return the sort key of an event id: the server's time in milliseconds, and a sequence number."""
    milliseconds, number = event_id.split("-")
    return int(milliseconds), int(number)


def is_about(event: Event, index: int | None) -> bool:
    """Return whether an event is about the run at this index. With None, return True."""
    return index is None or event.run_index == index


def is_last(event: Event, index: int | None) -> bool:
    """Return whether the event is the last one of the sweep, or of the run at this index."""
    return event.type is (EventType.SWEEP_ENDED if index is None else EventType.RUN_ENDED)
