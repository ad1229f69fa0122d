"""Axes of plots: limits, ticks, and positions of noise scales on a linear or logarithmic axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import floor, isclose, log10
from typing import TypeVar

from matplotlib.ticker import MaxNLocator
from pydantic import BaseModel, ConfigDict, Field

from noisesweep.models.float32 import format_number

Item = TypeVar("Item")

# An axis of fractions contains all of [0, 1], whatever the data, so that two plots can be compared.
FRACTION_LIMITS = (-0.02, 1.02)
MAX_TICKS = 9
# Width of a typical number and of the gap to the next number, in characters.
NUMBER_WIDTH = 5
# Margin at each end of an axis: fraction of the distance between the first and the last scale.
MARGIN = 0.04
# Gap between scale 0 and the smallest positive scale on a logarithmic axis. CLEAN_GAP_SHARE is a fraction of the number
# of decades from the smallest to the largest positive scale. MIN_CLEAN_GAP_DECADES is the minimum, in decades.
CLEAN_GAP_SHARE, MIN_CLEAN_GAP_DECADES = 0.1, 0.25
# If the positive scales span more decades, the only round numbers with labels are powers of ten.
MAX_FINE_DECADES = 4
# Minimum gap between two labels, in characters.
LABEL_GAP = 1.5


class Tick(BaseModel):
    """Labelled position on an axis."""

    model_config = ConfigDict(frozen=True)

    position: float = Field(description="Position in axis coordinates.", examples=[0.2])
    label: str = Field(description="Text of the label.", examples=["0.2"])


class ScalePosition(BaseModel):
    """Noise scale and its position on an axis."""

    model_config = ConfigDict(frozen=True)

    scale: float = Field(description="The noise scale.", examples=[0.5])
    position: float = Field(description="Position in axis coordinates.", examples=[-0.301])


class Axis(BaseModel):
    """Axis of a plot."""

    model_config = ConfigDict(frozen=True)

    label: str = Field(description="Label of the axis.", examples=["Noise scale"])
    limits: tuple[float, float] = Field(description="Lower and upper end in axis coordinates.")
    integer: bool = Field(default=False, description="Whether only whole numbers are labelled.")
    fraction: bool = Field(default=False, description="Whether the positions are fractions, from 0 to 1.")
    log: bool = Field(
        default=False, description="Whether the axis is logarithmic: a position is the base-10 logarithm of the scale."
    )
    scales: tuple[ScalePosition, ...] = Field(
        default=(), description="On an axis of noise scales: all scales of the plot, ascending."
    )
    ticks: tuple[Tick, ...] = Field(default=(), description="The ticks that fit, each with a grid line.")

    def with_ticks(self, characters: float) -> Axis:
        """Return a copy of the axis with the ticks that fit if the axis has a length of `characters` characters."""
        if self.scales:
            axis = ScaleAxis(tuple(at.scale for at in self.scales), self.log)
            ticks = axis.ticks(characters)
        else:
            ticks = round_ticks(*self.limits, room=characters / NUMBER_WIDTH, integer=self.integer)
        return self.model_copy(update={"ticks": tuple(ticks)})


@dataclass(frozen=True)
class ScaleAxis:
    """Positions of noise scales on a linear or logarithmic axis.

    Attributes:
        scales: The scales of the plot, ascending, at least one.
        log: Whether the axis is logarithmic. Scale 0 has no logarithm, so it is placed to the left of the others.
        label: The label, which names the unit of the scales.
    """

    scales: tuple[float, ...]
    log: bool
    label: str = "Noise scale"

    def position(self, scale: float) -> float:
        """Return the position of a scale in axis coordinates."""
        if not self.log:
            return scale
        if scale > 0:
            return log10(scale)
        least, most = self._decades()
        return least - max(CLEAN_GAP_SHARE * (most - least), MIN_CLEAN_GAP_DECADES)

    def _decades(self) -> tuple[float, float]:
        positive = [log10(scale) for scale in self.scales if scale > 0] or [0.0]
        return positive[0], positive[-1]

    @property
    def limits(self) -> tuple[float, float]:
        """Return the lower and upper end of the axis."""
        first, last = self.position(self.scales[0]), self.position(self.scales[-1])
        margin = MARGIN * (last - first) or 0.5
        return first - margin, last + margin

    @property
    def axis(self) -> Axis:
        """Return the axis without ticks."""
        scales = tuple(ScalePosition(scale=scale, position=self.position(scale)) for scale in self.scales)
        return Axis(label=self.label, limits=self.limits, log=self.log, scales=scales)

    def ticks(self, characters: float) -> list[Tick]:
        """Return the ticks that fit if the axis has a length of `characters` characters.

        A logarithmic axis labels the scales of the plot if all of them fit. Otherwise it labels round numbers.
        """
        if not self.log:
            low, high = self.limits
            return round_ticks(max(low, 0), high, room=characters / NUMBER_WIDTH)
        own = [Tick(position=self.position(scale), label=format_scale(scale)) for scale in self.scales]
        if self._fit(own, characters):
            return own
        clean = own[:1] if self.scales[0] == 0 else []
        choices = [clean + self._decade_ticks(multiples) for multiples in ((1, 2, 5), (1,))]
        fitting = (ticks for ticks in choices if len(ticks) > 1 and self._fit(ticks, characters))
        return next(fitting, None) or thin_out(own, lambda left, right: self._room(left, right, characters))

    def _decade_ticks(self, multiples: Sequence[int]) -> list[Tick]:
        least, most = self._decades()
        if most - least > MAX_FINE_DECADES and len(multiples) > 1:
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
        return between >= (len(left.label) + len(right.label)) / 2 + LABEL_GAP

    def _fit(self, ticks: Sequence[Tick], characters: float) -> bool:
        return all(self._room(left, right, characters) for left, right in pairwise(ticks))


def format_scale(scale: float) -> str:
    """Return the shortest text of a scale; "clean" for 0."""
    return format_number(scale) if scale else "clean"


def scale_title(scale: float) -> str:
    """Return the title of a panel of one scale."""
    return f"scale {format_number(scale)}" if scale else format_scale(0)


def round_ticks(low: float, high: float, room: float, *, integer: bool = False) -> list[Tick]:
    """Return ticks at round numbers from `low` to `high`. `room` is the approximate number of labels that fit."""
    count = int(max(2, min(MAX_TICKS, room)))
    positions = MaxNLocator(count, steps=[1, 2, 2.5, 5, 10], integer=integer).tick_values(low, high)
    step = float(positions[1] - positions[0])
    decimals = next((digits for digits in range(6) if isclose(step * 10**digits, round(step * 10**digits))), None)
    return [
        Tick(position=position, label=f"{position:.10g}" if decimals is None else f"{position:.{decimals}f}")
        for position in map(float, positions)
        if low <= position <= high
    ]


def thin_out(items: Sequence[Item], are_apart: Callable[[Item, Item], bool]) -> list[Item]:
    """Return a subset of the items in which neighbours are apart.

    The subset contains the first item. It contains the last item if that is apart from the first.
    """
    kept = list(items[:1])
    for item in items[1:-1]:
        if are_apart(kept[-1], item) and are_apart(item, items[-1]):
            kept.append(item)
    if len(items) > 1 and are_apart(kept[-1], items[-1]):
        kept.append(items[-1])
    return kept
