"""Accuracy against the epoch, a panel for each scale of a sweep, with the clean run beside each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from statistics import fmean

from api.plots.caption import Imprint, imprint, remark
from api.plots.layout import SMALL, Sheet
from api.plots.options import PLAIN, Options
from api.plots.picture import render
from api.plots.scales import words_of_scale
from api.plots.ticks import FRACTION_LIMITS, FRACTIONS, round_ticks
from noisesweep.models import EpochMetrics, Sweep

# Columns to rows.
ASPECT = 1.4
MOST_INCHES = 12.0


@dataclass(frozen=True)
class ScaleCurves:
    """The epochs of one scale so far.

    Attributes:
        scale: The scale.
        accuracy: Of each epoch from 0 on, the mean over the seeds that have come so far.
        val_accuracy: Likewise.
    """

    scale: float
    accuracy: tuple[float, ...]
    val_accuracy: tuple[float, ...]


@dataclass(frozen=True)
class EpochPanels:
    """What is drawn of a sweep.

    Attributes:
        curves: One for each scale, ascending.
        epochs: How many there are to be: the extent of the x axes.
        imprint: The picture's words.
    """

    curves: tuple[ScaleCurves, ...]
    epochs: int
    imprint: Imprint


def panels(sweep: Sweep, epochs: Sequence[Sequence[EpochMetrics]]) -> EpochPanels:
    """The curves of every scale.

    Args:
        sweep: The sweep.
        epochs: Those of its runs so far, by index.
    """
    by_scale: dict[float, list[Sequence[EpochMetrics]]] = {}
    for run, metrics in zip(sweep.runs, epochs, strict=True):
        by_scale.setdefault(run.scale, []).append(metrics)
    seeds, standing = len({run.seed for run in sweep.runs}), remark(sweep)
    notes = [f"Mean of {seeds} seeds."] if seeds > 1 else []
    if seeds > 1 and standing:
        notes = ["Mean of the seeds that have come to each epoch."]
    return EpochPanels(
        curves=tuple(
            ScaleCurves(
                scale,
                _mean_by_epoch(by_scale[scale], lambda metrics: metrics.accuracy),
                _mean_by_epoch(by_scale[scale], lambda metrics: metrics.val_accuracy),
            )
            for scale in sorted(by_scale)
        ),
        epochs=sweep.config.epochs,
        imprint=imprint(
            sweep, "Accuracy by Epoch at Each Noise Scale", *notes, *([f"{standing}."] if standing else [])
        ),
    )


def _mean_by_epoch(runs: Sequence[Sequence[EpochMetrics]], of: Callable[[EpochMetrics], float]) -> tuple[float, ...]:
    longest = max(len(epochs) for epochs in runs)
    return tuple(fmean(of(epochs[epoch]) for epochs in runs if epoch < len(epochs)) for epoch in range(longest))


def columns_of(count: int) -> int:
    """In how many columns so many panels stand."""
    return min(count, ceil(sqrt(ASPECT * count)))


def draw(data: EpochPanels, options: Options = PLAIN) -> bytes:
    """The panels; before the first epoch, their axes."""
    columns = columns_of(len(data.curves))
    rows = ceil(len(data.curves) / columns)
    width, height = min(MOST_INCHES, max(7.0, 1.0 + 2.8 * columns)), min(MOST_INCHES, 2.0 + 2.2 * max(rows, 1.5))
    return render(_draw, data, options, width, height)


def _draw(sheet: Sheet, data: EpochPanels) -> None:
    em, theme = sheet.em, sheet.theme
    clean = next((curves.val_accuracy for curves in data.curves if curves.scale == 0), ())
    looks = [("Train", theme.training), ("Validation", theme.validation)]
    sheet.legend([*looks, ("Validation without noise", theme.clean)] if clean and len(data.curves) > 1 else looks)
    columns = columns_of(len(data.curves))
    rows = ceil(len(data.curves) / columns)
    body = sheet.body.inset(left=5 * em, bottom=3.6 * em, top=1.6 * em)
    boxes = body.split(columns, rows, across=0.9 * em, down=2.2 * em)
    limits = (-0.5, data.epochs - 0.5)
    for place, (curves, box) in enumerate(zip(data.curves, boxes, strict=False)):
        panel = sheet.panel(box, limits, FRACTION_LIMITS, least_width=6)
        is_lowest, is_leftmost = place + columns >= len(data.curves), place % columns == 0
        strength, marks = 0.8 if columns > 1 else 1.0, _marks(panel.characters, data.epochs)
        if curves.scale > 0:
            panel.line(range(len(clean)), clean, theme.clean, strength)
        for values, look in ((curves.accuracy, theme.training), (curves.val_accuracy, theme.validation)):
            panel.line(range(len(values)), values, look, strength, markevery=marks)
        panel.x_axis(round_ticks(*limits, panel.labels_across, whole=True), labelled=is_lowest)
        panel.y_axis(FRACTIONS if panel.labels_up >= len(FRACTIONS) else FRACTIONS[::5], labelled=is_leftmost)
        panel.frame()
        title = f"scale {curves.scale:g}" if curves.scale else words_of_scale(0)
        sheet.text((box.left + box.right) / 2, box.top + 0.25 * em, title, size=SMALL, ha="center", va="bottom")
    sheet.text((body.left + body.right) / 2, body.bottom - 2.1 * em, "Epoch", ha="center", va="top")
    sheet.text(body.left - 3.4 * em, (body.bottom + body.top) / 2, "Accuracy", ha="right", va="center", rotation=90)


def _marks(characters: float, epochs: int) -> int:
    """Every how many epochs a curve has a marker, so that they do not hide it."""
    return max(1, round(2 * epochs / characters))
