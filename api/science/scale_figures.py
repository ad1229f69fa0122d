"""Statistics by noise scale over the trained networks of the succeeded runs.

Two scales are compared seed by seed, because runs of one seed share all random draws. The mean and the interval over
seeds are computed last.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from api.science.intervals import accuracy, crossed, difference, over_seeds, simultaneous
from noisesweep.models import Bounds, EpochMetrics, Evaluation, Interval, NoiseOn, RunStatus, ScaleFigures, Sweep
from shared.bits import unpack_bits
from shared.datasets import facts_of

# Metrics of the trained networks of one scale, by seed.
BySeed = dict[int, EpochMetrics]


def final_metrics(sweep: Sweep) -> dict[float, BySeed]:
    """Return the metrics of each succeeded run's trained network, by ascending scale and then by seed.

    With a holdout, val_loss and val_accuracy are those on the test images.
    """
    final: dict[float, BySeed] = {}
    for run in sorted(sweep.runs, key=lambda run: (run.scale, run.seed)):
        if run.status is RunStatus.SUCCEEDED and run.final_metrics:
            final.setdefault(run.scale, {})[run.seed] = run.final_metrics
    return final


def validation_images(sweep: Sweep) -> int:
    """Return the number of images that trained networks are judged by: the test images of the data set."""
    return facts_of(sweep.config).validation_images


def figures(sweep: Sweep, evaluations: Sequence[Evaluation | None] = ()) -> list[ScaleFigures]:
    """Return the statistics of each scale that has a succeeded run, by ascending scale.

    Args:
        sweep: The sweep.
        evaluations: The evaluation of each run, by run index. If empty, the statistics made from them are None.
    """
    final, images = final_metrics(sweep), validation_images(sweep)
    clean, scales = final.get(0.0, {}), len({run.scale for run in sweep.runs})
    evaluated: dict[float, list[Evaluation | None]] = {}
    for run, evaluation in zip(sweep.runs, evaluations, strict=bool(evaluations)):
        if run.status is RunStatus.SUCCEEDED:
            evaluated.setdefault(run.scale, []).append(evaluation)
    return [
        ScaleFigures(
            scale=scale,
            accuracy=accuracy([end.accuracy for end in runs.values()]),
            val_accuracy=accuracy([end.val_accuracy for end in runs.values()], images),
            simultaneous=simultaneous([end.val_accuracy for end in runs.values()], scales),
            noise_gap=_noise_gap(sweep, evaluated.get(scale, ())),
            image_gap=_image_gap(evaluated.get(scale, ())),
            seeds_and_images=_crossed(evaluated.get(scale, ())),
            drop_from_clean=accuracy_drop(clean, runs, images),
        )
        for scale, runs in final.items()
    ]


def _noise_gap(sweep: Sweep, evaluations: Iterable[Evaluation | None]) -> Interval | None:
    gaps = [each.gaps.training - each.gaps.fresh for each in evaluations if each and each.gaps]
    return over_seeds(gaps) if gaps and sweep.config.noise_on is NoiseOn.BOTH else None


def _image_gap(evaluations: Iterable[Evaluation | None]) -> Interval | None:
    gaps = [
        each.gaps.fresh - np.trace(each.confusion) / np.sum(each.confusion)
        for each in evaluations
        if each and each.gaps
    ]
    return over_seeds(list(map(float, gaps))) if gaps else None


def _crossed(evaluations: Sequence[Evaluation | None]) -> Bounds | None:
    table = correct_images(evaluations)
    if table is None or len(table) < 2:  # noqa: PLR2004 - a spread needs two seeds
        return None
    found = crossed(table)
    return None if found.low is None or found.high is None else Bounds(low=found.low, high=found.high)


def correct_images(evaluations: Iterable[Evaluation | None]) -> NDArray[np.bool_] | None:
    """Return which images each network classified correctly, of shape (networks, images); None if that is unknown."""
    rows = []
    for evaluation in evaluations:
        if evaluation is None or evaluation.correct is None:
            return None
        rows.append(unpack_bits(evaluation.correct, sum(map(sum, evaluation.confusion))))
    return np.array(rows) if rows else None


def accuracy_drop(before: BySeed, after: BySeed, images: int, comparisons: int = 1) -> Interval | None:
    """Return the decrease of val_accuracy between two scales, paired by seed; None if no seed has both scales.

    A scale has no decrease from itself, and no interval of it. `comparisons` is that of `intervals.over_seeds`.
    """
    both = before.keys() & after.keys()
    if not both:
        return None
    if before is after:
        return Interval(mean=0.0, seeds=len(both))
    first, second = ([by_seed[seed].val_accuracy for seed in both] for by_seed in (before, after))
    return difference(first, second, images, comparisons)
