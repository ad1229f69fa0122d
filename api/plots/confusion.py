"""Confusion matrices of trained networks."""

from collections.abc import Sequence
from math import ceil

import numpy as np

from api.plots.axes import title_of_scale
from api.plots.caption import caption, remark, words_of_counts
from api.plots.data import MOST_INCHES, Categories, Cells, Panel, PlotData, columns_of
from noisesweep.models import Evaluation, Run, RunStatus, Sweep
from shared.datasets import CATALOGUE

# A share below it would be written as 0.
LEAST_SHARE = 0.005

Counts = tuple[tuple[int, ...], ...]


def of_sweep(sweep: Sweep, evaluations: Sequence[Evaluation | None]) -> PlotData:
    """Return a panel for each scale that was tested: shares of the true class, summed over the scale's seeds.

    Args:
        sweep: The sweep.
        evaluations: Those of its runs, by index.
    """
    by_scale: dict[float, list[Evaluation]] = {}
    for run, evaluation in zip(sweep.runs, evaluations, strict=True):
        if evaluation:
            by_scale.setdefault(run.scale, []).append(evaluation)
    names = tuple(CATALOGUE[sweep.config.dataset].class_names)
    seeds, standing = words_of_counts({len(evaluated) for evaluated in by_scale.values()}), remark(sweep)
    percent = f"In percent of the true class's images{f', over {seeds}' if seeds else ''}"
    notes = [
        f"{percent}; the diagonal is right; shares below 0.5 % are left out.",
        *_meaning(names),
        *([f"{standing}."] if standing else []),
    ]
    panels = [_of_scale(scale, summed(evaluated)) for scale, evaluated in sorted(by_scale.items())]
    columns = columns_of(len(panels) or 1)
    rows, side = ceil(len(panels) / columns) or 1, 5.2 if columns == 1 else 3.1
    return PlotData(
        caption=caption(sweep, "Which Classes Are Taken for Which", *notes),
        panels=tuple(panels),
        columns=columns,
        remark=None if panels else "No run has been tested yet.",
        size=(min(MOST_INCHES, side * columns + 1.9), min(MOST_INCHES, side * rows + 1.6)),
    )


def _of_scale(scale: float, counts: Counts) -> Panel:
    cells, numbers = shares(counts), tuple(map(str, range(len(counts))))
    texts = tuple(tuple(f"{100 * cell:.0f}" if cell >= LEAST_SHARE else "" for cell in row) for row in cells)
    return Panel(
        title=f"{title_of_scale(scale)}: {100 * accuracy(counts):.1f} % right",
        scale=scale,
        cells=_cells(numbers, cells, texts),
    )


def of_run(run: Run) -> PlotData:
    """Return the images of one run by true and predicted class; no panel before it was tested."""
    panels: tuple[Panel, ...] = ()
    if run.evaluation:
        counts = summed([run.evaluation])
        texts = tuple(tuple(f"{count}" if count else "" for count in row) for row in counts)
        cells = _cells(tuple(CATALOGUE[run.config.dataset].class_names), shares(counts), texts)
        right = tuple(f"{100 * row[label]:.1f} %" for label, row in enumerate(shares(counts)))
        panels = (Panel(cells=cells.model_copy(update={"row_notes": right})),)
    return PlotData(
        caption=caption(
            run,
            f"Which Classes Are Taken for Which at Noise Scale {run.scale:g}",
            "Validation images; the diagonal is right, and its share of the row is at the right.",
        ),
        panels=panels,
        remark=None if panels else _untested(run),
        size=(8.0, 6.8),
    )


def _untested(run: Run) -> str:
    if run.status is RunStatus.SUCCEEDED:
        return "Not tested: the run was trained by a program that did not test yet."
    return f"Not tested: the run is {run.status}."


def _cells(names: tuple[str, ...], values: tuple[tuple[float, ...], ...], texts: tuple[tuple[str, ...], ...]) -> Cells:
    return Cells(
        label="Share of the true class",
        rows=Categories(label="True class", names=names),
        columns=Categories(label="Predicted class", names=names),
        values=values,
        texts=(texts,),
        square=True,
    )


def summed(evaluations: Sequence[Evaluation]) -> Counts:
    """Return the images by true class (row) and predicted class (column) over all evaluations."""
    total = np.sum([evaluation.confusion for evaluation in evaluations], axis=0)
    return tuple(tuple(int(count) for count in row) for row in total)


def _meaning(names: Sequence[str]) -> list[str]:
    """Return what the labels stand for, where that is something else."""
    labels = [f"{label} {name}" for label, name in enumerate(names) if name != str(label)]
    return [f"{', '.join(labels)}."] if labels else []


def shares(counts: Counts) -> tuple[tuple[float, ...], ...]:
    """Return the counts as fractions of their row, which is all 0 where it has no image."""
    return tuple(tuple(count / (sum(row) or 1) for count in row) for row in counts)


def accuracy(counts: Counts) -> float:
    """Return the share of all images that are on the diagonal, in [0, 1]."""
    return sum(row[label] for label, row in enumerate(counts)) / (sum(map(sum, counts)) or 1)
