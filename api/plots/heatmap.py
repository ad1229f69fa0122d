"""Fractions as a field of coloured cells with numbers in them."""

from collections.abc import Sequence

import numpy as np
from matplotlib.patches import Rectangle

from api.plots.box import Box
from api.plots.layout import CHARACTER, TYPE_POINTS, Panel, Sheet
from api.plots.ticks import FRACTIONS

# Nuñez, Anderton and Renslow 2018: lightness grows evenly, and no hue is needed to read it.
COLOURS = "cividis"
# From here on the colours are light.
LIGHT = 0.55
# Smaller than this, and where there are more, numbers are left out: nobody would read them, and they take seconds.
LEAST_POINTS = 4.5
MOST_NUMBERS = 1024
# Width of a number with what is around it, in characters.
AROUND = 1.2
SCALE_WIDTH = 6.5

Cells = Sequence[Sequence[float | None]]


def draw_cells(panel: Panel, cells: Cells, words: Sequence[Sequence[str]]) -> None:
    """Colour a panel's cells by fractions in [0, 1], the first row at the top, and write in them.

    Args:
        panel: Its coordinates are the indices of columns and rows: -0.5 to n - 0.5, and from the top down.
        cells: The fractions; None is hatched.
        words: What to write in each; left out where the cells are too small for the longest.
    """
    values = np.array([[np.nan if cell is None else cell for cell in row] for row in cells], dtype=np.float64)
    panel.image(np.ma.masked_invalid(values), 0, 1, COLOURS)
    for y, x in zip(*np.nonzero(np.isnan(values)), strict=True):
        theme = panel.sheet.theme
        panel.add(
            Rectangle(
                (x - 0.5, y - 0.5), 1, 1, facecolor=theme.paper, edgecolor=theme.faint_ink, hatch="////", linewidth=0
            )
        )
    size = type_size(panel, words)
    for y, row in enumerate(words if size else ()):
        for x, word in enumerate(row):
            if word:
                style = {"ha": "center", "va": "center_baseline", "color": ink_on(cells[y][x] or 0)}
                panel.sheet.text(panel.x(x), panel.y(y), word, size, **style)


def ink_on(fraction: float) -> str:
    """The colour that reads on that of a fraction."""
    return "#000000" if fraction > LIGHT else "#ffffff"


def type_size(panel: Panel, words: Sequence[Sequence[str]]) -> float:
    """The size of type in which the longest word fits into its cell, in the plain size; 0 where none is legible."""
    longest = max((len(word) for row in words for word in row), default=0) or 1
    em = panel.sheet.em
    across = panel.box.width / len(words[0]) / (CHARACTER * (longest + AROUND) * em)
    up = panel.box.height / len(words) / (1.5 * em)
    size = min(1.0, across, up)
    is_legible = size * panel.sheet.scale * TYPE_POINTS >= LEAST_POINTS and sum(map(len, words)) <= MOST_NUMBERS
    return size if is_legible else 0.0


def draw_colour_scale(sheet: Sheet, label: str) -> None:
    """Draw at the right of the sheet's body which colour stands for what, and take its place from the body."""
    em = sheet.em
    # The words below the cells go as far as the edge.
    body = sheet.body.inset(bottom=3.8 * em)
    sheet.body = sheet.body.inset(right=SCALE_WIDTH * em)
    height = min(body.height, 24 * em)
    bottom = (body.bottom + body.top - height) / 2
    box = Box(body.right - 4.2 * em, bottom, body.right - 3.2 * em, bottom + height)
    panel = sheet.panel(box, (0, 1), (0, 1))
    panel.image(np.linspace(0.975, 0.025, 20)[:, np.newaxis], 0, 1, COLOURS)
    for tick in FRACTIONS:
        words = f"{100 * tick.place:.0f} %"
        sheet.text(box.right + 0.4 * em, panel.y(tick.place), words, 0.83, ha="left", va="center_baseline")
    style = {"ha": "right", "va": "center", "rotation": 90}
    sheet.text(box.left - 0.3 * em, (box.bottom + box.top) / 2, label, 0.83, **style)
