"""Which classes a network takes for which."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

from api.plots import heatmap
from api.plots.box import Box
from api.plots.caption import Imprint, imprint, remark, words_of_counts
from api.plots.epochs_by_scale import columns_of
from api.plots.layout import SMALL, Panel, Sheet
from api.plots.options import PLAIN, Options
from api.plots.picture import render
from api.plots.scales import words_of_scale
from api.plots.ticks import Tick
from noisesweep.models import Evaluation, Run, RunStatus, Sweep
from shared.datasets import CATALOGUE

MOST_INCHES = 12.0
# A share below it would be written as 0.
LEAST_SHARE = 0.005

Counts = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class ScaleConfusion:
    """The confusion at one scale.

    Attributes:
        scale: The scale.
        counts: Images by true class (row) and predicted class (column), over all seeds that were evaluated.
    """

    scale: float
    counts: Counts


@dataclass(frozen=True)
class Confusions:
    """What is drawn of a sweep or of a run.

    Attributes:
        panels: By ascending scale; of a run there is one, or none yet.
        class_names: By label.
        as_counts: Whether to write the images themselves, and not their share of the row.
        remark: What is said where there is no panel.
        imprint: The picture's words.
    """

    panels: tuple[ScaleConfusion, ...]
    class_names: tuple[str, ...]
    as_counts: bool
    remark: str
    imprint: Imprint


def of_sweep(sweep: Sweep, evaluations: Sequence[Evaluation | None]) -> Confusions:
    """The confusion at each scale, summed over its seeds.

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
    return Confusions(
        panels=tuple(ScaleConfusion(scale, _sum(by_scale[scale])) for scale in sorted(by_scale)),
        class_names=names,
        as_counts=False,
        remark="No run has been tested yet.",
        imprint=imprint(sweep, "Which Classes Are Taken for Which", *notes),
    )


def of_run(run: Run) -> Confusions:
    """The confusion of one run."""
    panels = (ScaleConfusion(run.scale, _sum([run.evaluation])),) if run.evaluation else ()
    return Confusions(
        panels=panels,
        class_names=tuple(CATALOGUE[run.config.dataset].class_names),
        as_counts=True,
        remark="Not tested: the run was trained by a program that did not test yet."
        if run.status is RunStatus.SUCCEEDED
        else f"Not tested: the run is {run.status}.",
        imprint=imprint(
            run,
            f"Which Classes Are Taken for Which at Noise Scale {run.scale:g}",
            "Validation images; the diagonal is right, and its share of the row is at the right.",
        ),
    )


def _sum(evaluations: Sequence[Evaluation]) -> Counts:
    total = np.sum([evaluation.confusion for evaluation in evaluations], axis=0)
    return tuple(tuple(int(count) for count in row) for row in total)


def _meaning(names: Sequence[str]) -> list[str]:
    """What the labels stand for, where that is something else."""
    labels = [f"{label} {name}" for label, name in enumerate(names) if name != str(label)]
    return [f"{', '.join(labels)}."] if labels else []


def shares(counts: Counts) -> tuple[tuple[float, ...], ...]:
    """The counts as fractions of their row, which is all 0 where it has no image."""
    return tuple(tuple(count / (sum(row) or 1) for count in row) for row in counts)


def accuracy(counts: Counts) -> float:
    """The share of all images that are on the diagonal, in [0, 1]."""
    return sum(row[label] for label, row in enumerate(counts)) / (sum(map(sum, counts)) or 1)


def draw(data: Confusions, options: Options = PLAIN) -> bytes:
    """A panel for each scale, or one with the counts for a run; before there is any, a line that says so."""
    columns = columns_of(len(data.panels) or 1)
    rows = ceil((len(data.panels) or 1) / columns)
    side = 5.2 if columns == 1 else 3.1
    width, height = side * columns + (2.8 if data.as_counts else 1.9), side * rows + 1.6
    return render(_draw, data, options, min(MOST_INCHES, width), min(MOST_INCHES, height))


def _draw(sheet: Sheet, data: Confusions) -> None:
    if not data.panels:
        sheet.remark(data.remark)
        return
    heatmap.draw_colour_scale(sheet, "Share of the true class")
    draw_panels = _draw_run if data.as_counts else _draw_sweep
    draw_panels(sheet, data)


def _draw_run(sheet: Sheet, data: Confusions) -> None:
    em, names, counts = sheet.em, data.class_names, data.panels[0].counts
    longest = max(map(len, names))
    room = max(2.5, 0.62 * longest) * em
    box = sheet.body.inset(
        left=room + 3.4 * em, right=4.5 * em, bottom=3.8 * em if longest == 1 else 0.75 * room + 2.5 * em
    )
    panel = _panel(sheet, box, names)
    heatmap.draw_cells(panel, shares(counts), [[f"{count}" if count else "" for count in row] for row in counts])
    for label, row in enumerate(shares(counts)):
        words = f"{100 * row[label]:.1f} %"
        sheet.text(panel.box.right + 0.6 * em, panel.y(label), words, SMALL, ha="left", va="center_baseline")
    ticks = [Tick(label, name) for label, name in enumerate(names)]
    panel.y_labels(ticks, "True class")
    if longest == 1:
        panel.x_labels(ticks, "Predicted class")
        return
    style: dict[str, Any] = {"rotation": 35, "ha": "right", "va": "top", "rotation_mode": "anchor"}
    for tick in ticks:
        sheet.text(panel.x(tick.place) + 0.4 * em, panel.box.bottom - 0.7 * em, tick.label, **style)
    middle = (panel.box.left + panel.box.right) / 2
    sheet.text(middle, panel.box.bottom - 0.75 * room, "Predicted class", ha="center", va="top")


def _draw_sweep(sheet: Sheet, data: Confusions) -> None:
    em, columns = sheet.em, columns_of(len(data.panels))
    rows = ceil(len(data.panels) / columns)
    body = sheet.body.inset(left=3.6 * em, bottom=3.4 * em, top=1.2 * em)
    for place, (at, box) in enumerate(zip(data.panels, body.split(columns, rows, 1.2 * em, 2.6 * em), strict=False)):
        panel = _panel(sheet, box, data.class_names)
        cells = shares(at.counts)
        heatmap.draw_cells(
            panel, cells, [[f"{100 * cell:.0f}" if cell >= LEAST_SHARE else "" for cell in row] for row in cells]
        )
        _label_classes(panel, len(at.counts), across=place + columns >= len(data.panels), up=place % columns == 0)
        scale = f"scale {at.scale:g}" if at.scale else words_of_scale(0)
        title = f"{scale}: {100 * accuracy(at.counts):.1f} % right"
        sheet.text(panel.x((len(at.counts) - 1) / 2), panel.box.top + 0.3 * em, title, SMALL, ha="center", va="bottom")
    sheet.text((body.left + body.right) / 2, body.bottom - 1.8 * em, "Predicted class", ha="center", va="top")
    sheet.text(body.left - 1.8 * em, (body.bottom + body.top) / 2, "True class", ha="right", va="center", rotation=90)


def _label_classes(panel: Panel, classes: int, *, across: bool, up: bool) -> None:
    """Label the classes by their numbers, at the outer panels alone."""
    sheet, em = panel.sheet, panel.sheet.em
    size = min(SMALL, 0.9 * panel.box.height / classes / em)
    for label in range(classes):
        if across:
            sheet.text(panel.x(label), panel.box.bottom - 0.3 * em, f"{label}", size, ha="center", va="top")
        if up:
            style = {"ha": "right", "va": "center_baseline"}
            sheet.text(panel.box.left - 0.4 * em, panel.y(label), f"{label}", size, **style)


def _panel(sheet: Sheet, box: Box, names: Sequence[str]) -> Panel:
    classes = len(names)
    return sheet.panel(box.square(), (-0.5, classes - 0.5), (classes - 0.5, -0.5), least_width=10.5)
