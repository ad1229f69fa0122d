"""Axes of plots: their limits and ticks, and where noise scales stand on a linear or a logarithmic axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import floor, isclose, log10
from typing import TypeVar

from matplotlib.ticker import MaxNLocator
from pydantic import BaseModel, ConfigDict, Field

Item = TypeVar("Item")

# The whole of [0, 1] whatever the data, so that two pictures compare.
FRACTION_LIMITS = (-0.02, 1.02)
MOST_TICKS = 9
# Characters of a usual number and the gap beside it.
NUMBER_WIDTH = 5
MARGIN = 0.04
# Of the decades, and at least in decades: how far scale 0 stands from the least positive scale.
CLEAN_SHARE, CLEAN_DECADES = 0.1, 0.25
# More decades than this are told apart by their powers of ten alone.
FINE_DECADES = 4
# What is between two labels, in characters.
BETWEEN_LABELS = 1.5


class Tick(BaseModel):
    """A labelled position on an axis."""

    model_config = ConfigDict(frozen=True)

    position: float = Field(description="In the coordinates of the axis.", examples=[0.2])
    label: str = Field(description="The text at it.", examples=["0.2"])


class ScalePosition(BaseModel):
    """A noise scale and where it stands on an axis."""

    model_config = ConfigDict(frozen=True)

    scale: float = Field(description="The noise scale.", examples=[0.5])
    position: float = Field(description="In the coordinates of the axis.", examples=[-0.301])


class Axis(BaseModel):
    """An axis of a plot."""

    model_config = ConfigDict(frozen=True)

    label: str = Field(description="What it measures.", examples=["Scale"])
    limits: tuple[float, float] = Field(description="Its ends, in its own coordinates.")
    integer: bool = Field(default=False, description="Whether only whole numbers are labelled.")
    log: bool = Field(default=False, description="Whether scales stand by their logarithm.")
    scales: tuple[ScalePosition, ...] = Field(
        default=(), description="On an axis of noise scales, every scale of the plot, ascending."
    )
    ticks: tuple[Tick, ...] = Field(default=(), description="The labels that fit, with a grid line each.")

    def fitted(self, characters: float) -> Axis:
        """Return the axis with the ticks for a length of that many characters."""
        if self.scales:
            axis = ScaleAxis(tuple(at.scale for at in self.scales), self.log)
            ticks = axis.ticks(characters)
        else:
            ticks = round_ticks(*self.limits, room=characters / NUMBER_WIDTH, integer=self.integer)
        return self.model_copy(update={"ticks": tuple(ticks)})


@dataclass(frozen=True)
class ScaleAxis:
    """The positions of noise scales on an axis.

    Attributes:
        scales: Those of the plot, ascending, at least one.
        log: Whether they stand by their logarithm; scale 0 has none, and stands at the left, apart from the others.
    """

    scales: tuple[float, ...]
    log: bool

    def position(self, scale: float) -> float:
        """Return where a scale stands, in the coordinates of the axis."""
        if not self.log:
            return scale
        if scale > 0:
            return log10(scale)
        least, most = self._decades()
        return least - max(CLEAN_SHARE * (most - least), CLEAN_DECADES)

    def _decades(self) -> tuple[float, float]:
        positive = [log10(scale) for scale in self.scales if scale > 0] or [0.0]
        return positive[0], positive[-1]

    @property
    def limits(self) -> tuple[float, float]:
        """The ends of the axis."""
        first, last = self.position(self.scales[0]), self.position(self.scales[-1])
        margin = MARGIN * (last - first) or 0.5
        return first - margin, last + margin

    @property
    def axis(self) -> Axis:
        """The axis of a plot."""
        scales = tuple(ScalePosition(scale=scale, position=self.position(scale)) for scale in self.scales)
        return Axis(label="Scale", limits=self.limits, log=self.log, scales=scales)

    def ticks(self, characters: float) -> list[Tick]:
        """Return the labels for an axis of that many characters.

        A logarithmic axis names the sweep's own scales if they fit, otherwise round ones.
        """
        if not self.log:
            low, high = self.limits
            return round_ticks(max(low, 0), high, room=characters / NUMBER_WIDTH)
        own = [Tick(position=self.position(scale), label=words_of_scale(scale)) for scale in self.scales]
        if self._fit(own, characters):
            return own
        clean = own[:1] if self.scales[0] == 0 else []
        choices = [clean + self._decade_ticks(multiples) for multiples in ((1, 2, 5), (1,))]
        fitting = (ticks for ticks in choices if len(ticks) > 1 and self._fit(ticks, characters))
        return next(fitting, None) or thinned(own, lambda left, right: self._room(left, right, characters))

    def _decade_ticks(self, multiples: Sequence[int]) -> list[Tick]:
        least, most = self._decades()
        if most - least > FINE_DECADES and len(multiples) > 1:
            return []
        decades = range(floor(least), floor(most) + 1)
        scales = [float(f"{multiple}e{decade}") for decade in decades for multiple in multiples]
        return [
            Tick(position=log10(scale), label=f"{scale:g}")
            for scale in scales
            if scale > 0 and least <= log10(scale) <= most
        ]

    def _room(self, left: Tick, right: Tick, characters: float) -> bool:
        low, high = self.limits
        between = (right.position - left.position) / (high - low) * characters
        return between >= (len(left.label) + len(right.label)) / 2 + BETWEEN_LABELS

    def _fit(self, ticks: Sequence[Tick], characters: float) -> bool:
        return all(self._room(left, right, characters) for left, right in pairwise(ticks))


def words_of_scale(scale: float) -> str:
    """Return a scale in as few characters as tell it, and "clean" for 0."""
    return f"{scale:g}" if scale else "clean"


def title_of_scale(scale: float) -> str:
    """Return what a panel of one scale is called."""
    return f"scale {scale:g}" if scale else words_of_scale(0)


def round_ticks(low: float, high: float, room: float, *, integer: bool = False) -> list[Tick]:
    """Return ticks at round numbers from `low` to `high`. `room` is the number of labels that fit."""
    count = int(max(2, min(MOST_TICKS, room)))
    positions = MaxNLocator(count, steps=[1, 2, 2.5, 5, 10], integer=integer).tick_values(low, high)
    step = float(positions[1] - positions[0])
    decimals = next((digits for digits in range(6) if isclose(step * 10**digits, round(step * 10**digits))), None)
    return [
        Tick(position=position, label=f"{position:.10g}" if decimals is None else f"{position:.{decimals}f}")
        for position in map(float, positions)
        if low <= position <= high
    ]


def thinned(items: Sequence[Item], are_apart: Callable[[Item, Item], bool]) -> list[Item]:
    """Return the first, the last if it is apart from the first, and those between that are apart from each other."""
    kept = list(items[:1])
    for item in items[1:-1]:
        if are_apart(kept[-1], item) and are_apart(item, items[-1]):
            kept.append(item)
    if len(items) > 1 and are_apart(kept[-1], items[-1]):
        kept.append(items[-1])
    return kept
