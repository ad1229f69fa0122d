"""Ended sweeps with the results that a test specifies."""

from collections.abc import Mapping

from noisesweep.models import EpochMetrics, Kept, RunStatus, RunSummary, Sweep, TrainingConfig
from tests.support.records import run_summary, sweep_of

# Result of a run: its val_accuracy if it succeeded, otherwise its status.
End = float | RunStatus


def measured_sweep(*curves: Mapping[float, End], config: TrainingConfig | None = None) -> Sweep:
    """Return a sweep with one curve for each of the seeds 0, 1, 2, ...; a curve is a result by scale.

    The training accuracy is half-way between the val_accuracy and 1.
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


def held_out(sweep: Sweep, test_accuracy: float, **config: object) -> Sweep:
    """Return the sweep with a holdout and this test accuracy of each succeeded run, which has kept its last epoch."""
    runs = [
        run.model_copy(
            update={"kept": Kept(metrics=run.latest_metrics, test_loss=1.0, test_accuracy=test_accuracy)}
            if run.status is RunStatus.SUCCEEDED and run.latest_metrics
            else {}
        )
        for run in sweep.runs
    ]
    fields = sweep.config.model_dump(mode="json") | {"holdout": 100} | config
    return sweep.model_copy(update={"runs": runs, "config": TrainingConfig.model_validate(fields)})
