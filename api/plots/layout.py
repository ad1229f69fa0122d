"""Figure layout: title and captions around the panels."""

import textwrap
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedFormatter, FixedLocator

from api.plots.axes import Tick
from api.plots.caption import Caption
from api.plots.theme import LineStyle, Theme

POINTS_PER_INCH = 72
FONT_POINTS = 10.0
# A picture smaller than this, in inches, has a smaller font, so that the same text fits.
FULL_WIDTH, FULL_HEIGHT = 5.5, 3.8
MIN_FONT_SCALE = 0.45
# If the text leaves too little space for the axes, the font shrinks by this factor per attempt, down to the minimum.
SHRINK_FACTOR = 0.85
MIN_SHRUNK_SCALE = 0.1
# Font sizes relative to the normal size.
SMALL = 0.83
LARGE = 1.2
# Mean width of a character, in em.
CHARACTER_WIDTH = 0.56
# Minimum size of axes, in em.
MIN_WIDTH, MIN_HEIGHT = 0.9, 2.5
# A legend with more entries has a smaller font.
MAX_LARGE_ENTRIES = 3
# Opacity of shaded areas.
SHADE = 0.35
# Width relative to a normal line, and opacity, of a line that is one of many.
THIN_STRENGTH, THIN_OPACITY = 0.5, 0.5


class NotEnoughSpaceError(Exception):
    """The text leaves too little space for the axes. Try again with a smaller font."""


class Layout:
    """Figure with title and captions. It sets Matplotlib's parameters, so use it within `matplotlib.rc_context`.

    Args:
        size: Width and height in inches.
        dpi: Pixels per inch.
        theme: The colours.
        caption: The text.
        families: Font families for characters that the default font lacks.
        shrink: Additional factor of the font size, at most 1.

    Attributes:
        figure: The Matplotlib figure.
        theme: The colours.
        scale: Size of fonts, lines and markers relative to the normal size.
        em: Font size in inches, the unit of the layout.
        left, bottom, right, top: Edges of the free area between the texts, in inches from the lower left corner.
    """

    def __init__(
        self,
        size: tuple[float, float],
        dpi: int,
        theme: Theme,
        caption: Caption,
        *,
        families: Sequence[str] = (),
        shrink: float = 1.0,
    ) -> None:
        self.theme = theme
        self.width, self.height = size
        self.scale = shrink * max(MIN_FONT_SCALE, min(1.0, self.width / FULL_WIDTH, self.height / FULL_HEIGHT))
        self.em = self.scale * FONT_POINTS / POINTS_PER_INCH
        mpl.rcParams.update(_parameters(theme, families, self.scale))
        self.figure = Figure(figsize=size, dpi=dpi)
        self.canvas = FigureCanvasAgg(self.figure)
        self.left, self.bottom, self.right, self.top = 0.0, 0.0, self.width - 1.4 * self.em, self.height
        for text, size_factor, colour in (
            (caption.title, LARGE, theme.ink),
            (caption.subtitle, SMALL, theme.faint_ink),
            *((warning, SMALL, theme.ink) for warning in caption.warnings),
        ):
            lines = self.wrap(text, size_factor)
            self.top -= 1.35 * size_factor * self.em * len(lines)
            self.text(self.width / 2, self.top, "\n".join(lines), size_factor, color=colour, ha="center", va="baseline")
        self.top -= 0.7 * self.em
        source = f" ({caption.source})" if caption.source else ""
        lines = [line for text in (*caption.notes, caption.settings + source) for line in self.wrap(text, SMALL)]
        self.text(self.width / 2, 0.0, "\n".join(lines), SMALL, color=theme.faint_ink, ha="center", va="bottom")
        self.bottom = (1.3 * SMALL * len(lines) + 0.5) * self.em

    def wrap(self, text: str, size: float = 1.0) -> list[str]:
        """Break text into lines that fit the width in a relative font size."""
        return _wrap(text, (self.width - 2 * self.em) / (CHARACTER_WIDTH * size * self.em))

    def text(self, x: float, y: float, text: str, size: float = 1.0, **style: Any) -> None:  # noqa: ANN401 - Matplotlib's
        """Write text at a position in inches, in a relative font size."""
        # With this spacing, lines are 1.3 em apart.
        style = {"linespacing": 1.4, **style}
        self.figure.text(x / self.width, y / self.height, text, size=size * self.scale * FONT_POINTS, **style)

    def legend(self, entries: Mapping[str, LineStyle]) -> None:
        """Draw the legend above the axes, where it hides no curve."""
        if not entries:
            return
        size = 1.0 if len(entries) <= MAX_LARGE_ENTRIES else SMALL
        character, sample = CHARACTER_WIDTH * 1.05 * size * self.em, 4.7 * size * self.em
        room = self.width - 2 * self.em
        labels = ["\n".join(_wrap(name, (room - sample) / character)) for name in entries]
        widths = [sample + character * max(map(_columns, label.split("\n"))) for label in labels]
        columns = len(entries) if sum(widths) <= room else max(1, int(room / max(widths)))
        legend = self.figure.legend(
            handles=[
                Patch(color=style.colour, alpha=SHADE, linewidth=0) if style.shaded else Line2D([], [], **line(style))
                for style in entries.values()
            ],
            labels=labels,
            ncols=columns,
            fontsize=size * self.scale * FONT_POINTS,
            loc="upper center",
            bbox_to_anchor=(0.5, self.top / self.height),
        )
        extent = legend.get_window_extent(self.canvas.get_renderer())  # type: ignore[no-untyped-call]
        self.top -= extent.height / self.figure.dpi + 0.8 * self.em

    def write_centred(self, text: str) -> None:
        """Write text in the middle of the figure, in place of missing data."""
        middle, lines = (self.bottom + self.top) / 2, "\n".join(self.wrap(text))
        self.text(self.width / 2, middle, lines, color=self.theme.faint_ink, ha="center", va="center")

    def reserve(self, left: float = 0, bottom: float = 0, right: float = 0, top: float = 0) -> None:
        """Shrink the free area by margins in em."""
        self.left, self.bottom = self.left + left * self.em, self.bottom + bottom * self.em
        self.right, self.top = self.right - right * self.em, self.top - top * self.em

    def axes(
        self,
        count: int = 1,
        columns: int = 1,
        *,
        across: float = 0,
        down: float = 0,
        min_width: float = MIN_WIDTH,
        min_height: float = MIN_HEIGHT,
    ) -> list[Axes]:
        """Divide the free area into a grid and return `count` axes, row by row.

        Args:
            count: Number of axes.
            columns: Columns of the grid.
            across: Horizontal gap in em.
            down: Vertical gap in em.
            min_width: Minimum width of one axes in em.
            min_height: Minimum height of one axes in em.

        Raises:
            NotEnoughSpaceError: The axes would be smaller than the minimum.
        """
        rows = -(-count // columns)
        across, down = across * self.em, down * self.em
        width = (self.right - self.left - across * (columns - 1)) / columns
        height = (self.top - self.bottom - down * (rows - 1)) / rows
        if self.scale > MIN_SHRUNK_SCALE and (width < min_width * self.em or height < min_height * self.em):
            raise NotEnoughSpaceError
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
        """Return the width and height of axes in em."""
        box = axes.get_position()
        return box.width * self.width / self.em, box.height * self.height / self.em

    def characters(self, axes: Axes) -> float:
        """Return the width of axes in characters of the normal font."""
        return self.extent(axes)[0] / CHARACTER_WIDTH


def set_ticks(axis: Axis, ticks: Sequence[Tick]) -> None:
    """Set the ticks of a Matplotlib axis. Unlike `Axes.set_xticks`, create no tick objects before drawing."""
    axis.set_major_locator(FixedLocator([tick.position for tick in ticks]))
    axis.set_major_formatter(FixedFormatter([tick.label for tick in ticks]))


def line(style: LineStyle, strength: float = 1.0) -> dict[str, Any]:
    """Return the Matplotlib line properties of a style, in the sizes of the current layout."""
    opacity = {}
    if style.thin:
        strength, opacity = THIN_STRENGTH * strength, {"alpha": THIN_OPACITY}
    return opacity | {
        "color": style.colour,
        "marker": style.marker,
        "linestyle": style.dashes,
        "linewidth": strength * mpl.rcParams["lines.linewidth"],
        "markersize": strength * mpl.rcParams["lines.markersize"],
    }


def _columns(text: str) -> int:
    """Return the width of text in characters of normal width. Chinese characters, for example, are twice as wide."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _wrap(text: str, columns: float) -> list[str]:
    """Break text into lines of at most about this width, in characters of normal width."""
    return textwrap.wrap(text, max(1, int(columns * len(text) / max(1, _columns(text)))))


def _parameters(theme: Theme, families: Sequence[str], scale: float) -> dict[Any, Any]:
    """Return Matplotlib's parameters for a theme, additional font families, and a relative size of fonts and lines."""
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
        "font.family": ["sans-serif", *families],
        "font.size": FONT_POINTS * scale,
        "axes.labelsize": "medium",
        "axes.labelpad": 5 * scale,
        "axes.titlesize": SMALL * FONT_POINTS * scale,
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
