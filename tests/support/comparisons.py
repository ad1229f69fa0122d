"""Pairs of ended sweeps, and their comparison with and without one bit for each image."""

from collections.abc import Mapping

import numpy as np

from api.science.comparison import compare
from noisesweep.models import Comparison, Evaluation, RunStatus, Sweep, TrainingConfig
from shared.bits import pack_bits
from tests.support.measured import End, measured_sweep

IMAGES = 200
FIXED = {0.0: 0.96, 0.5: 0.9, 1.0: 0.7, 2.0: 0.4, 4.0: 0.2}
FRESH = {0.0: 0.96, 0.5: 0.94, 1.0: 0.8, 2.0: 0.5, 4.0: 0.25}
RESAMPLE = TrainingConfig(resample=True)


def moved(curve: Mapping[float, float], shift: float) -> dict[float, End]:
    return {scale: value + shift for scale, value in curve.items()}


def curves(curve: Mapping[float, float], *shifts: float) -> list[dict[float, End]]:
    return [moved(curve, shift) for shift in shifts]


def sweep(*of_seeds: Mapping[float, End], config: TrainingConfig | None = None, number: int = 0) -> Sweep:
    return measured_sweep(*of_seeds, config=config).model_copy(update={"id": f"{number:016x}"})


def first_right(sweep: Sweep) -> list[Evaluation | None]:
    """Return evaluations with the val_accuracy of the runs, in which the first images are right."""
    return [
        evaluated(np.arange(IMAGES) < round(run.latest_metrics.val_accuracy * IMAGES))
        if run.status is RunStatus.SUCCEEDED and run.latest_metrics
        else None
        for run in sweep.runs
    ]


def evaluated(correct: np.ndarray) -> Evaluation:
    accuracy = float(correct.mean())
    return Evaluation(
        test_scales=[0.0], val_accuracy=[accuracy], confusion=[[len(correct)]], correct=pack_bits(correct)
    )


def without_bits(first: Sweep, second: Sweep) -> Comparison:
    return compare(first, second, [None] * len(first.runs), [None] * len(second.runs))


def with_bits(first: Sweep, second: Sweep) -> Comparison:
    return compare(first, second, first_right(first), first_right(second))
