"""Accuracy and loss of one run against the epoch."""

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from api.plots.png import TRAINING, VALIDATION, axes_of_fraction, describe, render, style
from shared.models import Run, RunStatus


def draw(run: Run) -> bytes:
    """The run's epochs so far as a PNG of 1500 x 675 pixels; before the first, the axes and the run's status."""
    return render(lambda figure: _draw(figure, run), width=10, height=4.5)


def _draw(figure: Figure, run: Run) -> None:
    config = run.config
    caption = f"{config.dataset}, batch size {config.batch_size}, {config.precision}, seed {run.seed} (run {run.id})"
    if run.status is not RunStatus.SUCCEEDED:
        caption += f": {run.status}, {run.epochs_done} of {config.epochs} epochs"
    figure.suptitle(f"Training at Noise Scale {run.scale:g}")
    describe(figure, caption)
    accuracy, loss = figure.subplots(1, 2)
    epochs = [metrics.epoch for metrics in run.epochs]
    accuracy.plot(epochs, [metrics.accuracy for metrics in run.epochs], label="Train", **TRAINING)
    accuracy.plot(epochs, [metrics.val_accuracy for metrics in run.epochs], label="Validation", **VALIDATION)
    loss.plot(epochs, [metrics.loss for metrics in run.epochs], label="Train", **TRAINING)
    loss.plot(epochs, [metrics.val_loss for metrics in run.epochs], label="Validation", **VALIDATION)
    axes_of_fraction(accuracy)
    loss.set_ylim(bottom=0)
    accuracy.set_ylabel("Accuracy")
    loss.set_ylabel("Loss (cross-entropy, nats)")
    accuracy.legend(loc="lower right")
    loss.legend(loc="best")
    for axes in (accuracy, loss):
        style(axes)
        axes.set_xlabel("Epoch")
        axes.set_xlim(-0.5, config.epochs - 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
