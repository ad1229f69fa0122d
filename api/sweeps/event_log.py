"""What has happened to sweeps, as it stands in the store."""

from collections.abc import AsyncIterator
from typing import cast

from redis.asyncio import Redis

from api.sweeps.records import StreamEntry, events_of
from noisesweep.models import Event
from shared.store.keys import SweepKeys

# An id that is before all events.
NO_EVENT = "0-0"
PAGE = 500


class EventLog:
    """Reads the events of sweeps."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def page(self, sweep_id: str, after: str, limit: int) -> list[Event]:
        """The first events of the sweep after an id, "0-0" being before all, in order."""
        return events_of(sweep_id, await self._entries(sweep_id, after, limit))

    async def after(self, sweep_id: str, after: str) -> AsyncIterator[Event]:
        """All events of the sweep after an id, read page by page."""
        while entries := await self._entries(sweep_id, after, PAGE):
            for event in events_of(sweep_id, entries):
                yield event
            after = entries[-1][0]

    async def last_id(self, sweep_id: str) -> str:
        """The id of the sweep's last event, "0-0" if nothing has happened."""
        entries = cast("list[StreamEntry]", await self._redis.xrevrange(SweepKeys(sweep_id).events, count=1))
        return entries[0][0] if entries else NO_EVENT

    async def _entries(self, sweep_id: str, after: str, limit: int) -> list[StreamEntry]:
        entries = await self._redis.xrange(SweepKeys(sweep_id).events, min=f"({after}", count=limit)
        return cast("list[StreamEntry]", entries)
