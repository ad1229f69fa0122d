"""Filtered list of sweeps in pages. New sweeps do not shift the pages."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass

from api.keys.access import Sees
from api.sweeps.building import build, joined
from api.sweeps.reader import Cursor, SweepReader
from noisesweep.models import RunStatus, Sweep, SweepList
from noisesweep.models.links import to_json

# Format of a cursor. Clients treat it as opaque.
CURSOR_PATTERN = r"^[0-9]{1,16}-[0-9a-f]{16}$"


@dataclass(frozen=True)
class Filters:
    """Filters for listing sweeps; None or empty matches all. Tags are `key` or `key:value`, and all must match.

    Only sweeps that the caller sees match.
    """

    status: RunStatus | None = None
    dataset: str | None = None
    name: str | None = None
    tags: Sequence[str] = ()
    submitter: str | None = None
    sees: Sees = lambda _sweep_id, _submitter: True

    def match(self, sweep: Sweep) -> bool:
        """Return whether the sweep matches."""
        return (
            self.sees(sweep.id, sweep.submitter)
            and (self.status is None or sweep.status is self.status)
            and (self.dataset is None or sweep.config.dataset == self.dataset)
            and (self.name is None or (sweep.name or "").startswith(self.name))
            and (self.submitter is None or sweep.submitter == self.submitter)
            and all(has_tag(sweep.tags, tag) for tag in self.tags)
        )


def has_tag(tags: Mapping[str, str], tag: str) -> bool:
    """Return whether the tags of a sweep contain a tag: `key:value`, or `key` with any value. Keys have no colon."""
    key, colon, value = tag.partition(":")
    return key in tags and (not colon or tags[key] == value)


def write_cursor(cursor: Cursor) -> str:
    """Return the cursor as text."""
    return f"{cursor.created_at}-{cursor.sweep_id}"


def read_cursor(text: str) -> Cursor:
    """Parse a cursor from text that matches CURSOR_PATTERN."""
    created_at, sweep_id = text.split("-")
    return Cursor(int(created_at), sweep_id)


class Page:
    """Page of matching sweeps, newest first.

    Args:
        reader: The store.
        filters: Filters that the sweeps must match.
        limit: Maximum number of sweeps in the page.
        searched: Approximate maximum number of sweeps to read. A page can therefore be shorter than `limit`.
        before: Cursor of this page; None for the first page.

    Attributes:
        next: After the page has been read, the cursor of the next page; None on the last page.
    """

    def __init__(
        self, reader: SweepReader, filters: Filters, limit: int, searched: int, before: Cursor | None = None
    ) -> None:
        self._reader, self._filters, self._limit, self._searched = reader, filters, limit, searched
        self.next = before

    async def read(self) -> AsyncIterator[list[Sweep]]:
        """Yield the sweeps in groups, whose number of runs is bounded. Call this once."""
        found = searched = 0
        while searched < self._searched:
            count = 0
            async for group in self._reader.list_before(self.next, self._limit):
                count += len(group)
                matching: list[Sweep] = []
                for cursor, sweep in group:
                    if found + len(matching) < self._limit:
                        self.next = cursor
                        matching += [sweep] if sweep and self._filters.match(sweep) else []
                found += len(matching)
                yield matching
                if found == self._limit:
                    return
            if count < self._limit:
                self.next = None
                return
            searched += count


async def pieces(page: Page, path_of: Callable[[Cursor], str], root_path: str) -> AsyncIterator[bytes]:
    """Yield a page as the JSON of a SweepList.

    Args:
        page: The page. It is read only once.
        path_of: Returns the path of the page at a cursor.
        root_path: The path below which a proxy serves the API; "" for none.
    """
    yield b'{"sweeps":['
    async for piece in joined(await _encode(sweeps, root_path) async for sweeps in page.read() if sweeps):
        yield piece
    end = SweepList(sweeps=[], next=page.next and path_of(page.next))
    yield to_json(end, root_path).removeprefix('{"sweeps":[').encode()


async def _encode(sweeps: Sequence[Sweep], root_path: str) -> bytes:
    def encode() -> bytes:
        return ",".join(to_json(sweep, root_path) for sweep in sweeps).encode()

    return await build(encode, sum(len(sweep.runs) for sweep in sweeps))
