"""Search for all sweeps with one tag. It reads little of the other sweeps."""

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from api.keys.access import Sees
from api.limits import Limits
from api.sweeps.building import build, grouped
from api.sweeps.listing import has_tag
from api.sweeps.reader import RUNS_PER_READ, Cursor, SweepReader
from noisesweep.models import Sweep
from shared.store.keys import SCHEMA, SweepKeys

RECORDS_PER_READ = 500
FIELDS = ("schema", "request", "version", "run_count", "submitter")


class Match(NamedTuple):
    """Sweep with the tag."""

    sweep_id: str
    version: int
    runs: int


@dataclass(frozen=True)
class Tagged:
    """Sweeps with one tag, newest first.

    Attributes:
        matches: The sweeps.
        complete: Whether these are all sweeps with the tag. Otherwise older ones may have been left out.
    """

    matches: tuple[Match, ...]
    complete: bool

    @property
    def state(self) -> str:
        """Return 32 hexadecimal digits that change with the sweeps and with each change of one of them."""
        versions = [f"{match.sweep_id}:{match.version}" for match in self.matches]
        return hashlib.sha256(" ".join([*versions, str(self.complete)]).encode()).hexdigest()[:32]


async def find_tagged(reader: SweepReader, tag: str, limits: Limits, sees: Sees) -> Tagged:
    """Return the newest sweeps with a tag, `key` or `key:value`, that a caller sees.

    The search ends at the limits of a class. Sweeps of a newer version, and sweeps whose request cannot be read, are
    skipped.

    Raises:
        redis.exceptions.RedisError: Redis does not respond.
    """
    found: list[Match] = []
    searched, before = 0, None
    while searched < limits.class_searched:
        cursors = await reader.cursors_before(before, RECORDS_PER_READ)
        found += await build(partial(_matching, tag, sees, cursors, await _records(reader, cursors)), len(cursors))
        kept = _within(found, limits)
        if len(kept) < len(found):
            return Tagged(tuple(kept), complete=False)
        if len(cursors) < RECORDS_PER_READ:
            return Tagged(tuple(found), complete=True)
        searched, before = searched + len(cursors), cursors[-1]
    return Tagged(tuple(found), complete=False)


async def read_tagged(reader: SweepReader, tagged: Tagged) -> tuple[list[Sweep], Tagged]:
    """Read the sweeps in groups of limited size. Return them, and what was read: without sweeps removed since."""
    sweeps: list[Sweep] = []
    for group in grouped(tagged.matches, lambda match: match.runs, RUNS_PER_READ):
        read = await asyncio.gather(*(reader.readable_sweep(match.sweep_id) for match in group))
        sweeps += filter(None, read)
    matches = tuple(Match(sweep.id, sweep.version, len(sweep.runs)) for sweep in sweeps)
    return sweeps, Tagged(matches, tagged.complete)


async def _records(reader: SweepReader, cursors: Sequence[Cursor]) -> list[Any]:
    async with reader.redis.pipeline(transaction=False) as pipeline:
        for cursor in cursors:
            pipeline.hmget(SweepKeys(cursor.sweep_id).record, *FIELDS)
        return await pipeline.execute(raise_on_error=False)


def _matching(tag: str, sees: Sees, cursors: Sequence[Cursor], records: Sequence[Any]) -> list[Match]:
    # Most sweeps do not contain the text of the key, and parsing them would take most of the time.
    text = f'"{tag.partition(":")[0]}"'
    found = []
    for cursor, record in zip(cursors, records, strict=True):
        if isinstance(record, Exception) or record[1] is None or text not in record[1]:
            continue
        schema, request, version, runs, submitter = record
        try:
            if (
                int(schema) <= SCHEMA
                and sees(cursor.sweep_id, submitter or None)
                and has_tag(json.loads(request)["tags"], tag)
            ):
                found.append(Match(cursor.sweep_id, int(version), int(runs)))
        except (ValueError, KeyError, TypeError):
            continue  # the list of sweeps logs a warning about it
    return found


def _within(matches: Sequence[Match], limits: Limits) -> list[Match]:
    """Return the first matches, within the limits of a class."""
    kept, runs = [], 0
    for match in matches[: limits.class_sweeps]:
        runs += match.runs
        if runs > limits.class_runs:
            break
        kept.append(match)
    return kept
