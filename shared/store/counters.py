"""Counters of the workers in one hash. Workers write them, and /metrics reads them.

A counter's field is its name and its labels' values, joined by colons. Counts are for watching: a few are lost when the
store goes away in the wrong moment, and no result depends on them.
"""

from collections.abc import Mapping
from enum import StrEnum

# Upper bounds of the histogram of seconds per epoch, s: from `digits` on a GPU to a wide network on one core.
EPOCH_SECONDS_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
# What a reaper does: runs put back, ended as lost or as cancelled, and messages published anew.
REAPER_ACTIONS = ("requeued", "lost", "cancelled", "republished")


class Counter(StrEnum):
    """The counters, with the labels that each has."""

    RUNS = "runs"  # status
    EPOCHS = "epochs"  # dataset
    EPOCH_SECONDS = "epoch_seconds"  # dataset; the sum
    EPOCH_BUCKET = "epoch_bucket"  # dataset, the least upper bound that holds the epoch
    REAPER = "reaper"  # action


def field(counter: Counter, *labels: object) -> str:
    """Return the hash's field of a counter with these labels."""
    return ":".join([counter, *map(str, labels)])


def read(counter: Counter, counts: Mapping[str, str]) -> dict[tuple[str, ...], float]:
    """Return a counter's values in the hash by its label values."""
    found = ((name.split(":"), value) for name, value in counts.items())
    return {tuple(labels): float(value) for (name, *labels), value in found if name == counter}


def bucket(seconds: float) -> float:
    """The least upper bound of the histogram that holds so many seconds; infinity beyond the last."""
    return next((bound for bound in EPOCH_SECONDS_BUCKETS if seconds <= bound), float("inf"))
