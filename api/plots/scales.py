"""An axis of noise scales, linear or logarithmic."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import floor, log10

from api.plots.ticks import Tick, round_ticks, thinned

MARGIN = 0.04
# Of the decades, and at least in decades: how far scale 0 stands from the least positive scale.
CLEAN_SHARE, CLEAN_DECADES = 0.1, 0.25
# More decades than this are told apart by their powers of ten alone.
FINE_DECADES = 4
# What is between two labels, in characters.
BETWEEN_LABELS = 1.5


@dataclass(frozen=True)
class ScaleAxis:
    """Where scales stand.

    Attributes:
        scales: Those of the picture, ascending, at least one.
        log: Whether by their logarithm; scale 0 has none, and stands at the left, apart from the others.
    """

    scales: tuple[float, ...]
    log: bool

    def place(self, scale: float) -> float:
        """Where a scale stands, in the axis's own coordinates."""
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
        first, last = self.place(self.scales[0]), self.place(self.scales[-1])
        margin = MARGIN * (last - first) or 0.5
        return first - margin, last + margin

    def stands_apart(self, scale: float) -> bool:
        """Whether no curve goes on from it."""
        return self.log and scale == 0

    def ticks(self, characters: float) -> list[Tick]:
        """The labels of an axis on which so many characters fit.

        A logarithmic one names the sweep's own scales if it can, else round ones.
        """
        if not self.log:
            low, high = self.limits
            return round_ticks(max(low, 0), high, room=characters / 5)
        own = [Tick(self.place(scale), words_of_scale(scale)) for scale in self.scales]
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
        return [Tick(log10(scale), f"{scale:g}") for scale in scales if scale > 0 and least <= log10(scale) <= most]

    def _room(self, left: Tick, right: Tick, characters: float) -> bool:
        low, high = self.limits
        between = (right.place - left.place) / (high - low) * characters
        return between >= (len(left.label) + len(right.label)) / 2 + BETWEEN_LABELS

    def _fit(self, ticks: Sequence[Tick], characters: float) -> bool:
        return all(self._room(left, right, characters) for left, right in pairwise(ticks))


def words_of_scale(scale: float) -> str:
    """A scale in as few characters as tell it, and the word for none."""
    return f"{scale:g}" if scale else "clean"
