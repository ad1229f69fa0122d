"""Plots of confusion matrices."""

from collections.abc import Sequence
from math import ceil

import numpy as np

from api.plots.axes import scale_title
from api.plots.caption import caption, format_seed_count, progress_note
from api.plots.data import MAX_INCHES, Categories, Cells, Panel, PlotData, column_count
from noisesweep.models import Evaluation, Run, RunStatus, Sweep
from noisesweep.models.float32 import format_number
from shared.datasets import facts_of

# A smaller fraction would be shown as 0 %.
# Number of classes up to which a matrix has all their names, and a note explains their numbers.
MAX_NAMED, MAX_EXPLAINED = 12, 30
MIN_SHARE = 0.005

Counts = tuple[tuple[int, ...], ...]


def of_sweep(sweep: Sweep, evaluations: Sequence[Evaluation | None]) -> PlotData:
    """Return a confusion matrix for each tested scale, summed over seeds, as fractions of the true class.

    Args:
        sweep: The sweep.
        evaluations: The evaluation of each run, by index; None for a run without one.
    """
    by_scale: dict[float, list[Evaluation]] = {}
    for run, evaluation in zip(sweep.runs, evaluations, strict=True):
        if evaluation:
            by_scale.setdefault(run.scale, []).append(evaluation)
    names = tuple(facts_of(sweep.config).class_names)
    seeds, progress = format_seed_count({len(evaluated) for evaluated in by_scale.values()}), progress_note(sweep)
    percent = f"Percent of the images of the true class{f', over {seeds}' if seeds else ''}"
    notes = [
        f"{percent}. The diagonal is correct. Values below 0.5 % are not shown.",
        *_name_classes(names),
        *([f"{progress}."] if progress else []),
    ]
    panels = [_scale_panel(scale, sum_counts(evaluated)) for scale, evaluated in sorted(by_scale.items())]
    columns = column_count(len(panels) or 1)
    rows, side = ceil(len(panels) / columns) or 1, 5.2 if columns == 1 else 3.1
    return PlotData(
        caption=caption(sweep, "Confusion Matrix at Each Noise Scale", *notes),
        panels=tuple(panels),
        columns=columns,
        remark=None if panels else "No run has been tested yet.",
        size=(min(MAX_INCHES, side * columns + 1.9), min(MAX_INCHES, side * rows + 1.6)),
    )


def _scale_panel(scale: float, counts: Counts) -> Panel:
    cells, numbers = row_fractions(counts), tuple(map(str, range(len(counts))))
    texts = tuple(tuple(f"{100 * cell:.0f}" if cell >= MIN_SHARE else "" for cell in row) for row in cells)
    return Panel(
        title=f"{scale_title(scale)}: {100 * accuracy(counts):.1f} % correct",
        scale=scale,
        cells=_cells(numbers, cells, texts),
    )


def of_run(run: Run) -> PlotData:
    """Return the confusion matrix of a run; no panel if the run has not been tested."""
    panels: tuple[Panel, ...] = ()
    if run.evaluation:
        counts = sum_counts([run.evaluation])
        texts = tuple(tuple(f"{count}" if count else "" for count in row) for row in counts)
        cells = _cells(tuple(facts_of(run.config).class_names), row_fractions(counts), texts)
        correct = tuple(f"{100 * row[label]:.1f} %" for label, row in enumerate(row_fractions(counts)))
        panels = (Panel(cells=cells.model_copy(update={"row_notes": correct})),)
    return PlotData(
        caption=caption(
            run,
            f"Confusion Matrix at Noise Scale {format_number(run.scale)}",
            f"Number of {run.config.final_images} images. The diagonal is correct; its percentage of the row is on "
            "the right.",
        ),
        panels=panels,
        remark=None if panels else _untested_remark(run),
        size=(8.0, 6.8),
    )


def _untested_remark(run: Run) -> str:
    if run.status is RunStatus.SUCCEEDED:
        return "Not tested: an older version trained this run and did not test it."
    return f"Not tested: the run is {run.status}."


def _cells(names: tuple[str, ...], values: tuple[tuple[float, ...], ...], texts: tuple[tuple[str, ...], ...]) -> Cells:
    all_named = len(names) <= MAX_NAMED
    numbers = tuple(map(str, range(len(names))))
    return Cells(
        label="Fraction of the true class",
        rows=Categories(label="True class", names=names, all_named=all_named),
        columns=Categories(label="Predicted class", names=names if all_named else numbers, all_named=all_named),
        values=values,
        texts=(texts,),
        square=True,
    )


def sum_counts(evaluations: Sequence[Evaluation]) -> Counts:
    """Return the number of images by true class (row) and predicted class (column), over all evaluations."""
    total = np.sum([evaluation.confusion for evaluation in evaluations], axis=0)
    return tuple(tuple(int(count) for count in row) for row in total)


def _name_classes(names: Sequence[str]) -> list[str]:
    """Return a note that names the classes whose name is not their label; no note if there are none, or too many."""
    labels = [f"{label} {name}" for label, name in enumerate(names) if name != str(label)]
    if len(names) > MAX_EXPLAINED:
        return []
    return [f"{', '.join(labels)}."] if labels else []


def row_fractions(counts: Counts) -> tuple[tuple[float, ...], ...]:
    """Return each count as a fraction of its row's sum; 0 in rows without images."""
    return tuple(tuple(count / (sum(row) or 1) for count in row) for row in counts)


def accuracy(counts: Counts) -> float:
    """Return the fraction of images on the diagonal, in [0, 1]."""
    return sum(row[label] for label, row in enumerate(counts)) / (sum(map(sum, counts)) or 1)
