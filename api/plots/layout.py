"""The paper of a picture: words above and below, and between them panels to draw in.

Matplotlib draws lines, type and images. The axes are of this module: rules as one artist and labels as plain text,
because Matplotlib's own take half of the time that a picture takes.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.image import BboxImage
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.transforms import Bbox, BboxTransform, TransformedBbox
from numpy.typing import NDArray

from api.plots.box import Box
from api.plots.caption import Imprint
from api.plots.theme import Look, Theme
from api.plots.ticks import Tick

POINTS_PER_INCH = 72
TYPE_POINTS = 10.0
# A sheet smaller than this has smaller type, so that as much fits.
FULL_WIDTH, FULL_HEIGHT = 5.5, 3.8
SMALLEST_TYPE = 0.45
# By so much at a time it shrinks where its words leave too little for what is to be drawn, down to a tenth.
SHRINKING = 0.85
ILLEGIBLE = 0.1
SMALL = 0.83
LARGE = 1.2
# Mean width of a character of the type, in em.
CHARACTER = 0.56
# Of a panel, in em.
LEAST_WIDTH, LEAST_HEIGHT = 0.9, 2.5
# As many entries of a legend are in type of the plain size.
FEW = 3


Stroke = tuple[tuple[float, float], tuple[float, float]]


class TooTightError(Exception):
    """The words leave no room for a panel: the type is to be smaller."""


class Sheet:
    """A figure with its words, in one theme.

    Args:
        width: In inches.
        height: In inches.
        dpi: Pixels an inch.
        theme: Its colours.
        imprint: Its words.
        shrunk: How much smaller the type is than a sheet of this size has it, 1 for not at all.

    Attributes:
        figure: Matplotlib's.
        theme: Its colours.
        scale: The size of its type, and of lines and markers with it, against the plain one.
        em: The size of its type in inches, in which it is laid out.
        body: What is free between the words.
    """

    def __init__(self, width: float, height: float, dpi: int, theme: Theme, imprint: Imprint, *, shrunk: float) -> None:
        self.figure = Figure(figsize=(width, height), dpi=dpi, facecolor=theme.paper)
        self.theme = theme
        self.scale = shrunk * max(SMALLEST_TYPE, min(1.0, width / FULL_WIDTH, height / FULL_HEIGHT))
        self.em = self.scale * TYPE_POINTS / POINTS_PER_INCH
        self.body = Box(0, 0, width, height).inset(right=1.4 * self.em)
        self._width, self._height = width, height
        self._above(imprint.title, LARGE, theme.ink)
        self._above(imprint.subtitle, SMALL, theme.faint_ink)
        self.body = self.body.inset(bottom=0.5 * self.em, top=0.7 * self.em)
        source = f" ({imprint.source})" if imprint.source else ""
        for line in (f"{imprint.settings}{source}", *reversed(imprint.notes)):
            self._below(line)

    def _above(self, words: str, size: float, colour: str) -> None:
        for line in self._wrapped(words, size):
            self.body = self.body.inset(top=1.35 * size * self.em)
            self.text(self._width / 2, self.body.top, line, size=size, color=colour, ha="center", va="baseline")

    def _below(self, words: str) -> None:
        for line in reversed(self._wrapped(words, SMALL)):
            self.text(
                self._width / 2,
                self.body.bottom,
                line,
                size=SMALL,
                color=self.theme.faint_ink,
                ha="center",
                va="bottom",
            )
            self.body = self.body.inset(bottom=1.3 * SMALL * self.em)

    def _wrapped(self, words: str, size: float) -> list[str]:
        return textwrap.wrap(words, int((self._width - 2 * self.em) / (CHARACTER * size * self.em)))

    def text(self, x: float, y: float, words: str, size: float = 1.0, **style: Any) -> None:  # noqa: ANN401 - Matplotlib's
        """Words at a place in inches, in type of so many times the plain size."""
        style = {"color": self.theme.ink, **style}
        self.figure.text(x / self._width, y / self._height, words, size=size * self.scale * TYPE_POINTS, **style)

    def legend(self, entries: Sequence[tuple[str, Look]]) -> None:
        """What each look means, above the panels, where no curve can be: side by side, or in columns."""
        em, sample = self.em, 2.7 * self.em
        size = 1.0 if len(entries) <= FEW else SMALL
        character = CHARACTER * 1.05 * size * em
        room = self._width - 2 * em
        labels = [textwrap.wrap(label, int((room - sample) / character)) for label, _ in entries]
        widths = [sample + 2 * em + character * max(map(len, lines)) for lines in labels]
        columns = len(entries) if sum(widths) <= room else max(1, int(room / max(widths)))
        if columns < len(entries):
            widths = [max(widths)] * len(entries)
        beginning = (self._width - sum(widths[:columns])) / 2 + em
        for first in range(0, len(entries), columns):
            row = range(first, min(first + columns, len(entries)))
            self.body = self.body.inset(top=0.2 * em)
            for entry in row:
                left = beginning + sum(widths[first:entry])
                self._legend_sample(entries[entry][1], left, self.body.top - 0.6 * size * em)
                for number, line in enumerate(labels[entry], start=1):
                    self.text(
                        left + sample, self.body.top - (1.3 * number - 0.35) * size * em, line, size, va="baseline"
                    )
            self.body = self.body.inset(top=1.3 * size * em * max(len(labels[entry]) for entry in row))
        self.body = self.body.inset(top=0.6 * em)

    def _legend_sample(self, look: Look, left: float, middle: float) -> None:
        ends = [(left + step * 1.1 * self.em) / self._width for step in range(3)]
        self.figure.add_artist(Line2D(ends, [middle / self._height] * 3, markevery=[1], **self.look(look)))

    def look(self, look: Look, *, strength: float = 1.0) -> dict[str, Any]:
        """The properties of a line of that look."""
        return {
            "color": look.colour,
            "marker": look.marker,
            "linestyle": look.dashes,
            "markersize": 5 * self.scale * strength,
            "linewidth": 1.5 * self.scale * strength,
        }

    def remark(self, words: str) -> None:
        """Words in the middle, in place of a picture that is not there yet."""
        middle = (self.body.bottom + self.body.top) / 2
        for number, line in enumerate(self._wrapped(words, 1)):
            y = middle - 1.4 * number * self.em
            self.text(self._width / 2, y, line, color=self.theme.faint_ink, ha="center", va="center")

    def panel(
        self,
        box: Box,
        x_limits: tuple[float, float],
        y_limits: tuple[float, float],
        least_width: float = LEAST_WIDTH,
        least_height: float = LEAST_HEIGHT,
    ) -> Panel:
        """Something to draw in, in a box.

        Raises:
            TooTightError: The box is less wide or high than that, in em.
        """
        if self.scale > ILLEGIBLE and (box.width < least_width * self.em or box.height < least_height * self.em):
            raise TooTightError
        return Panel(self, box, x_limits, y_limits)

    def rectangle(self, box: Box) -> Bbox:
        """A box as fractions of the figure."""
        return Bbox.from_extents(
            box.left / self._width, box.bottom / self._height, box.right / self._width, box.top / self._height
        )


class Panel:
    """A part of a sheet with coordinates of its own.

    Attributes:
        sheet: Its sheet.
        box: Where it is.
        x_limits: The coordinates at its left and its right edge.
        y_limits: The coordinates at its lower and its upper edge; descending for rows that are counted from the top.
    """

    def __init__(self, sheet: Sheet, box: Box, x_limits: tuple[float, float], y_limits: tuple[float, float]) -> None:
        self.sheet, self.box, self.x_limits, self.y_limits = sheet, box, x_limits, y_limits
        self._edges = TransformedBbox(sheet.rectangle(box), sheet.figure.transFigure)
        limits = Bbox.from_extents(x_limits[0], y_limits[0], x_limits[1], y_limits[1])
        self._transform = BboxTransform(limits, sheet.rectangle(box)) + sheet.figure.transFigure

    def add(self, artist: Artist, *, clipped: bool = True) -> None:
        """One of Matplotlib's artists, in the panel's coordinates; clipped at its edges."""
        artist.set_transform(self._transform)
        self.sheet.figure.add_artist(artist, clip=clipped)
        if clipped:
            artist.set_clip_path(None)
            artist.set_clip_box(self._edges)

    def x_axis(self, ticks: Sequence[Tick], label: str = "", *, labelled: bool = True) -> None:
        """Rules at the ticks, with labels below."""
        self._rules([((tick.place, self.y_limits[0]), (tick.place, self.y_limits[1])) for tick in ticks])
        self.x_labels(ticks if labelled else (), label)

    def x_labels(self, ticks: Sequence[Tick], label: str = "") -> None:
        """The labels of the ticks below, and one for all."""
        bottom, em = self.box.bottom, self.sheet.em
        for tick in ticks:
            self.sheet.text(self.x(tick.place), bottom - 0.5 * em, tick.label, ha="center", va="top")
        if label:
            middle = (self.box.left + self.box.right) / 2
            self.sheet.text(middle, bottom - 2.1 * em, label, ha="center", va="top")

    def y_axis(self, ticks: Sequence[Tick], label: str = "", *, labelled: bool = True) -> None:
        """Rules at the ticks, with labels on the left."""
        self._rules([((self.x_limits[0], tick.place), (self.x_limits[1], tick.place)) for tick in ticks])
        self.y_labels(ticks if labelled else (), label)

    def y_labels(self, ticks: Sequence[Tick], label: str = "") -> None:
        """The labels of the ticks on the left, and one for all."""
        left, em = self.box.left, self.sheet.em
        for tick in ticks:
            self.sheet.text(left - 0.5 * em, self.y(tick.place), tick.label, ha="right", va="center_baseline")
        if label:
            width = CHARACTER * 1.15 * em * max((len(tick.label) for tick in ticks), default=0)
            middle = (self.box.bottom + self.box.top) / 2
            self.sheet.text(left - width - 1.1 * em, middle, label, ha="right", va="center", rotation=90)

    def frame(self) -> None:
        """The axes themselves: the left and the lower edge."""
        (left, right), (bottom, top) = self.x_limits, self.y_limits
        edges = [((left, bottom), (right, bottom)), ((left, bottom), (left, top))]
        self._rules(edges, self.sheet.theme.ink, zorder=2.4, clipped=False)

    def _rules(
        self, ends: Sequence[Stroke], colour: str | None = None, zorder: float = 0.5, *, clipped: bool = True
    ) -> None:
        width = 0.8 * self.sheet.scale
        rules = LineCollection(ends, colors=colour or self.sheet.theme.rule, linewidths=width, zorder=zorder)
        self.add(rules, clipped=clipped)

    def line(self, xs: Iterable[float], ys: Iterable[float], look: Look, strength: float = 1.0, **style: Any) -> None:  # noqa: ANN401 - Matplotlib's
        """A curve through points."""
        self.add(Line2D(list(xs), list(ys), **(self.sheet.look(look, strength=strength) | style)))

    def band(self, xs: Sequence[float], low: Sequence[float], high: Sequence[float], look: Look) -> None:
        """The area between two curves, and a bar from one to the other at each point."""
        outline = np.array([*zip(xs, low, strict=True), *zip(xs[::-1], high[::-1], strict=True)])
        self.add(Polygon(outline, facecolor=look.colour, alpha=0.2, linewidth=0, zorder=1.5))
        bars = [((x, below), (x, above)) for x, below, above in zip(xs, low, high, strict=True)]
        self.add(LineCollection(bars, colors=look.colour, linewidths=1.2 * self.sheet.scale, zorder=1.8))

    def image(self, pixels: NDArray[Any], low: float, high: float, colours: str = "gray") -> None:
        """An array that fills the panel, the first row at the top, with fixed values for the ends of the colours."""
        norm = Normalize(low, high)
        image = BboxImage(self._edges, cmap=colours, norm=norm, interpolation="none", origin="upper", zorder=0)
        image.set_data(pixels)
        self.sheet.figure.add_artist(image)

    @property
    def characters(self) -> float:
        """How many characters of the plain type fit below it."""
        return self.box.width / (CHARACTER * self.sheet.em)

    @property
    def labels_across(self) -> float:
        """How many numbers of usual length fit below it."""
        return self.characters / 5

    @property
    def labels_up(self) -> float:
        """How many labels fit beside it."""
        return self.box.height / (1.8 * self.sheet.em)

    def x(self, place: float) -> float:
        """Where a place on the x axis is on the sheet, in inches."""
        low, high = self.x_limits
        return self.box.left + (place - low) / (high - low) * self.box.width

    def y(self, place: float) -> float:
        """Where a place on the y axis is on the sheet, in inches."""
        low, high = self.y_limits
        return self.box.bottom + (place - low) / (high - low) * self.box.height
