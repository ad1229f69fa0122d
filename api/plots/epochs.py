"""Plots by epoch: accuracy and loss of a run, and accuracy of a sweep with one panel per scale."""

from collections.abc import Callable, Sequence
from math import ceil
from statistics import fmean

from api.plots.axes import Axis, scale_title
from api.plots.caption import caption, progress_note
from api.plots.data import MAX_INCHES, Curve, Marks, Panel, PlotData, Point, column_count, fraction_axis
from api.plots.theme import BEST, CLEAN, KEPT, TRAINING, VALIDATION, StyleName
from noisesweep.models import EpochMetrics, Run, RunStatus, RunSummary, Sweep
from noisesweep.models.float32 import format_number

Value = Callable[[EpochMetrics], float]
# Sentences that explain the marks where no legend does, by line style.
READINGS = {BEST: "Cross: smallest validation loss.", KEPT: "Star: the epoch that is reported."}
# A run and the metrics of its finished epochs.
Trained = tuple[RunSummary, Sequence[EpochMetrics]]


def of_run(run: Run) -> PlotData:
    """Return the accuracy and loss of each epoch that the run has finished."""
    progress = f"{run.status.capitalize()}: {run.epochs_done} of {run.config.epochs} epochs."
    notes = [] if run.status is RunStatus.SUCCEEDED else [progress]
    most = max((max(metrics.loss, metrics.val_loss) for metrics in run.epochs), default=0) or 1.0
    x_axis, trained = _epoch_axis(run.config.epochs), [(run, run.epochs)]
    return PlotData(
        caption=caption(run, f"Training at Noise Scale {format_number(run.scale)}", *notes),
        panels=(
            _accuracy_panel(x_axis, trained),
            _panel(
                x_axis,
                Axis(label="Loss (cross-entropy, nats)", limits=(0, 1.05 * most)),
                trained,
                training=lambda at: at.loss,
                validation=lambda at: at.val_loss,
            ),
        ),
        columns=2,
        epochs_done=(len(run.epochs),),
        size=(10, 4.5),
    )


def of_sweep(sweep: Sweep, epochs: Sequence[Sequence[EpochMetrics]]) -> PlotData:
    """Return a panel for each scale. Each mean is over the seeds that have finished the epoch.

    If the sweep has scale 0, its validation curve is shown in every panel for comparison.

    Args:
        sweep: The sweep.
        epochs: Metrics of the finished epochs of each run, by run index.
    """
    by_scale: dict[float, list[Trained]] = {}
    for run, metrics in zip(sweep.runs, epochs, strict=True):
        by_scale.setdefault(run.scale, []).append((run, metrics))
    seeds, progress = len({run.seed for run in sweep.runs}), progress_note(sweep)
    notes = [f"Mean of {seeds} seeds."] if seeds > 1 else []
    if seeds > 1 and (progress or len(set(map(len, epochs))) > 1):
        notes = ["Mean of the seeds that have finished each epoch."]
    notes += [f"{progress}."] if progress else []
    x_axis = _epoch_axis(sweep.config.epochs)
    panels = [
        _accuracy_panel(x_axis, runs).model_copy(update={"title": scale_title(scale), "scale": scale})
        for scale, runs in sorted(by_scale.items())
    ]
    if any(metrics for _, metrics in by_scale.get(0.0, ())):
        clean = panels[0].curves[1].model_copy(update={"name": "Validation without noise", "style": CLEAN})
        panels[1:] = [panel.model_copy(update={"curves": (*panel.curves, clean)}) for panel in panels[1:]]
    columns = column_count(len(panels))
    rows = ceil(len(panels) / columns)
    return PlotData(
        caption=caption(sweep, "Accuracy by Epoch at Each Noise Scale", *notes),
        panels=tuple(panels),
        columns=columns,
        epochs_done=tuple(map(len, epochs)),
        size=(min(MAX_INCHES, max(7.0, 1.0 + 2.8 * columns)), min(MAX_INCHES, 2.0 + 2.2 * max(rows, 1.5))),
    )


def _epoch_axis(epochs: int) -> Axis:
    return Axis(label="Epoch, counted from 0", limits=(-0.5, epochs - 0.5), integer=True)


def _accuracy_panel(x_axis: Axis, runs: Sequence[Trained]) -> Panel:
    return _panel(
        x_axis,
        fraction_axis("Accuracy"),
        runs,
        training=lambda at: at.accuracy,
        validation=lambda at: at.val_accuracy,
    )


def _panel(
    x_axis: Axis,
    y_axis: Axis,
    runs: Sequence[Trained],
    *,
    training: Value,
    validation: Value,
) -> Panel:
    epochs = [metrics for _, metrics in runs]
    curves = (_curve("Train", TRAINING, epochs, training), _curve("Validation", VALIDATION, epochs, validation))
    marks = _marks(runs, validation)
    notes = tuple(READINGS[mark.style] for mark in marks)
    return Panel(x_axis=x_axis, y_axis=y_axis, curves=curves, marks=marks, notes=notes)


def _marks(runs: Sequence[Trained], validation: Value) -> tuple[Marks, ...]:
    """Mark the epoch with the smallest validation loss of each run, and the epoch whose weights it has kept."""
    best = [min(metrics, key=lambda at: at.val_loss) for _, metrics in runs if metrics]
    kept = [
        run.kept.metrics if run.kept else metrics[-1]
        for run, metrics in runs
        if run.status is RunStatus.SUCCEEDED and metrics
    ]
    named = (("Smallest validation loss", BEST, best), ("Reported epoch", KEPT, kept))
    return tuple(
        Marks(name=name, style=style, points=tuple((at.epoch, validation(at)) for at in epochs))
        for name, style, epochs in named
        if epochs
    )


def _curve(name: str, style: StyleName, runs: Sequence[Sequence[EpochMetrics]], value: Value) -> Curve:
    longest = max(len(epochs) for epochs in runs)
    by_epoch = [[value(epochs[epoch]) for epochs in runs if epoch < len(epochs)] for epoch in range(longest)]
    points = tuple(Point(x=epoch, mean=fmean(values), seeds=len(values)) for epoch, values in enumerate(by_epoch))
    return Curve(name=name, style=style, points=points)
