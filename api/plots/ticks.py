"""The labels of an axis."""

from collections.abc import Callable, Sequence
from math import isclose
from typing import NamedTuple, TypeVar

from matplotlib.ticker import MaxNLocator

Item = TypeVar("Item")

MOST = 9


class Tick(NamedTuple):
    """A place on an axis and what is said there."""

    place: float
    label: str


# The whole of [0, 1] whatever the data, so that two pictures compare.
FRACTION_LIMITS = (-0.02, 1.02)
FRACTIONS = tuple(Tick(tenths / 10, f"{tenths / 10:.1f}") for tenths in range(0, 11, 2))


def round_ticks(low: float, high: float, room: float, *, whole: bool = False) -> list[Tick]:
    """Round numbers from `low` to `high`.

    Args:
        low: Where the axis begins.
        high: Where it ends.
        room: About how many labels fit on it.
        whole: Whether only integers are wanted.
    """
    count = int(max(2, min(MOST, room)))
    places = MaxNLocator(count, steps=[1, 2, 2.5, 5, 10], integer=whole).tick_values(low, high)
    step = float(places[1] - places[0])
    decimals = next((digits for digits in range(6) if isclose(step * 10**digits, round(step * 10**digits))), None)
    return [
        Tick(float(place), f"{place:.10g}" if decimals is None else f"{place:.{decimals}f}")
        for place in places
        if low <= place <= high
    ]


def thinned(items: Sequence[Item], are_apart: Callable[[Item, Item], bool]) -> list[Item]:
    """The first, the last where there is room for both, and between them as many as are apart from each other."""
    kept = list(items[:1])
    for item in items[1:-1]:
        if are_apart(kept[-1], item) and are_apart(item, items[-1]):
            kept.append(item)
    if len(items) > 1 and are_apart(kept[-1], items[-1]):
        kept.append(items[-1])
    return kept
