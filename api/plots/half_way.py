"""Marks of the half-way scale in plots of accuracy against noise scale."""

from collections.abc import Sequence
from typing import NamedTuple

from api.plots.axes import ScaleAxis
from api.plots.data import Marks
from api.plots.theme import HALF_WAY, StyleName
from noisesweep.models import HalfWay

HALF_WAY_NOTE = "Half-way: midway from clean to chance, interpolated over the logarithm of the scale."


class HalfWayMarks(NamedTuple):
    """Marks of half-way scales.

    Attributes:
        marks: One for each curve that has a half-way scale.
        captions: Lines of the caption of a picture.
        notes: Sentences that explain the marks where no legend does.
    """

    marks: tuple[Marks, ...] = ()
    captions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def mark_half_way(found: HalfWay | None, axis: ScaleAxis, curve: StyleName | None = None) -> HalfWayMarks:
    """Mark the half-way scale of the only curve that has one; the legend names the scale.

    Args:
        found: The half-way scale, if there is one.
        axis: The axis of scales.
        curve: Line style of the curve, whose colour the mark gets; None for the colour of the text.
    """
    if found is None:
        return HalfWayMarks()
    name = _label(found)
    mark = Marks(name=name, style=HALF_WAY, points=(_point(found, axis),), curve=curve)
    return HalfWayMarks((mark,), (HALF_WAY_NOTE,), (f"Diamond: {name[0].lower()}{name[1:]}.",))


def mark_each_half_way(found: Sequence[tuple[StyleName, str, HalfWay | None]], axis: ScaleAxis) -> HalfWayMarks:
    """Mark the half-way scale of each curve in its colour, with one entry in the legend.

    Args:
        found: Line style, name and half-way scale, if there is one, of each curve.
        axis: The axis of scales.
    """
    marks = tuple(
        Marks(
            name="Half-way",
            label=f"{_label(half_way)}, {name}",
            style=HALF_WAY,
            points=(_point(half_way, axis),),
            curve=curve,
        )
        for curve, name, half_way in found
        if half_way
    )
    if not marks:
        return HalfWayMarks()
    return HalfWayMarks(marks, (HALF_WAY_NOTE,), ("Diamonds with an edge: half-way scales.",))


def _label(found: HalfWay) -> str:
    return f"Half-way scale {found.scale.mean:.3g}"


def _point(found: HalfWay, axis: ScaleAxis) -> tuple[float, float]:
    return axis.position(found.scale.mean), found.level
