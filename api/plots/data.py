"""Data of a plot, drawn as a picture or returned as JSON."""

from collections.abc import Iterable
from math import ceil, sqrt
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from api.plots.axes import FRACTION_LIMITS, Axis
from api.plots.caption import Caption
from api.plots.theme import StyleName, Theme
from noisesweep.models import Interval, IntervalTarget
from noisesweep.models.datasets import ImageShape

# Preferred ratio of columns to rows in a grid of panels.
ASPECT = 1.4
MAX_INCHES = 12.0

Texts = tuple[tuple[str, ...], ...]


class Frozen(BaseModel):
    """Immutable model."""

    model_config = ConfigDict(frozen=True)


class Point(Frozen):
    """Point of a curve: a mean over seeds, with its 95 % confidence interval if there is one."""

    x: float = Field(description="Position on the x axis, in axis coordinates.", examples=[0.5])
    mean: float = Field(description="Mean over seeds.", examples=[0.9203])
    low: float | None = Field(default=None, description="Lower end of the interval; null if there is none.")
    high: float | None = Field(default=None, description="Upper end of the interval; null if there is none.")
    seeds: int = Field(default=1, description="Number of seeds.", examples=[5])
    target: IntervalTarget | None = Field(
        default=None,
        description="What the interval is about: `seeds` or `images`, as in the summary of a sweep.",
        examples=["seeds"],
    )

    @classmethod
    def from_interval(cls, x: float, interval: Interval) -> "Point":
        """Return the point of an interval at x."""
        return cls(x=x, **interval.model_dump())


class Item(Frozen):
    """Part of a panel with an entry in the legend."""

    name: str = Field(description="Name in the legend.", examples=["Validation"])
    label: str | None = Field(
        default=None,
        description="Name of this item alone, if other items may have the same name in the legend; otherwise null.",
        examples=["group A, ada"],
    )
    style: StyleName = Field(description="Name of the line style in the theme.", examples=["validation"])


class Curve(Item):
    """Curve of a panel."""

    points: tuple[Point, ...] = Field(description="Points by ascending x.")
    starts_apart: bool = Field(
        default=False, description="Whether the first point is not connected to the others, because it is scale 0 on a "
        "logarithmic axis."
    )  # fmt: skip
    each_seed: tuple[tuple[float, float], ...] = Field(
        default=(), description="x and y of each seed, at scales with several seeds."
    )
    sweep_id: str | None = Field(
        default=None,
        description="In a plot of several sweeps: id of the sweep that the curve belongs to; otherwise null.",
        examples=["5f0c6a1e9b3d2748"],
    )


class Band(Item):
    """Shaded area between two curves."""

    points: tuple[tuple[float, float, float], ...] = Field(description="x, lower and upper end, by ascending x.")


class Level(Item):
    """Horizontal line."""

    y: float = Field(description="Position on the y axis.", examples=[0.1135])


class Marks(Item):
    """Single points."""

    points: tuple[tuple[float, float], ...] = Field(description="x and y of each point.")
    curve: StyleName | None = Field(
        default=None,
        description="Line style of the curve that the points belong to, which gives their colour; null if it is the "
        "colour of their own style.",
        examples=["sweep-1"],
    )


class Categories(Frozen):
    """Labels of the rows or columns of a heatmap."""

    label: str = Field(description="Label of the axis.", examples=["Training scale"])
    names: tuple[str, ...] = Field(description="Label of each row or column, in order.")
    all_named: bool = Field(
        default=True, description="Whether all labels are drawn. If false, labels that do not fit are omitted."
    )


class Cells(Frozen):
    """Cells of a heatmap of fractions."""

    label: str = Field(description="Label of the colour scale.", examples=["Validation accuracy"])
    rows: Categories = Field(description="Rows from top to bottom.")
    columns: Categories = Field(description="Columns from left to right.")
    values: tuple[tuple[float | None, ...], ...] = Field(
        description="Fractions in [0, 1] by row and column; null for a missing value."
    )
    texts: tuple[Texts, ...] = Field(
        description="Alternative texts of all cells, longest first. A picture shows the first alternative that fits."
    )
    outlined: tuple[int | None, ...] = Field(
        default=(), description="Index of the outlined column of each row; null for none."
    )
    row_notes: tuple[str, ...] = Field(default=(), description="Text to the right of each row.")
    square: bool = Field(default=False, description="Whether the cells are square.")


class Panel(Frozen):
    """Panel of a plot with its own axes: either curves or the cells of a heatmap."""

    title: str = Field(default="", description="Title; empty if the plot has one panel.", examples=["scale 0.5"])
    scale: float | None = Field(default=None, description="Noise scale of the panel; null if it shows several.")
    x_axis: Axis | None = Field(default=None, description="x axis of the curves; null for a heatmap.")
    y_axis: Axis | None = Field(default=None, description="y axis of the curves; null for a heatmap.")
    curves: tuple[Curve, ...] = Field(default=(), description="Curves in the order of the legend.")
    bands: tuple[Band, ...] = Field(default=(), description="Shaded areas behind the curves.")
    levels: tuple[Level, ...] = Field(default=(), description="Horizontal lines behind the curves.")
    marks: tuple[Marks, ...] = Field(default=(), description="Single points in front of the curves.")
    notes: tuple[str, ...] = Field(
        default=(),
        description="Sentences that explain the panel where a legend has only its curves: intervals, areas, lines and "
        "points.",
        examples=[["One seed, without interval.", "Grey band: best possible accuracy.", "Dotted line: chance."]],
    )
    cells: Cells | None = Field(default=None, description="Cells of a heatmap; null for a panel of curves.")

    def with_ticks(self, characters: float) -> "Panel":
        """Return the panel with the ticks that fit a width in characters."""
        if self.x_axis is None or self.y_axis is None:
            return self
        return self.model_copy(
            update={"x_axis": self.x_axis.with_ticks(characters), "y_axis": self.y_axis.with_ticks(characters)}
        )


class Samples(Frozen):
    """One image at each noise scale of a sweep."""

    image_shape: ImageShape
    images: tuple[tuple[float, Annotated[bytes, PlainSerializer(list, return_type=list[int])]], ...] = Field(
        description="Scale, and the grey values in row-major order: 0 for pixels <= 0, 255 for pixels >= 1."
    )
    note: str = Field(
        description="Index of the image and seed of its noise.",
        examples=["Strip: validation image 0, seed 0"],
    )


class PlotData(Frozen):
    """Data of a plot, independent of its theme and size."""

    caption: Caption = Field(description="Text of the plot.")
    panels: tuple[Panel, ...] = Field(description="Panels row by row; empty if there is nothing to show yet.")
    columns: int = Field(default=1, description="Number of columns of panels.", examples=[3])
    remark: str | None = Field(
        default=None, description="Note on runs that are unfinished or failed, or on missing data."
    )
    samples: Samples | None = Field(default=None, description="Sample image at each scale, if requested.")
    epochs_done: tuple[int, ...] = Field(
        default=(), description="In plots by epoch: number of epochs of each run, by run index."
    )
    size: tuple[float, float] = Field(exclude=True, description="Default width and height in inches.")

    @property
    def legend(self) -> dict[str, StyleName]:
        """Return the names of the line styles of curves, bands, levels and marks, by their names."""
        items = ((*panel.curves, *panel.bands, *panel.levels, *panel.marks) for panel in self.panels)
        return {item.name: item.style for of_panel in items for item in of_panel}

    @property
    def names(self) -> Iterable[str]:
        """Return the texts that may contain the name or a tag of a sweep."""
        return (*self.legend, self.caption.title, self.caption.source)


class Plot(PlotData):
    """Data of a plot with the requested theme, and with ticks for the requested width."""

    theme: Theme = Field(description="Colours and line styles.")
    panel_colours: tuple[str, ...] = Field(
        description="Colour of each panel, for a client that draws all panels in one."
    )


def fraction_axis(label: str) -> Axis:
    """Return an axis of fractions from 0 to 1."""
    return Axis(label=label, limits=FRACTION_LIMITS, fraction=True)


def column_count(count: int) -> int:
    """Return the number of columns of a grid with `count` panels."""
    return min(count, ceil(sqrt(ASPECT * count)))
