"""Half-way crossing and area of each seed's curve of validation accuracy by noise scale.

A seed has a curve only if its runs have succeeded at every scale of the sweep.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import log
from statistics import mean
from typing import NamedTuple

from api.science.intervals import over_seeds
from api.science.scale_figures import final_metrics
from noisesweep.models import Area, HalfWay, Sweep
from shared.datasets import facts_of


class Curve(NamedTuple):
    """Validation accuracy of one seed at every scale of its sweep.

    Attributes:
        scales: In ascending order, without duplicates.
        val_accuracy: One value per scale, in [0, 1].
    """

    scales: tuple[float, ...]
    val_accuracy: tuple[float, ...]


class HalfwayCrossing(NamedTuple):
    """Scale at which the curve of one seed has fallen half-way from its clean run to the chance level.

    Attributes:
        clean: The val_accuracy at scale 0.
        level: The mean of `clean` and the chance level.
        scale: The first scale at which the curve reaches `level`. None if it never does, or if the clean run is not
            better than chance.
    """

    clean: float
    level: float
    scale: float | None


def chance_level(sweep: Sweep) -> float:
    """Return the accuracy of random guessing, 1 / number of classes."""
    return 1 / facts_of(sweep.config).classes


def curves(sweep: Sweep) -> list[Curve]:
    """Return the curves of the seeds that have succeeded at every scale, by ascending seed."""
    scales = {run.scale for run in sweep.runs}
    measured = {
        scale: {seed: end.val_accuracy for seed, end in runs.items()} for scale, runs in final_metrics(sweep).items()
    }
    return complete_curves({scale: measured.get(scale, {}) for scale in scales})


def complete_curves(measured: Mapping[float, Mapping[int, float]]) -> list[Curve]:
    """Return the curves of the seeds that have a val_accuracy at every scale, by ascending seed.

    Args:
        measured: The val_accuracy by scale and seed.
    """
    scales = sorted(measured)
    seeds = sorted(set.intersection(*(set(measured[scale]) for scale in scales))) if scales else []
    return [Curve(tuple(scales), tuple(measured[scale][seed] for scale in scales)) for seed in seeds]


def halfway_crossing(curve: Curve, chance: float) -> HalfwayCrossing | None:
    """Return the half-way crossing of a curve; None if it has no clean run."""
    if curve.scales[0] > 0:
        return None
    clean = curve.val_accuracy[0]
    level = (clean + chance) / 2
    return HalfwayCrossing(clean, level, scale=first_crossing(curve, level) if clean > chance else None)


def first_crossing(curve: Curve, level: float) -> float | None:
    """Return the first scale at which a curve that starts above the level falls to it; None if it never does.

    Between positive scales, the interpolation is linear in the logarithm of the scale. From scale 0, which has no
    logarithm, it is linear in the scale itself.
    """
    segment = crossing_segment(curve, level)
    if segment is None:
        return None
    (near, above), (far, below) = segment
    fraction = (above - level) / (above - below)
    return far * fraction if near == 0 else float(near ** (1 - fraction) * far**fraction)


def crossing_segment(curve: Curve, level: float) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Return the neighbours, each a scale and its val_accuracy, between which a curve first falls to the level."""
    return next((pair for pair in pairwise(zip(*curve, strict=True)) if pair[1][1] <= level), None)


def halfway_crossings(sweep: Sweep) -> list[HalfwayCrossing]:
    """Return the crossing of each seed that has succeeded at all scales, with a clean run."""
    level = chance_level(sweep)
    return [found for curve in curves(sweep) if (found := halfway_crossing(curve, level))]


def mean_halfway(crossings: Sequence[HalfwayCrossing]) -> HalfWay | None:
    """Return the mean half-way scale over seeds.

    It is None unless every seed crosses: a mean over only some seeds would be too low.
    """
    scales = [crossing.scale for crossing in crossings if crossing.scale is not None]
    if not scales or len(scales) < len(crossings):
        return None
    return HalfWay(level=mean(crossing.level for crossing in crossings), scale=over_seeds(scales))


def half_way(sweep: Sweep) -> HalfWay | None:
    """Return the half-way scale of a sweep. See `halfway_crossings` and `mean_halfway`."""
    return mean_halfway(halfway_crossings(sweep))


def mean_over_log_scale(curve: Curve) -> float | None:
    """Return the mean of a curve over the logarithm of its positive scales.

    It is computed with the trapezoidal rule: the sum of (ln b - ln a) * (f(a) + f(b)) / 2 over neighbours a < b,
    divided by ln(max / min). It is None with fewer than two positive scales, or if all positive scales are equal in
    log space.
    """
    points = [(log(scale), val_accuracy) for scale, val_accuracy in zip(*curve, strict=True) if scale > 0]
    width = points[-1][0] - points[0][0] if points else 0.0
    if width == 0:
        return None
    return sum((right - left) / width * (above + below) / 2 for (left, above), (right, below) in pairwise(points))


def area(curves: Sequence[Curve]) -> Area | None:
    """Return the area under the curves, averaged over seeds.

    It is None without a curve, or if `mean_over_log_scale` is None for every curve.
    """
    means = [value for curve in curves if (value := mean_over_log_scale(curve)) is not None]
    if not means:
        return None
    positive = [scale for scale in curves[0].scales if scale > 0]
    return Area(from_scale=positive[0], to_scale=positive[-1], val_accuracy=over_seeds(means))
