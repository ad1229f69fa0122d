"""Accuracy against noise scale: the notebook's picture."""

from collections import Counter
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from matplotlib.figure import Figure

from api.plots.png import GREY, TRAINING, VALIDATION, axes_of_fraction, describe, render, style
from shared.models import EpochMetrics, RunStatus, Sweep


@dataclass(frozen=True)
class AccuracyCurve:
    """The points of the curve and what is to be said beside it.

    Attributes:
        scales: The scales with a succeeded run, ascending.
        accuracy: Training accuracy at the last epoch for each of them, the mean over its succeeded seeds.
        val_accuracy: Validation accuracy likewise.
        all_scales: Every scale of the sweep, ascending: the extent of the x axis.
        caption: What was trained, and which sweep it is.
        remark: What is still to come or went wrong; None where every run succeeded.
    """

    scales: tuple[float, ...]
    accuracy: tuple[float, ...]
    val_accuracy: tuple[float, ...]
    all_scales: tuple[float, ...]
    caption: str
    remark: str | None


def curve(sweep: Sweep) -> AccuracyCurve:
    """The curve of the runs that have succeeded so far."""
    last: dict[float, list[EpochMetrics]] = {}
    for run in sweep.runs:
        if run.status is RunStatus.SUCCEEDED and run.latest_metrics:
            last.setdefault(run.scale, []).append(run.latest_metrics)
    scales = sorted(last)
    return AccuracyCurve(
        scales=tuple(scales),
        accuracy=tuple(fmean(metrics.accuracy for metrics in last[scale]) for scale in scales),
        val_accuracy=tuple(fmean(metrics.val_accuracy for metrics in last[scale]) for scale in scales),
        all_scales=tuple(sorted(sweep.scales)),
        caption=_caption(sweep),
        remark=_remark(sweep),
    )


def _caption(sweep: Sweep) -> str:
    config = sweep.config
    seeds = f"seed {sweep.seeds[0]}" if len(sweep.seeds) == 1 else f"mean of {len(sweep.seeds)} seeds"
    epochs = _counted(config.epochs, "epoch")
    return f"{config.dataset}, {epochs}, batch size {config.batch_size}, {config.precision}, {seeds} (sweep {sweep.id})"


def _remark(sweep: Sweep) -> str | None:
    counts = Counter(run.status for run in sweep.runs)
    others = [
        f"{counts[status]} {status}" for status in RunStatus if status is not RunStatus.SUCCEEDED and counts[status]
    ]
    if not others:
        return None
    succeeded = counts[RunStatus.SUCCEEDED]
    done = f"{succeeded} of {_counted(len(sweep.runs), 'run')} succeeded" if succeeded else "No run has succeeded"
    return f"{done}: {', '.join(others)}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def draw(data: AccuracyCurve) -> bytes:
    """The curve as a PNG of 1200 x 825 pixels; with no point yet, the axes and the remark."""
    return render(_draw, data, width=8, height=5.5)


def _draw(figure: Figure, data: AccuracyCurve) -> None:
    axes = figure.subplots()
    axes.set_title("Accuracy of Model With Increasing Noise")
    describe(figure, data.caption)
    style(axes)
    axes_of_fraction(axes)
    axes.set_xlabel("Scale")
    axes.set_ylabel("Accuracy")
    margin = 0.04 * (data.all_scales[-1] - data.all_scales[0]) or 0.5
    axes.set_xlim(data.all_scales[0] - margin, data.all_scales[-1] + margin)
    if data.scales:
        axes.plot(data.scales, data.accuracy, label="Train", **TRAINING)
        axes.plot(data.scales, data.val_accuracy, label="Validation", **VALIDATION)
        axes.legend()
    if data.remark:
        place: dict[str, Any] = (
            {"x": 0.02, "y": 0.03, "ha": "left"} if data.scales else {"x": 0.5, "y": 0.5, "ha": "center"}
        )
        axes.text(s=data.remark, transform=axes.transAxes, color=GREY, **place)
