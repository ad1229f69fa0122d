"""Sweeps and runs as the API speaks of them, made up."""

from collections.abc import Sequence

from shared.models import EpochMetrics, RunStatus, RunSummary, Sweep, TrainingConfig

SWEEP_ID = "0123456789abcdef"


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
            "attempts": 1,
            "epochs_done": 1,
            "latest_metrics": metrics,
            "error": None,
            "weights_sha256": None,
            "keep_model": False,
            "started_at": None,
            "ended_at": None,
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
        }
    )
