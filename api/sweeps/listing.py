"""The list of sweeps: filtered, and in pages that stay as they are while new sweeps come in."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.sweeps.store import Place, Store
from noisesweep.models import RunStatus, Sweep

# What a cursor looks like to who checks it; to a client it is opaque.
CURSOR = r"^[0-9]{1,16}-[0-9a-f]{16}$"
# Sweeps that one request reads at most in search of those that match.
SEARCHED = 500


@dataclass(frozen=True)
class Filters:
    """What is asked of a sweep; None and empty ask nothing. Tags are `key` or `key:value`, and all must be there."""

    status: RunStatus | None = None
    dataset: str | None = None
    name: str | None = None
    tags: Sequence[str] = ()

    def match(self, sweep: Sweep) -> bool:
        """Whether the sweep is asked for."""
        return (
            (self.status is None or sweep.status is self.status)
            and (self.dataset is None or sweep.config.dataset == self.dataset)
            and (self.name is None or (sweep.name or "").startswith(self.name))
            and all(has_tag(sweep, tag) for tag in self.tags)
        )


def has_tag(sweep: Sweep, tag: str) -> bool:
    """Whether the sweep has the tag: `key:value`, or `key` with any value. A key has no colon."""
    key, colon, value = tag.partition(":")
    return key in sweep.tags and (not colon or sweep.tags[key] == value)


def cursor_of(place: Place) -> str:
    """The place as a client sends it back."""
    return f"{place.created_at}-{place.sweep_id}"


def place_of(cursor: str) -> Place:
    """The place that a cursor, which matches CURSOR, stands for."""
    created_at, sweep_id = cursor.split("-")
    return Place(int(created_at), sweep_id)


async def page(
    store: Store, filters: Filters, limit: int, before: Place | None = None
) -> tuple[list[Sweep], Place | None]:
    """Up to `limit` sweeps that match, the newest first, and the place after which to search on, None at the end."""
    found: list[Sweep] = []
    searched = 0
    while searched < SEARCHED:
        read = await store.listed(before, limit)
        for place, sweep in read:
            before = place
            if sweep and filters.match(sweep):
                found.append(sweep)
                if len(found) == limit:
                    return found, before
        if len(read) < limit:
            return found, None
        searched += len(read)
    return found, before
