"""Worker counters in one Redis hash. Workers increment them, and /metrics exports them.

The field of a counter is its name and its label values, joined by colons. The counts are for monitoring only: a few may
be lost while the store is unavailable, and no result depends on them.
"""

from collections.abc import Mapping
from enum import StrEnum

# Upper bounds of the epoch duration histogram, s: from `digits` on a GPU to a wide network on one core.
EPOCH_SECONDS_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
# Runs put back into the queue, failed as lost, or cancelled; messages published again.
REAPER_ACTIONS = ("requeued", "lost", "cancelled", "republished")


class Counter(StrEnum):
    """Names of the counters. Comments list the labels."""

    RUNS = "runs"  # status
    EPOCHS = "epochs"  # dataset
    EPOCH_SECONDS = "epoch_seconds"  # dataset; the sum of all durations
    EPOCH_BUCKET = "epoch_bucket"  # dataset, upper bound of the bucket
    REAPER = "reaper"  # action


def field(counter: Counter, *labels: object) -> str:
    """Return the hash field of a counter with these label values."""
    return ":".join([counter, *map(str, labels)])


def read(counter: Counter, counts: Mapping[str, str]) -> dict[tuple[str, ...], float]:
    """Return the values of a counter by its label values."""
    found = ((name.split(":"), value) for name, value in counts.items())
    return {tuple(labels): float(value) for (name, *labels), value in found if name == counter}


def bucket(seconds: float) -> float:
    """Return the upper bound of the smallest histogram bucket that contains a duration; infinity beyond the last."""
    return next((bound for bound in EPOCH_SECONDS_BUCKETS if seconds <= bound), float("inf"))
