"""Sweeps whose runs have ended at figures that a test gives."""

from collections.abc import Mapping

from noisesweep.models import EpochMetrics, RunStatus, RunSummary, Sweep, TrainingConfig
from tests.support.records import run_summary, sweep_of

# What became of a run: its val_accuracy where it has succeeded.
End = float | RunStatus


def measured(*curves: Mapping[float, End], config: TrainingConfig | None = None) -> Sweep:
    """A sweep with a curve for each of the seeds 0, 1, 2, ...: by scale, how the run ended.

    The accuracy is half of the way from the val_accuracy to 1.
    """
    runs: list[RunSummary] = []
    for seed, curve in enumerate(curves):
        for scale, end in curve.items():
            status = end if isinstance(end, RunStatus) else RunStatus.SUCCEEDED
            metrics = metrics_of(0.5 if isinstance(end, RunStatus) else end)
            runs.append(run_summary(len(runs), scale, status, seed=seed, metrics=metrics))
    sweep = sweep_of(runs)
    return sweep.model_copy(update={"config": config}) if config else sweep


def metrics_of(val_accuracy: float) -> EpochMetrics:
    accuracy = (1 + val_accuracy) / 2
    return EpochMetrics(epoch=19, loss=0, accuracy=accuracy, val_loss=0, val_accuracy=val_accuracy, seconds=1)
