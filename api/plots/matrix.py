"""Validation accuracy by the noise trained with and the noise tested with."""

from api.plots.axes import words_of_scale
from api.plots.caption import caption, remark, words_of_counts
from api.plots.data import MOST_INCHES, Categories, Cells, Panel, PlotData, Texts
from noisesweep.models import Matrix, NoiseOn, Sweep

TITLE = "Validation Accuracy by Noise in Training and in Testing"
CELL_WIDTH, CELL_HEIGHT = 0.78, 0.55
GAPS = "Hatched: not tested, for the run ended before the sweep had that scale, or is reused from one without it."


def plot_data(sweep: Sweep, matrix: Matrix | None) -> PlotData:
    """Return the cells of a sweep's matrix: no panel if there is none because no run has succeeded yet.

    Each row is outlined where its runs were validated.
    """
    standing = remark(sweep)
    notes = [f"{standing}."] if standing else []
    if matrix is None:
        remark_ = "No run has been tested yet."
        return PlotData(caption=caption(sweep, TITLE, *notes), panels=(), remark=remark_, size=(6.5, 4.5))
    seeds = words_of_counts({count for row in matrix.seeds for count in row if count})
    has_gaps = any(cell is None for row in matrix.val_accuracy for cell in row)
    notes = [
        f"In percent{f', mean of {seeds}' if seeds else ''}. Outlined: the noise of the run's own validation.",
        *([GAPS] if has_gaps else []),
        *notes,
    ]
    only_validation = sweep.config.noise_on is NoiseOn.VALIDATION
    cells = Cells(
        label="Validation accuracy",
        rows=Categories(
            label="Scale of the run (trained on clean images)" if only_validation else "Scale trained with",
            names=tuple(map(words_of_scale, matrix.train_scales)),
            all_named=False,
        ),
        columns=Categories(
            label="Scale tested with (noise on the validation images)",
            names=tuple(map(words_of_scale, matrix.test_scales)),
            all_named=False,
        ),
        values=tuple(map(tuple, matrix.val_accuracy)),
        texts=(_percent(matrix, 1), _percent(matrix, 0)),
        outlined=tuple(
            matrix.test_scales.index(scale) if scale in matrix.test_scales else None
            for scale in map(sweep.config.validation_scale, matrix.train_scales)
        ),
    )
    width = max(6.5, 2.2 + CELL_WIDTH * len(matrix.test_scales))
    height = max(4.5, 2.3 + CELL_HEIGHT * len(matrix.train_scales))
    return PlotData(
        caption=caption(sweep, TITLE, *notes),
        panels=(Panel(cells=cells),),
        size=(min(MOST_INCHES, width), min(MOST_INCHES, height)),
    )


def _percent(matrix: Matrix, decimals: int) -> Texts:
    return tuple(
        tuple("" if cell is None else f"{100 * cell:.{decimals}f}" for cell in row) for row in matrix.val_accuracy
    )
