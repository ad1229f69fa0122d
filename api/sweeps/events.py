"""What happens to sweeps, told to any number of clients as it happens, over one connection to Redis."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, cast

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from redis.exceptions import RedisError

from api.sweeps.event_log import NO_EVENT
from api.sweeps.records import StreamEntry, events_of
from api.sweeps.store import Store
from noisesweep.models import Event, EventType
from shared.errors import TooManyStreamsError
from shared.settings import Settings
from shared.store import connections
from shared.store.keys import SweepKeys

logger = logging.getLogger(__name__)

# Streams that one process of the API serves at a time.
MAX_STREAMS = 1000
KEEPALIVE_SECONDS = 15.0
# Events that wait for a slow client; one that lets more wait reads on from the store, where all of them are.
MAX_WAITING = 1000
# An event of a sweep that is followed already arrives at once. This is how long it takes until a sweep is followed.
BLOCK_MILLISECONDS = 50
AGAIN_SECONDS = 0.5
# It has no id, so the client comes back for what follows the last event that had one.
CLOSING = format_sse_event(event="closing", data_str="{}", retry=1000)


@dataclass(frozen=True)
class Told:
    """An event, its place among all, and its bytes on the wire: made once for all who follow."""

    event: Event
    order: tuple[int, int]
    wire: bytes


def told(event: Event) -> Told:
    """The event as a server-sent event: its id, its type, and itself as JSON."""
    wire = format_sse_event(id=event.id, event=event.type, data_str=event.model_dump_json())
    return Told(event, order(event.id), wire)


class Follower:
    """What one client, who follows a sweep or the run at an index of it, has yet to be told.

    Attributes:
        behind: Whether something was left out because too much waited.
    """

    def __init__(self, index: int | None) -> None:
        self.behind = False
        self._index = index
        self._waiting: list[Told] = []
        self._woken = asyncio.Event()

    def tell(self, news: list[Told]) -> None:
        """Keep the events that concern the client if there is room, and wake it for them."""
        ours = [each for each in news if concerns(each.event, self._index)]
        if self.behind or len(self._waiting) + len(ours) > MAX_WAITING:
            self.behind = True
        else:
            self._waiting += ours
        if ours:
            self._woken.set()

    def wake(self) -> None:
        """Let the client look around."""
        self._woken.set()

    async def news(self) -> list[Told]:
        """The events that wait, when there are any; none if it was woken for another reason or a while has passed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(KEEPALIVE_SECONDS):
                await self._woken.wait()
        self._woken.clear()
        news, self._waiting = self._waiting, []
        return news

    @property
    def up_to_date(self) -> bool:
        """Whether nothing more is known to have happened."""
        return not self._waiting and not self.behind


class Tail:
    """Reads on in the event streams of all sweeps that are followed, and tells their followers.

    What was before a follower came, and what it was too slow for, the follower reads from the store.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self._store = store
        # It reads again and again by itself, so that no attempt is worth repeating.
        self._redis = connections.with_asyncio(settings, socket_connect_timeout=1, socket_timeout=2)
        self._followers: dict[str, set[Follower]] = {}
        self._positions: dict[str, str] = {}  # of the sweeps that are followed: the id of the last event read
        self._followed = asyncio.Event()
        self._stopping = False
        self._reading = asyncio.create_task(self._read())

    def stop(self) -> None:
        """End every stream with a closing event: the server is about to stop."""
        self._stopping = True
        for followers in self._followers.values():
            for follower in followers:
                follower.wake()

    async def close(self) -> None:
        """End the reading and give the connection back."""
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading
        await self._redis.aclose()

    async def stream(self, sweep_id: str, after: str, index: int | None = None) -> AsyncGenerator[bytes]:
        """The events after an id, of the sweep or of one of its runs, as they come, on the wire of server-sent events.

        It ends after the event that says that all has ended, unless that was taken back by a retry, or when the server
        stops. While nothing happens a comment keeps the connection alive.
        """
        with self._following(sweep_id, await self._store.events.last_id(sweep_id), index) as follower:
            position, over = after, False
            while True:
                follower.behind = False
                async for event in self._store.events.after(sweep_id, position):
                    position = event.id
                    if concerns(event, index):
                        yield told(event).wire
                        over = ends(event, index)
                while not follower.behind and not (over and follower.up_to_date):
                    news = [] if self._stopping else await follower.news()
                    if self._stopping:
                        yield CLOSING
                        return
                    if not news and not follower.behind:
                        yield KEEPALIVE_COMMENT
                        over = not await self._is_there(sweep_id)
                    new = [each for each in news if each.order > order(position)]
                    if new:
                        position, over = new[-1].event.id, ends(new[-1].event, index)
                        yield b"".join(each.wire for each in new)  # in one write, for it is the write that costs
                if over and follower.up_to_date:
                    return

    async def wait_for_end(self, sweep_id: str, seconds: float) -> None:
        """Return when the sweep has ended, or after so many seconds, or when the store does not answer."""
        with suppress(TimeoutError, RedisError):
            async with asyncio.timeout(seconds), aclosing(self.stream(sweep_id, NO_EVENT)) as events:
                async for _ in events:
                    pass

    @contextmanager
    def _following(self, sweep_id: str, last_event_id: str, index: int | None) -> Iterator[Follower]:
        follower = Follower(index)
        followers = self._followers.setdefault(sweep_id, set())
        self._positions.setdefault(sweep_id, last_event_id)
        followers.add(follower)
        self._followed.set()
        try:
            yield follower
        finally:
            followers.remove(follower)
            if not followers:
                del self._followers[sweep_id], self._positions[sweep_id]

    def make_sure_of_room(self) -> None:
        """Raise TooManyStreamsError if no more streams are served."""
        if sum(map(len, self._followers.values())) >= MAX_STREAMS:
            raise TooManyStreamsError(
                f"{MAX_STREAMS} event streams are open, and no more are served: ask for the events as application/json."
            )

    async def _is_there(self, sweep_id: str) -> bool:
        try:
            return await self._store.exists(sweep_id)
        except RedisError:
            return True  # as far as anybody knows

    async def _read(self) -> None:
        while True:
            if not self._positions:
                self._followed.clear()
                await self._followed.wait()
            sweeps = {SweepKeys(sweep_id).events: sweep_id for sweep_id in self._positions}
            positions: dict[Any, Any] = {key: self._positions[sweep_id] for key, sweep_id in sweeps.items()}
            try:
                reply = await self._redis.xread(positions, count=MAX_WAITING, block=BLOCK_MILLISECONDS)
            except RedisError as error:
                logger.warning("Event streams wait for the store: %s", error)
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            for key, entries in cast("list[tuple[str, list[StreamEntry]]]", reply or []):
                self._tell(sweeps[key], events_of(sweeps[key], entries), last=entries[-1][0])

    def _tell(self, sweep_id: str, events: list[Event], last: str) -> None:
        if sweep_id not in self._followers:
            return  # the last follower has left meanwhile
        self._positions[sweep_id] = last
        news = [told(event) for event in events]
        for follower in self._followers[sweep_id]:
            follower.tell(news)


def order(event_id: str) -> tuple[int, int]:
    """What ids are sorted by: milliseconds of the server's clock, and a number within them."""
    milliseconds, number = event_id.split("-")
    return int(milliseconds), int(number)


def concerns(event: Event, index: int | None) -> bool:
    """Whether an event is of the run at this index, or of any where that is None."""
    return index is None or event.run_index == index


def ends(event: Event, index: int | None) -> bool:
    """Whether nothing follows: it is the end of the sweep, or of the one run that is followed."""
    return event.type is (EventType.SWEEP_ENDED if index is None else EventType.RUN_ENDED)
