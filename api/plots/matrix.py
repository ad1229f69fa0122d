"""Heatmap of validation accuracy by training scale and test scale."""

from api.plots.axes import format_scale
from api.plots.caption import caption, format_seed_count, progress_note
from api.plots.data import MAX_INCHES, Categories, Cells, Panel, PlotData, Texts
from noisesweep.models import Matrix, NoiseOn, Sweep

CELL_WIDTH, CELL_HEIGHT = 0.78, 0.55
HATCHED_NOTE = "Hatched: not tested. The run ended before this scale was added, or was reused from a sweep without it."


def plot_data(sweep: Sweep, matrix: Matrix | None) -> PlotData:
    """Return the heatmap of a sweep's train/test matrix, without panels if `matrix` is None.

    Columns without a kind of noise have that of the sweep.

    In each row, the cell at the validation scale of the row's runs is outlined.
    """
    progress, judged = progress_note(sweep), sweep.config.final_images
    title = f"{judged.capitalize()} Accuracy by Training and Test Noise"
    notes = [f"{progress}."] if progress else []
    if matrix is None:
        message = "No run has been tested yet."
        return PlotData(caption=caption(sweep, title, *notes), panels=(), remark=message, size=(6.5, 4.5))
    seeds = format_seed_count({count for row in matrix.seeds for count in row if count})
    has_gaps = any(cell is None for row in matrix.val_accuracy for cell in row)
    notes = [
        f"Percent{f', mean of {seeds}' if seeds else ''}. Outlined: the scale of the run's own {judged} noise.",
        *([HATCHED_NOTE] if has_gaps else []),
        *notes,
    ]
    only_validation = sweep.config.noise_on is NoiseOn.VALIDATION
    cells = Cells(
        label=f"{judged.capitalize()} accuracy",
        rows=Categories(
            label="Scale of the run (trained on clean images)" if only_validation else "Training scale",
            names=tuple(map(format_scale, matrix.train_scales)),
            all_named=False,
        ),
        columns=Categories(
            label=f"Test scale (noise on the {judged} images)",
            names=tuple(
                format_scale(scale) if kind is sweep.config.noise else f"{kind.text} {format_scale(scale)}"
                for kind, scale in zip(matrix.test_noise, matrix.test_scales, strict=True)
            ),
            all_named=bool(sweep.config.test_noise),
        ),
        values=tuple(map(tuple, matrix.val_accuracy)),
        texts=(_percent(matrix, 1), _percent(matrix, 0)),
        outlined=tuple(
            matrix.test_scales.index(scale) if scale in matrix.test_scales else None
            for scale in map(sweep.config.validation_scale, matrix.train_scales)
        ),
    )
    width = max(6.5, 2.2 + CELL_WIDTH * len(matrix.test_scales))
    height = max(4.5, 2.3 + CELL_HEIGHT * len(matrix.train_scales)) + (1.5 if sweep.config.test_noise else 0)
    return PlotData(
        caption=caption(sweep, title, *notes),
        panels=(Panel(cells=cells),),
        size=(min(MAX_INCHES, width), min(MAX_INCHES, height)),
    )


def _percent(matrix: Matrix, decimals: int) -> Texts:
    return tuple(
        tuple("" if cell is None else f"{100 * cell:.{decimals}f}" for cell in row) for row in matrix.val_accuracy
    )
