"""Validation accuracy by the noise trained with and the noise tested with."""

from dataclasses import dataclass

from matplotlib.patches import Rectangle

from api.plots import heatmap
from api.plots.caption import Imprint, imprint, remark, words_of_counts
from api.plots.layout import Sheet
from api.plots.options import PLAIN, Options
from api.plots.picture import render
from api.plots.scales import words_of_scale
from api.plots.ticks import Tick, thinned
from noisesweep.models import Matrix, NoiseOn, Sweep

TITLE = "Validation Accuracy by Noise in Training and in Testing"
MOST_INCHES = 12.0
CELL_WIDTH, CELL_HEIGHT = 0.78, 0.55


@dataclass(frozen=True)
class MatrixField:
    """The cells and what is to be said beside them.

    Attributes:
        train_scales: The rows, from the top.
        test_scales: The columns.
        val_accuracy: For each row, each column; None where there was no test.
        own: For each row, the column of the noise that its runs were validated with; None if it is not among them.
        rows: What a row is.
        imprint: The picture's words.
    """

    train_scales: tuple[float, ...]
    test_scales: tuple[float, ...]
    val_accuracy: tuple[tuple[float | None, ...], ...]
    own: tuple[int | None, ...]
    rows: str
    imprint: Imprint


def field(sweep: Sweep, matrix: Matrix | None) -> MatrixField:
    """The cells of a sweep's matrix; without one, before any run has succeeded, none."""
    standing = remark(sweep)
    notes = [f"{standing}."] if standing else []
    if matrix is None:
        return MatrixField((), (), (), (), "", imprint(sweep, TITLE, *notes))
    own = [
        matrix.test_scales.index(scale) if scale in matrix.test_scales else None
        for scale in map(sweep.config.validation_scale, matrix.train_scales)
    ]
    seeds = words_of_counts({count for row in matrix.seeds for count in row if count})
    gaps = "Hatched: not tested, for the run ended before the sweep had that scale, or is reused from one without it."
    notes = [
        f"In percent{f', mean of {seeds}' if seeds else ''}. Outlined: the noise of the run's own validation.",
        *([gaps] if _has_gaps(matrix) else []),
        *notes,
    ]
    return MatrixField(
        train_scales=tuple(matrix.train_scales),
        test_scales=tuple(matrix.test_scales),
        val_accuracy=tuple(tuple(row) for row in matrix.val_accuracy),
        own=tuple(own),
        rows="Scale of the run (trained on clean images)"
        if sweep.config.noise_on is NoiseOn.VALIDATION
        else "Scale trained with",
        imprint=imprint(sweep, TITLE, *notes),
    )


def _has_gaps(matrix: Matrix) -> bool:
    return any(cell is None for row in matrix.val_accuracy for cell in row)


def draw(data: MatrixField, options: Options = PLAIN) -> bytes:
    """The cells; before any run has succeeded, a line that says so."""
    width = min(MOST_INCHES, max(6.5, 2.2 + CELL_WIDTH * len(data.test_scales)))
    height = min(MOST_INCHES, max(4.5, 2.3 + CELL_HEIGHT * len(data.train_scales)))
    return render(_draw, data, options, width, height)


def _draw(sheet: Sheet, data: MatrixField) -> None:
    if not data.train_scales:
        sheet.remark("No run has been tested yet.")
        return
    em, columns, rows = sheet.em, len(data.test_scales), len(data.train_scales)
    heatmap.draw_colour_scale(sheet, "Validation accuracy")
    box = sheet.body.inset(left=6.5 * em, bottom=3.8 * em)
    panel = sheet.panel(box, (-0.5, columns - 0.5), (rows - 0.5, -0.5), least_width=26)
    exact = [[_percent(cell, 1) for cell in row] for row in data.val_accuracy]
    rounded = [[_percent(cell, 0) for cell in row] for row in data.val_accuracy]
    heatmap.draw_cells(panel, data.val_accuracy, exact if heatmap.type_size(panel, exact) else rounded)
    for row, column in enumerate(data.own):
        if column is not None:
            # Within the cell, so that no neighbour covers it.
            corner, ink = (column - 0.45, row - 0.44), heatmap.ink_on(data.val_accuracy[row][column] or 0)
            outline = Rectangle(corner, 0.9, 0.88, fill=False, edgecolor=ink, linewidth=1.6 * sheet.scale)
            panel.add(outline)
    test_ticks = [Tick(place, words_of_scale(scale)) for place, scale in enumerate(data.test_scales)]
    train_ticks = [Tick(place, words_of_scale(scale)) for place, scale in enumerate(data.train_scales)]
    across, up = panel.characters / columns, panel.labels_up / rows
    panel.x_labels(
        thinned(
            test_ticks,
            lambda left, right: (right.place - left.place) * across > (len(left.label) + len(right.label)) / 2 + 1,
        ),
        "Scale tested with (noise on the validation images)",
    )
    panel.y_labels(thinned(train_ticks, lambda upper, lower: (lower.place - upper.place) * up >= 1), data.rows)


def _percent(fraction: float | None, decimals: int) -> str:
    return "" if fraction is None else f"{100 * fraction:.{decimals}f}"
