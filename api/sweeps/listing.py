"""The list of sweeps: filtered, in pages that do not shift when new sweeps come in."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.sweeps.reader import Cursor, SweepReader
from noisesweep.models import RunStatus, Sweep

# The form of a cursor, which is opaque to clients.
CURSOR_PATTERN = r"^[0-9]{1,16}-[0-9a-f]{16}$"


@dataclass(frozen=True)
class Filters:
    """Filters for listing sweeps; None or empty matches all. Tags are `key` or `key:value`, and all must match."""

    status: RunStatus | None = None
    dataset: str | None = None
    name: str | None = None
    tags: Sequence[str] = ()

    def match(self, sweep: Sweep) -> bool:
        """Return whether the sweep matches."""
        return (
            (self.status is None or sweep.status is self.status)
            and (self.dataset is None or sweep.config.dataset == self.dataset)
            and (self.name is None or (sweep.name or "").startswith(self.name))
            and all(has_tag(sweep, tag) for tag in self.tags)
        )


def has_tag(sweep: Sweep, tag: str) -> bool:
    """Return whether the sweep has the tag: `key:value`, or `key` with any value. A key has no colon."""
    key, colon, value = tag.partition(":")
    return key in sweep.tags and (not colon or sweep.tags[key] == value)


def write_cursor(cursor: Cursor) -> str:
    """Return the cursor as clients send it back."""
    return f"{cursor.created_at}-{cursor.sweep_id}"


def read_cursor(text: str) -> Cursor:
    """Return the cursor of a text that matches CURSOR_PATTERN."""
    created_at, sweep_id = text.split("-")
    return Cursor(int(created_at), sweep_id)


async def page(
    reader: SweepReader, filters: Filters, limit: int, searched: int, before: Cursor | None = None
) -> tuple[list[Sweep], Cursor | None]:
    """Return a page of matching sweeps, the newest first, and where the next page starts.

    Args:
        reader: The store.
        filters: What the sweeps have to match.
        limit: The largest number of sweeps in the page.
        searched: About how many sweeps to read in search of those that match.
        before: Where to start; None starts with the newest.

    Returns:
        The sweeps, and the cursor of the next page; None after the last one.
    """
    found: list[Sweep] = []
    count = 0
    while count < searched:
        read = await reader.listed(before, limit)
        for cursor, sweep in read:
            before = cursor
            if sweep and filters.match(sweep):
                found.append(sweep)
                if len(found) == limit:
                    return found, before
        if len(read) < limit:
            return found, None
        count += len(read)
    return found, before
