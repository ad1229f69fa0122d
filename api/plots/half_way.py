"""Marks of the half-way scale in plots of accuracy against noise scale."""

from api.plots.axes import ScaleAxis
from api.plots.data import Marks
from api.plots.theme import HALF_WAY, StyleName
from noisesweep.models import HalfWay

HALF_WAY_NOTE = "Half-way: midway from clean to chance, interpolated over the logarithm of the scale."


def half_way_marks(found: HalfWay | None, axis: ScaleAxis, curve: StyleName | None = None) -> tuple[Marks, ...]:
    """Mark the half-way scale of a curve, if there is one.

    Args:
        found: The half-way scale.
        axis: The axis of scales.
        curve: Line style of the curve, whose colour the mark gets; None for the colour of the text.
    """
    if found is None:
        return ()
    point = axis.position(found.scale.mean), found.level
    return (Marks(name=f"Half-way: scale {found.scale.mean:.3g}", style=HALF_WAY, points=(point,), curve=curve),)


def read_half_way(marks: tuple[Marks, ...]) -> tuple[str, ...]:
    """Return the sentence that explains the mark of one curve where no legend does."""
    return tuple(f"Diamond: {mark.name[0].lower()}{mark.name[1:]}." for mark in marks)
