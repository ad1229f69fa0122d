"""The data of a plot: what is drawn as a picture, and answered as JSON."""

from math import ceil, sqrt
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from api.plots.axes import FRACTION_LIMITS, Axis
from api.plots.caption import Caption
from api.plots.theme import StyleName, Theme
from noisesweep.models import Interval

# Columns of panels to rows.
ASPECT = 1.4
MOST_INCHES = 12.0

Texts = tuple[tuple[str, ...], ...]


class Frozen(BaseModel):
    """A model that can be hashed, so that its picture can be cached."""

    model_config = ConfigDict(frozen=True)


class Point(Frozen):
    """A point of a curve: a mean over seeds, with its 95 % confidence interval where there is one."""

    x: float = Field(description="In the coordinates of the x axis.", examples=[0.5])
    mean: float = Field(description="The mean over seeds.", examples=[0.9203])
    low: float | None = Field(default=None, description="Lower end of the interval.")
    high: float | None = Field(default=None, description="Upper end of the interval.")
    seeds: int = Field(default=1, description="Number of seeds that the mean is taken over.", examples=[5])

    @classmethod
    def of(cls, x: float, interval: Interval) -> "Point":
        """Return an interval at a position."""
        return cls(x=x, **interval.model_dump())


class Curve(Frozen):
    """A curve."""

    name: str = Field(description="As in the legend.", examples=["Validation"])
    style: StyleName = Field(description="Its line style in the theme.", examples=["validation"])
    points: tuple[Point, ...] = Field(description="By ascending x.")
    starts_apart: bool = Field(
        default=False, description="Whether no line leads from the first point to the others: it is scale 0, which has "
        "no place on a logarithmic axis."
    )  # fmt: skip
    each_seed: tuple[tuple[float, float], ...] = Field(
        default=(), description="x and y of each seed, where several were trained."
    )


class Categories(Frozen):
    """The labels of a table's rows or columns."""

    label: str = Field(description="What they have in common.", examples=["Scale trained with"])
    names: tuple[str, ...] = Field(description="Of each, in order.")
    all_named: bool = Field(default=True, description="Whether each has its label, however little room there is.")


class Cells(Frozen):
    """A table of fractions."""

    label: str = Field(description="What the fractions are.", examples=["Validation accuracy"])
    rows: Categories = Field(description="The rows, from the top.")
    columns: Categories = Field(description="The columns, from the left.")
    values: tuple[tuple[float | None, ...], ...] = Field(
        description="Fractions in [0, 1] by row and column; null where there is none."
    )
    texts: tuple[Texts, ...] = Field(
        description="What is written in each cell, from the longest words to the shortest; the first that fit are used."
    )
    outlined: tuple[int | None, ...] = Field(default=(), description="For each row, a column that is outlined.")
    row_notes: tuple[str, ...] = Field(default=(), description="Words at the right of each row.")
    square: bool = Field(default=False, description="Whether cells are as wide as they are high.")


class Panel(Frozen):
    """A part of a plot with axes of its own: curves, or cells."""

    title: str = Field(default="", description="What it shows, where there are several.", examples=["scale 0.5"])
    scale: float | None = Field(default=None, description="The noise scale that it is of, if it is of one.")
    x_axis: Axis | None = Field(default=None, description="Of curves.")
    y_axis: Axis | None = Field(default=None, description="Of curves.")
    curves: tuple[Curve, ...] = Field(default=(), description="In the order of the legend.")
    cells: Cells | None = Field(default=None, description="A table in place of curves.")

    def fitted(self, characters: float) -> "Panel":
        """Return the panel with the ticks for a width of that many characters."""
        if self.x_axis is None or self.y_axis is None:
            return self
        return self.model_copy(
            update={"x_axis": self.x_axis.fitted(characters), "y_axis": self.y_axis.fitted(characters)}
        )


class Samples(Frozen):
    """One image at each scale of a sweep."""

    images: tuple[tuple[float, Annotated[bytes, PlainSerializer(list, return_type=list[int])]], ...] = Field(
        description="Scale, and 28 x 28 grey values in row-major order: 0 for a pixel of 0 or less, 255 for 1 or more."
    )
    note: str = Field(
        description="Which image it is, and with which noise.",
        examples=["Strip: validation image 0, seed 0"],
    )


class PlotData(Frozen):
    """The data of a plot. Nothing in it depends on a theme or on a size."""

    caption: Caption = Field(description="Its words.")
    panels: tuple[Panel, ...] = Field(description="Row by row; none before there is something to show.")
    columns: int = Field(default=1, description="Number of columns of panels.", examples=[3])
    remark: str | None = Field(default=None, description="What is still to come or went wrong, if anything.")
    samples: Samples | None = Field(default=None, description="What each scale does to an image, if asked for.")
    epochs_done: tuple[int, ...] = Field(
        default=(), description="Of curves by epoch, how many epochs of each run they have, by the run's index."
    )
    size: tuple[float, float] = Field(exclude=True, description="Width and height of the picture in inches.")

    @property
    def legend(self) -> dict[str, StyleName]:
        """The line style of each curve by its name."""
        return {curve.name: curve.style for panel in self.panels for curve in panel.curves}


class Plot(PlotData):
    """A plot's data with the theme that was asked for, and with ticks for the width that was asked for."""

    theme: Theme = Field(description="The colours and line styles.")
    panel_colours: tuple[str, ...] = Field(description="A colour for each panel, to draw them over each other.")


def fraction_axis(label: str) -> Axis:
    """Return an axis from 0 to 1."""
    return Axis(label=label, limits=FRACTION_LIMITS)


def columns_of(count: int) -> int:
    """Return in how many columns a number of panels stands."""
    return min(count, ceil(sqrt(ASPECT * count)))
