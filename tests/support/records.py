"""Invented sweeps and runs in the format of the API, and the notebook's config."""

from collections.abc import Sequence

from noisesweep.models import EpochMetrics, Evaluation, RunStatus, RunSummary, Sweep, TrainingConfig

SWEEP_ID = "0123456789abcdef"
# The default config, which is that of the notebook.
NOTEBOOK_CONFIG = {
    "dataset": "mnist",
    "own_dataset": None,
    "epochs": 20,
    "batch_size": 128,
    "model": {"kind": "mlp", "hidden_units": [512, 512]},
    "dropout": 0.2,
    "learning_rate": 0.001,
    "precision": "float32",
    "noise": "gaussian",
    "test_noise": {},
    "noise_on": "both",
    "clip": False,
    "resample": False,
    "holdout": 0,
    "keep": "last",
    "patience": None,
}


def run_summary(
    index: int, scale: float, status: RunStatus, *, seed: int = 0, metrics: EpochMetrics | None = None
) -> RunSummary:
    return RunSummary.model_validate(
        {
            "id": f"{SWEEP_ID}-{index}",
            "scale": scale,
            "seed": seed,
            "status": status,
            "cancel_requested": False,
            "worker": "1@here",
            "device": "cpu",
            "attempts": 1,
            "epochs_done": 1,
            "latest_metrics": metrics,
            "error": None,
            "weights_sha256": None,
            "numerics": 1,
            "keep_model": False,
            "reused_from": None,
            "started_at": None,
            "ended_at": None,
            "links": {"self": f"/runs/{SWEEP_ID}-{index}", "plot": "", "events": "", "model": None},
        }
    )


def sweep_of(runs: Sequence[RunSummary], epochs: int = 20) -> Sweep:
    return Sweep.model_validate(
        {
            "id": SWEEP_ID,
            "version": 1,
            "name": None,
            "tags": {},
            "created_at": "2026-01-01T00:00:00Z",
            "config": TrainingConfig(epochs=epochs),
            "scales": list(dict.fromkeys(run.scale for run in runs)),
            "seeds": list(dict.fromkeys(run.seed for run in runs)),
            "status_detail": None,
            "runs": runs,
            "links": {
                "self": f"/sweeps/{SWEEP_ID}",
                "plot": "",
                "events": "",
                "results": "",
                "summary": "",
                "runs": [],
            },
        }
    )


def evaluation(test_scales: Sequence[float] = (0.0,), val_accuracy: float | None = None) -> Evaluation:
    """Return the evaluation of a network that confuses a tenth of each class with the next class.

    The val_accuracy is 1 / (1 + scale) if None.
    """
    confusion = [[90 if predicted == label else 0 for predicted in range(10)] for label in range(10)]
    for label in range(10):
        confusion[label][(label + 1) % 10] = 10
    accuracies = [1 / (1 + scale) if val_accuracy is None else val_accuracy for scale in test_scales]
    return Evaluation(test_scales=list(test_scales), val_accuracy=accuracies, confusion=confusion)
