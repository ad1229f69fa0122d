"""Heatmap of validation accuracy by training noise and test noise, from several sweeps."""

import json
from collections.abc import Sequence

from api.plots.axes import format_scale
from api.plots.caption import Caption, format_seed_count
from api.plots.data import MAX_INCHES, Categories, Cells, Panel, PlotData, Texts
from api.science.config_text import format_settings
from noisesweep.models import Sweep, Transfer

CELL_WIDTH, CELL_HEIGHT = 0.95, 0.6


def plot_data(sweeps: Sequence[Sweep], table: Transfer) -> PlotData:
    """Return the heatmap of a table: a row for each sweep, a column for its noise."""
    names = tuple(f"{row.noise.text} {format_scale(row.scale)}" for row in table.rows)
    seeds = format_seed_count({cell.seeds for row in table.rows for cell in row.val_accuracy if cell})
    has_gaps = any(cell is None for row in table.rows for cell in row.val_accuracy)
    config = sweeps[0].config
    settings = format_settings(config)
    return PlotData(
        caption=Caption(
            title=f"{config.final_images.capitalize()} Accuracy With Noise of Other Kinds",
            subtitle="networks trained on one kind of noise and tested with another",
            notes=(
                f"Percent, {f'mean of {seeds}' if seeds else 'one seed'}. Outlined: tested with the noise trained on.",
                *(["Hatched: not tested."] if has_gaps else []),
                *(remark for remark in table.remarks if remark.startswith("The sweeps also differ")),
            ),
            settings=", ".join(settings[name] for name in ("dataset", "epochs", "model")),
            source=f"sweeps {', '.join(sweep.id for sweep in sweeps)}",
            config=json.dumps({sweep.id: sweep.config.model_dump(mode="json") for sweep in sweeps}),
        ),
        panels=(
            Panel(
                cells=Cells(
                    label=f"{config.final_images.capitalize()} accuracy",
                    rows=Categories(label="Training noise and scale", names=names),
                    columns=Categories(label="Test noise and scale", names=names),
                    values=tuple(tuple(cell and cell.mean for cell in row.val_accuracy) for row in table.rows),
                    texts=(_percent(table, 1), _percent(table, 0)),
                    outlined=tuple(range(len(table.rows))),
                )
            ),
        ),
        size=(
            min(MAX_INCHES, max(6.5, 2.6 + CELL_WIDTH * len(names))),
            min(MAX_INCHES, max(4.5, 3.4 + CELL_HEIGHT * len(names))),
        ),
    )


def _percent(table: Transfer, decimals: int) -> Texts:
    return tuple(
        tuple("" if cell is None else f"{100 * cell.mean:.{decimals}f}" for cell in row.val_accuracy)
        for row in table.rows
    )
