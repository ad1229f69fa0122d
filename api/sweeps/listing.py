"""Filtered list of sweeps in pages. New sweeps do not shift the pages."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.sweeps.reader import Cursor, SweepReader
from noisesweep.models import RunStatus, Sweep

# Format of a cursor. Clients treat it as opaque.
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
    """Return whether the sweep has the tag: `key:value`, or `key` with any value. Keys contain no colon."""
    key, colon, value = tag.partition(":")
    return key in sweep.tags and (not colon or sweep.tags[key] == value)


def write_cursor(cursor: Cursor) -> str:
    """Return the cursor as text."""
    return f"{cursor.created_at}-{cursor.sweep_id}"


def read_cursor(text: str) -> Cursor:
    """Parse a cursor from text that matches CURSOR_PATTERN."""
    created_at, sweep_id = text.split("-")
    return Cursor(int(created_at), sweep_id)


async def page(
    reader: SweepReader, filters: Filters, limit: int, searched: int, before: Cursor | None = None
) -> tuple[list[Sweep], Cursor | None]:
    """Return a page of matching sweeps, newest first, and the cursor of the next page.

    Args:
        reader: The store.
        filters: Filters that the sweeps must match.
        limit: Maximum number of sweeps in the page.
        searched: Approximate maximum number of sweeps to read. A page can therefore be shorter than `limit`.
        before: Cursor of this page; None for the first page.

    Returns:
        The sweeps, and the cursor of the next page; None on the last page.
    """
    found: list[Sweep] = []
    count = 0
    while count < searched:
        read = await reader.list_before(before, limit)
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
