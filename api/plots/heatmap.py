"""Drawing of heatmaps."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import Rectangle
from matplotlib.ticker import MultipleLocator, PercentFormatter

from api.plots.axes import Tick, thin_out
from api.plots.data import Categories, Cells, PlotData, Texts
from api.plots.layout import CHARACTER_WIDTH, FONT_POINTS, SMALL, Layout, set_ticks

# No text is drawn below this font size or in more cells: it would be illegible and take seconds to draw.
MIN_POINTS = 4.5
MAX_TEXTS = 1024
# Horizontal space around the text of a cell, in characters.
CELL_PADDING = 1.2
# In em.
COLOUR_SCALE_WIDTH = 6.5
LABEL_HEIGHT = 1.8


def draw_heatmap(layout: Layout, data: PlotData) -> None:
    """Draw the panels of a plot. Several panels share their axis labels."""
    tables = [panel.cells for panel in data.panels if panel.cells]
    first, shared = tables[0], len(tables) > 1
    longest, longest_column = max(map(len, first.rows.names)), max(map(len, first.columns.names))
    rotated = first.columns.all_named and longest_column > 1
    left = 3.6 if shared else max(2.5, 0.62 * longest) + 3.4
    bottom = 0.46 * longest_column + 4.4 if rotated else 3.8
    _draw_colour_scale(layout, first.label)
    layout.reserve(left, bottom, top=1.2 if data.panels[0].title else 0, right=4.5 if first.row_notes else 0)
    min_width = 10.5 if first.square else 26
    all_axes = layout.axes(len(tables), data.columns, across=1.2, down=2.6, min_width=min_width)
    for index, (panel, cells, axes) in enumerate(zip(data.panels, tables, all_axes, strict=True)):
        _draw_cells(layout, axes, cells)
        axes.set_title(panel.title)
        _set_labels(layout, axes, cells)
        if shared:
            is_lowest, is_leftmost = index + data.columns >= len(tables), index % data.columns == 0
            size = min(SMALL, 0.9 * layout.extent(axes)[1] / len(cells.values)) * layout.scale * FONT_POINTS
            axes.tick_params(labelbottom=is_lowest, labelleft=is_leftmost, labelsize=size)
            axes.set(xlabel="", ylabel="")
        elif rotated:
            axes.tick_params(axis="x", rotation=35)
            for label in axes.get_xticklabels():
                label.set(ha="right", rotation_mode="anchor", va="center_baseline")
    if shared:
        em, centre, middle = layout.em, (layout.left + layout.right) / 2, (layout.bottom + layout.top) / 2
        layout.text(centre, layout.bottom - 1.8 * em, first.columns.label, ha="center", va="top")
        layout.text(layout.left - 1.8 * em, middle, first.rows.label, ha="right", va="center", rotation=90)


def _draw_cells(layout: Layout, axes: Axes, cells: Cells) -> None:
    """Draw the cells with their texts, the first row at the top. Cells without a value are hatched."""
    values = np.array([[np.nan if cell is None else cell for cell in row] for row in cells.values], dtype=np.float64)
    axes.imshow(np.ma.masked_invalid(values), cmap=_colours(layout), vmin=0, vmax=1, interpolation="none")
    axes.set_aspect("equal" if cells.square else "auto")
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.apply_aspect()
    if np.isnan(values).any():
        axes.patch.set(facecolor=layout.theme.paper, edgecolor=layout.theme.faint_ink, hatch="////", linewidth=0)
    fitting = ((texts, size) for texts in cells.texts if (size := fit_font_size(layout, axes, texts)))
    none: tuple[Texts, float] = ((), 0.0)
    texts, type_scale = next(fitting, none)
    for y, row in enumerate(texts):
        for x, text in enumerate(row):
            if text:
                ink, points = layout.theme.cell(cells.values[y][x] or 0).ink, type_scale * layout.scale * FONT_POINTS
                axes.text(x, y, text, size=points, color=ink, ha="center", va="center_baseline")
    for y, column in enumerate(cells.outlined):
        if column is not None:
            # The outline is inside the cell, so that no neighbour covers it.
            ink, width = layout.theme.cell(cells.values[y][column] or 0).ink, 1.6 * layout.scale
            axes.add_patch(Rectangle((column - 0.45, y - 0.44), 0.9, 0.88, fill=False, edgecolor=ink, linewidth=width))


def _set_labels(layout: Layout, axes: Axes, cells: Cells) -> None:
    width, height = layout.extent(axes)
    across, up = width / CHARACTER_WIDTH / len(cells.columns.names), height / LABEL_HEIGHT / len(cells.rows.names)

    def fit_across(left: Tick, right: Tick) -> bool:
        return (right.position - left.position) * across > (len(left.label) + len(right.label)) / 2 + 1

    def fit_up(upper: Tick, lower: Tick) -> bool:
        return (lower.position - upper.position) * up >= 1

    columns, rows = _ticks(cells.columns), _ticks(cells.rows)
    columns = columns if cells.columns.all_named else thin_out(columns, fit_across)
    rows = rows if cells.rows.all_named else thin_out(rows, fit_up)
    set_ticks(axes.xaxis, columns)
    set_ticks(axes.yaxis, rows)
    if cells.row_notes:
        right, size = len(cells.columns.names) - 0.4, SMALL * layout.scale * FONT_POINTS
        for row in rows:
            note = cells.row_notes[int(row.position)]
            axes.text(right, row.position, note, size=size, ha="left", va="center_baseline")
    axes.set(xlabel=cells.columns.label, ylabel=cells.rows.label)


def _ticks(categories: Categories) -> list[Tick]:
    return [Tick(position=index, label=name) for index, name in enumerate(categories.names)]


def _colours(layout: Layout) -> ListedColormap:
    return ListedColormap([style.fill for style in layout.theme.heatmap])


def fit_font_size(layout: Layout, axes: Axes, texts: Texts) -> float:
    """Return the relative font size at which the longest text fits its cell; 0 if no legible size fits."""
    longest = max((len(text) for row in texts for text in row), default=0) or 1
    width, height = layout.extent(axes)
    size = min(1.0, width / len(texts[0]) / (CHARACTER_WIDTH * (longest + CELL_PADDING)), height / len(texts) / 1.5)
    is_legible = size * layout.scale * FONT_POINTS >= MIN_POINTS and sum(map(len, texts)) <= MAX_TEXTS
    return size if is_legible else 0.0


def _draw_colour_scale(layout: Layout, label: str) -> None:
    """Draw the colour scale on the right."""
    em, bottom = layout.em, layout.bottom + 3.8 * layout.em  # the text below the cells extends to the edge
    height = min(layout.top - bottom, 24 * em)
    bottom += (layout.top - bottom - height) / 2
    left = layout.right - 4.2 * em
    rectangle = (left / layout.width, bottom / layout.height, em / layout.width, max(height, em) / layout.height)
    axes = layout.figure.add_axes(rectangle)
    steps = len(layout.theme.heatmap)
    axes.imshow(
        np.linspace(1 - 0.5 / steps, 0.5 / steps, steps)[:, np.newaxis],
        cmap=_colours(layout),
        vmin=0,
        vmax=1,
        aspect="auto",
        extent=(0, 1, 0, 1),
    )
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.xaxis.set_visible(False)
    axes.yaxis.tick_right()
    axes.yaxis.set_major_locator(MultipleLocator(0.2))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    axes.tick_params(labelsize=SMALL * layout.scale * FONT_POINTS)
    middle = bottom + height / 2
    layout.text(left - 0.3 * em, middle, label, SMALL, ha="right", va="center", rotation=90)
    layout.reserve(right=COLOUR_SCALE_WIDTH)
