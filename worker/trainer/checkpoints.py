"""Schedule of the checkpoints of a claim."""

import time
from collections.abc import Callable

# Pauses after checkpoints that could not be stored: the first is at least the one, and they double up to the other.
FIRST_PAUSE_SECONDS = 10.0
LAST_PAUSE_SECONDS = 600.0


class CheckpointSchedule:
    """Times at which checkpoints are due: at an interval, and less often while they cannot be stored."""

    def __init__(self, interval_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval_seconds = self._pause_seconds = interval_seconds
        self._clock = clock
        self._last_at = clock()

    @property
    def is_due(self) -> bool:
        """Return whether to store checkpoints now."""
        return self._clock() - self._last_at >= self._pause_seconds

    def record(self, *, stored: bool) -> None:
        """Record an attempt to store checkpoints, and whether all were stored."""
        self._last_at = self._clock()
        longer = min(max(2 * self._pause_seconds, FIRST_PAUSE_SECONDS), LAST_PAUSE_SECONDS)
        self._pause_seconds = self._interval_seconds if stored else max(longer, self._interval_seconds)
