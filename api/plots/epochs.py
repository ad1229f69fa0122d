"""Accuracy and loss of one run against the epoch."""

from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from api.plots.png import TRAINING, VALIDATION, axes_of_fraction, describe, render, style
from shared.models import EpochMetrics, Run, RunStatus


@dataclass(frozen=True)
class EpochCurves:
    """What is drawn of a run.

    Attributes:
        metrics: Those of its epochs so far, in order.
        epochs: How many there are to be: the extent of the x axis.
        title: At which scale it trains.
        caption: What is trained, which run it is, and how far it is where it has not succeeded.
    """

    metrics: tuple[EpochMetrics, ...]
    epochs: int
    title: str
    caption: str


def curves(run: Run) -> EpochCurves:
    """The curves of the run's epochs so far."""
    config = run.config
    caption = f"{config.dataset}, batch size {config.batch_size}, {config.precision}, seed {run.seed} (run {run.id})"
    if run.status is not RunStatus.SUCCEEDED:
        caption += f": {run.status}, {run.epochs_done} of {config.epochs} epochs"
    title = f"Training at Noise Scale {run.scale:g}"
    return EpochCurves(metrics=tuple(run.epochs), epochs=config.epochs, title=title, caption=caption)


def draw(data: EpochCurves) -> bytes:
    """The curves as a PNG of 1500 x 675 pixels; before the first epoch, the axes."""
    return render(_draw, data, width=10, height=4.5)


def _draw(figure: Figure, data: EpochCurves) -> None:
    figure.suptitle(data.title)
    describe(figure, data.caption)
    accuracy, loss = figure.subplots(1, 2)
    epochs = [metrics.epoch for metrics in data.metrics]
    accuracy.plot(epochs, [metrics.accuracy for metrics in data.metrics], label="Train", **TRAINING)
    accuracy.plot(epochs, [metrics.val_accuracy for metrics in data.metrics], label="Validation", **VALIDATION)
    loss.plot(epochs, [metrics.loss for metrics in data.metrics], label="Train", **TRAINING)
    loss.plot(epochs, [metrics.val_loss for metrics in data.metrics], label="Validation", **VALIDATION)
    axes_of_fraction(accuracy)
    loss.set_ylim(bottom=0)
    accuracy.set_ylabel("Accuracy")
    loss.set_ylabel("Loss (cross-entropy, nats)")
    accuracy.legend(loc="lower right")
    loss.legend(loc="best")
    for axes in (accuracy, loss):
        style(axes)
        axes.set_xlabel("Epoch")
        axes.set_xlim(-0.5, data.epochs - 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
