"""What follows from the ends of a sweep's runs: figures by scale, the matrix, and one number for a curve.

Only runs that have succeeded count. What is compared between scales is compared seed by seed, for runs of one seed
share every draw; means and intervals over seeds come last.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import log
from statistics import mean
from typing import NamedTuple

from api.science.intervals import interval
from noisesweep.models import (
    Area,
    EpochMetrics,
    Evaluation,
    HalfWay,
    Interval,
    Matrix,
    RunStatus,
    ScaleFigures,
    Sweep,
)
from shared.datasets import CATALOGUE

# The last epochs of the runs of one scale, by seed.
BySeed = dict[int, EpochMetrics]


class Curve(NamedTuple):
    """The val_accuracy of one seed at every scale of its sweep.

    Attributes:
        scales: Ascending, and no two are equal.
        val_accuracy: At each of them, in [0, 1].
    """

    scales: tuple[float, ...]
    val_accuracy: tuple[float, ...]


class Descent(NamedTuple):
    """How one seed's curve goes down from its clean run to chance.

    Attributes:
        clean: Its val_accuracy at scale 0.
        level: Half of the way from there to chance.
        scale: Where it first falls to the level; None where it does not, or where there is no way down because the
            clean run is no better than chance.
    """

    clean: float
    level: float
    scale: float | None


def last_epochs(sweep: Sweep) -> dict[float, BySeed]:
    """The last epoch of each run that has succeeded, by scale, ascending, and by seed."""
    ends: dict[float, BySeed] = {}
    for run in sorted(sweep.runs, key=lambda run: (run.scale, run.seed)):
        if run.status is RunStatus.SUCCEEDED and run.latest_metrics:
            ends.setdefault(run.scale, {})[run.seed] = run.latest_metrics
    return ends


def figures(sweep: Sweep) -> list[ScaleFigures]:
    """The figures of each scale that has a succeeded run, ascending."""
    ends = last_epochs(sweep)
    clean = ends.get(0.0, {})
    return [
        ScaleFigures(
            scale=scale,
            accuracy=interval([end.accuracy for end in runs.values()]),
            val_accuracy=interval([end.val_accuracy for end in runs.values()]),
            generalisation_gap=interval([end.accuracy - end.val_accuracy for end in runs.values()]),
            drop_from_clean=drop(clean, runs),
        )
        for scale, runs in ends.items()
    ]


def drop(before: BySeed, after: BySeed) -> Interval | None:
    """How much val_accuracy is lost from one scale to another, seed by seed; None where no seed has both."""
    both = before.keys() & after.keys()
    lost = [before[seed].val_accuracy - after[seed].val_accuracy for seed in both]
    return interval(lost) if lost else None


def matrix(sweep: Sweep, evaluations: Sequence[Evaluation | None]) -> Matrix | None:
    """Validation accuracy by the scale trained with and the scale tested with.

    Args:
        sweep: The rows are its scales that have a run which has succeeded and was evaluated; None if there is none.
        evaluations: Those of its runs, by index. The columns are clean and its scales, as far as any run was tested
            there; one that was reused may have been tested at others, in the sweep that it is from.
    """
    asked = {0.0, *(run.scale for run in sweep.runs)}
    tested: dict[float, dict[float, list[float]]] = {}
    for run, evaluation in zip(sweep.runs, evaluations, strict=True):
        if run.status is RunStatus.SUCCEEDED and evaluation:
            row = tested.setdefault(run.scale, {})
            for scale, val_accuracy in zip(evaluation.test_scales, evaluation.val_accuracy, strict=True):
                if scale in asked:
                    row.setdefault(scale, []).append(val_accuracy)
    if not tested:
        return None
    rows, columns = sorted(tested), sorted(set().union(*tested.values()))
    cells = [[tested[row].get(column, []) for column in columns] for row in rows]
    return Matrix(
        train_scales=rows,
        test_scales=columns,
        val_accuracy=[[mean(cell) if cell else None for cell in row] for row in cells],
        seeds=[[len(cell) for cell in row] for row in cells],
    )


def chance(sweep: Sweep) -> float:
    """The accuracy of who guesses: 1 over the number of classes."""
    return 1 / CATALOGUE[sweep.config.dataset].classes


def curves(sweep: Sweep) -> list[Curve]:
    """The curves of the seeds that have succeeded at every scale of the sweep, by ascending seed."""
    ends, scales = last_epochs(sweep), sorted({run.scale for run in sweep.runs})
    return [
        Curve(tuple(scales), tuple(ends[scale][seed].val_accuracy for scale in scales))
        for seed in sorted({run.seed for run in sweep.runs})
        if all(seed in ends.get(scale, {}) for scale in scales)
    ]


def descent(curve: Curve, guessed: float) -> Descent | None:
    """How a curve goes down from its clean run to what is guessed by chance; None if it has no clean run."""
    if curve.scales[0] > 0:
        return None
    clean = curve.val_accuracy[0]
    level = (clean + guessed) / 2
    return Descent(clean, level, scale=first_crossing(curve, level) if clean > guessed else None)


def first_crossing(curve: Curve, level: float) -> float | None:
    """The scale at which a curve that begins above a level first comes down to it; None if it does not.

    Between two scales it is interpolated linearly in the logarithm of the scale, and from scale 0, which has none, in
    the scale itself.
    """
    for (near, above), (far, below) in pairwise(zip(*curve, strict=True)):
        if below <= level:
            share = (above - level) / (above - below)
            return far * share if near == 0 else float(near ** (1 - share) * far**share)
    return None


def half_way(descents: Sequence[Descent]) -> HalfWay | None:
    """Where the seeds are half of the way down; None unless all are, for a mean over the others would be too low."""
    scales = [descent.scale for descent in descents if descent.scale is not None]
    if not scales or len(scales) < len(descents):
        return None
    return HalfWay(level=mean(descent.level for descent in descents), scale=interval(scales))


def mean_over_log_scale(curve: Curve) -> float | None:
    """The area under a curve against the logarithm of its positive scales, divided by their width.

    The trapezoidal rule: sum of (ln b - ln a) * (f(a) + f(b)) / 2 over neighbours a < b, by ln(max / min). None with
    fewer than two positive scales, or with such as are equal in their logarithm.
    """
    points = [(log(scale), val_accuracy) for scale, val_accuracy in zip(*curve, strict=True) if scale > 0]
    width = points[-1][0] - points[0][0] if points else 0.0
    if width == 0:
        return None
    return sum((right - left) / width * (above + below) / 2 for (left, above), (right, below) in pairwise(points))


def area(curves: Sequence[Curve]) -> Area | None:
    """The mean of the curves over the logarithm of the scale; None without a curve or without a width."""
    means = [value for curve in curves if (value := mean_over_log_scale(curve)) is not None]
    if not means:
        return None
    positive = [scale for scale in curves[0].scales if scale > 0]
    return Area(from_scale=positive[0], to_scale=positive[-1], val_accuracy=interval(means))
