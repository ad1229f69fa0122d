"""The layout of a picture: words above and below, and Matplotlib's axes between them."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator

from api.plots.axes import Tick
from api.plots.caption import Caption
from api.plots.theme import LineStyle, Theme

POINTS_PER_INCH = 72
TYPE_POINTS = 10.0
# A picture smaller than this has smaller type, so that as much fits.
FULL_WIDTH, FULL_HEIGHT = 5.5, 3.8
SMALLEST_TYPE = 0.45
# By so much at a time the type shrinks where words leave too little room for axes, down to a tenth.
SHRINKING = 0.85
ILLEGIBLE = 0.1
SMALL = 0.83
LARGE = 1.2
# Mean width of a character of the type, in em.
CHARACTER = 0.56
# Of axes, in em.
LEAST_WIDTH, LEAST_HEIGHT = 0.9, 2.5
# Up to as many entries of a legend are in type of the plain size.
FEW = 3


class TooTightError(Exception):
    """The words leave no room for axes: the type is to be smaller."""


class Layout:
    """A figure with its words. It sets Matplotlib's parameters: use it within `matplotlib.rc_context`.

    Args:
        size: Width and height in inches.
        dpi: Pixels an inch.
        theme: Its colours.
        caption: Its words.
        shrunk: How much smaller the type is than a picture of this size has it, 1 for not at all.

    Attributes:
        figure: Matplotlib's.
        theme: Its colours.
        scale: The size of its type, lines and markers against the plain one.
        em: The size of its type in inches, in which it is laid out.
        left, bottom, right, top: The ends of what is free between the words, in inches from the lower left corner.
    """

    def __init__(
        self, size: tuple[float, float], dpi: int, theme: Theme, caption: Caption, *, shrunk: float = 1.0
    ) -> None:
        self.theme = theme
        self.width, self.height = size
        self.scale = shrunk * max(SMALLEST_TYPE, min(1.0, self.width / FULL_WIDTH, self.height / FULL_HEIGHT))
        self.em = self.scale * TYPE_POINTS / POINTS_PER_INCH
        mpl.rcParams.update(_parameters(theme, self.scale))
        self.figure = Figure(figsize=size, dpi=dpi)
        self.canvas = FigureCanvasAgg(self.figure)
        self.left, self.bottom, self.right, self.top = 0.0, 0.0, self.width - 1.4 * self.em, self.height
        for words, relative, colour in ((caption.title, LARGE, theme.ink), (caption.subtitle, SMALL, theme.faint_ink)):
            lines = self.wrapped(words, relative)
            self.top -= 1.35 * relative * self.em * len(lines)
            self.text(self.width / 2, self.top, "\n".join(lines), relative, color=colour, ha="center", va="baseline")
        self.top -= 0.7 * self.em
        source = f" ({caption.source})" if caption.source else ""
        lines = [line for words in (*caption.notes, caption.settings + source) for line in self.wrapped(words, SMALL)]
        self.text(self.width / 2, 0.0, "\n".join(lines), SMALL, color=theme.faint_ink, ha="center", va="bottom")
        self.bottom = (1.3 * SMALL * len(lines) + 0.5) * self.em

    def wrapped(self, words: str, size: float = 1.0) -> list[str]:
        """Return the lines in which words of a relative size fit the width."""
        return textwrap.wrap(words, int((self.width - 2 * self.em) / (CHARACTER * size * self.em)))

    def text(self, x: float, y: float, words: str, size: float = 1.0, **style: Any) -> None:  # noqa: ANN401 - Matplotlib's
        """Write words at a position in inches, in type of a relative size."""
        # So spaced, lines are 1.3 em apart.
        style = {"linespacing": 1.4, **style}
        self.figure.text(x / self.width, y / self.height, words, size=size * self.scale * TYPE_POINTS, **style)

    def legend(self, entries: Mapping[str, LineStyle]) -> None:
        """Draw what each line style means, above the axes, where no curve can be."""
        if not entries:
            return
        size = 1.0 if len(entries) <= FEW else SMALL
        character, sample = CHARACTER * 1.05 * size * self.em, 4.7 * size * self.em
        room = self.width - 2 * self.em
        labels = [textwrap.fill(name, int((room - sample) / character)) for name in entries]
        widths = [sample + character * max(map(len, label.split("\n"))) for label in labels]
        columns = len(entries) if sum(widths) <= room else max(1, int(room / max(widths)))
        legend = self.figure.legend(
            handles=[Line2D([], [], **line(style)) for style in entries.values()],
            labels=labels,
            ncols=columns,
            fontsize=size * self.scale * TYPE_POINTS,
            loc="upper center",
            bbox_to_anchor=(0.5, self.top / self.height),
        )
        extent = legend.get_window_extent(self.canvas.get_renderer())  # type: ignore[no-untyped-call]
        self.top -= extent.height / self.figure.dpi + 0.8 * self.em

    def remark(self, words: str) -> None:
        """Write words in the middle, in place of what is not there yet."""
        middle, lines = (self.bottom + self.top) / 2, "\n".join(self.wrapped(words))
        self.text(self.width / 2, middle, lines, color=self.theme.faint_ink, ha="center", va="center")

    def reserve(self, left: float = 0, bottom: float = 0, right: float = 0, top: float = 0) -> None:
        """Keep margins free, in em."""
        self.left, self.bottom = self.left + left * self.em, self.bottom + bottom * self.em
        self.right, self.top = self.right - right * self.em, self.top - top * self.em

    def axes(
        self,
        count: int = 1,
        columns: int = 1,
        *,
        across: float = 0,
        down: float = 0,
        least_width: float = LEAST_WIDTH,
        least_height: float = LEAST_HEIGHT,
    ) -> list[Axes]:
        """Divide the free area into a grid and return `count` axes, row by row.

        Args:
            count: Number of axes.
            columns: Columns of the grid.
            across: Horizontal gap in em.
            down: Vertical gap in em.
            least_width: Minimum width of one axes in em.
            least_height: Minimum height of one axes in em.

        Raises:
            TooTightError: The axes would be smaller than the minimum.
        """
        rows = -(-count // columns)
        across, down = across * self.em, down * self.em
        width = (self.right - self.left - across * (columns - 1)) / columns
        height = (self.top - self.bottom - down * (rows - 1)) / rows
        if self.scale > ILLEGIBLE and (width < least_width * self.em or height < least_height * self.em):
            raise TooTightError
        return [
            self.figure.add_axes(
                (
                    (self.left + column * (width + across)) / self.width,
                    (self.top - row * (height + down) - height) / self.height,
                    max(width, self.em) / self.width,
                    max(height, self.em) / self.height,
                )
            )
            for row, column in (divmod(index, columns) for index in range(count))
        ]

    def extent(self, axes: Axes) -> tuple[float, float]:
        """Return the width and the height of axes, in em."""
        box = axes.get_position()
        return box.width * self.width / self.em, box.height * self.height / self.em

    def characters(self, axes: Axes) -> float:
        """Return how many characters of the plain type fit below axes."""
        return self.extent(axes)[0] / CHARACTER


def set_ticks(axis: Axis, ticks: Sequence[Tick]) -> None:
    """Label an axis of Matplotlib's. Unlike `Axes.set_xticks` this makes no tick before one is drawn."""
    axis.set_major_locator(FixedLocator([tick.position for tick in ticks]))
    axis.set_major_formatter(FixedFormatter([tick.label for tick in ticks]))


def line(style: LineStyle, strength: float = 1.0) -> dict[str, Any]:
    """Return the properties of Matplotlib's line of a style, within a layout."""
    return {
        "color": style.colour,
        "marker": style.marker,
        "linestyle": style.dashes,
        "linewidth": strength * mpl.rcParams["lines.linewidth"],
        "markersize": strength * mpl.rcParams["lines.markersize"],
    }


def _parameters(theme: Theme, scale: float) -> dict[Any, Any]:
    """Return Matplotlib's parameters for a theme, and for type and lines of a size."""
    ink, rule = theme.ink, 0.8 * scale
    return {
        "figure.facecolor": theme.paper,
        "axes.facecolor": "none",
        "savefig.facecolor": theme.paper,
        "text.color": ink,
        "axes.edgecolor": ink,
        "axes.labelcolor": ink,
        "xtick.color": ink,
        "ytick.color": ink,
        "grid.color": theme.rule,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": rule,
        "grid.linewidth": rule,
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "xtick.major.pad": 5 * scale,
        "ytick.major.pad": 5 * scale,
        "font.size": TYPE_POINTS * scale,
        "axes.labelsize": "medium",
        "axes.labelpad": 5 * scale,
        "axes.titlesize": SMALL * TYPE_POINTS * scale,
        "axes.titlepad": 3 * scale,
        "lines.linewidth": 1.5 * scale,
        "lines.markersize": 5 * scale,
        "legend.frameon": False,
        "legend.borderpad": 0,
        "legend.borderaxespad": 0,
        "legend.handlelength": 2.2,
        "legend.handletextpad": 0.5,
        "legend.columnspacing": 2.0,
        "legend.labelspacing": 0.35,
    }
