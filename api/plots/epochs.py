"""Accuracy and loss of one run against the epoch."""

from dataclasses import dataclass

from api.plots.caption import Imprint, imprint
from api.plots.layout import Sheet
from api.plots.options import PLAIN, Options
from api.plots.picture import render
from api.plots.ticks import FRACTION_LIMITS, FRACTIONS, round_ticks
from noisesweep.models import EpochMetrics, Run, RunStatus


@dataclass(frozen=True)
class EpochCurves:
    """What is drawn of a run.

    Attributes:
        metrics: Those of its epochs so far, in order.
        epochs: How many there are to be: the extent of the x axis.
        imprint: The picture's words; they tell how far the run is where it has not succeeded.
    """

    metrics: tuple[EpochMetrics, ...]
    epochs: int
    imprint: Imprint


def curves(run: Run) -> EpochCurves:
    """The curves of the run's epochs so far."""
    standing = f"{run.status.capitalize()}: {run.epochs_done} of {run.config.epochs} epochs."
    notes = [] if run.status is RunStatus.SUCCEEDED else [standing]
    title = f"Training at Noise Scale {run.scale:g}"
    return EpochCurves(tuple(run.epochs), run.config.epochs, imprint(run, title, *notes))


def draw(data: EpochCurves, options: Options = PLAIN) -> bytes:
    """The curves, by default as a PNG of 1500 x 675 pixels; before the first epoch, the axes."""
    return render(_draw, data, options, width=10, height=4.5)


def _draw(sheet: Sheet, data: EpochCurves) -> None:
    em, theme = sheet.em, sheet.theme
    sheet.legend([("Train", theme.training), ("Validation", theme.validation)])
    body = sheet.body.inset(left=5 * em, bottom=3.6 * em)
    accuracy_box, loss_box = body.split(columns=2, rows=1, across=5.5 * em, down=0)
    epochs, limits = [metrics.epoch for metrics in data.metrics], (-0.5, data.epochs - 0.5)
    most = max((max(metrics.loss, metrics.val_loss) for metrics in data.metrics), default=0) or 1.0
    accuracy = sheet.panel(accuracy_box, limits, FRACTION_LIMITS)
    # The label of the axis is as long.
    loss = sheet.panel(loss_box, limits, (0, 1.05 * most), least_height=15)
    accuracy.y_axis(FRACTIONS, "Accuracy")
    loss.y_axis(round_ticks(0, 1.05 * most, loss.labels_up), "Loss (cross-entropy, nats)")
    accuracy.line(epochs, [metrics.accuracy for metrics in data.metrics], theme.training)
    accuracy.line(epochs, [metrics.val_accuracy for metrics in data.metrics], theme.validation)
    loss.line(epochs, [metrics.loss for metrics in data.metrics], theme.training)
    loss.line(epochs, [metrics.val_loss for metrics in data.metrics], theme.validation)
    for panel in (accuracy, loss):
        panel.x_axis(round_ticks(*limits, panel.labels_across, whole=True), "Epoch")
        panel.frame()
