"""Comparison of two sweeps, A and B: paired differences by scale, ratio of scales at a common level, and areas.

Runs are paired if they have succeeded at the same scale with the same seed, because they share all random draws. Curves
have a point at each scale with a pair, so the interpolation between scales is the same for both sweeps.
"""

import sys
from collections.abc import Mapping, Sequence
from math import exp, log
from statistics import mean
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from api.science import comparison_prose as prose
from api.science.config_text import differing_settings
from api.science.curves import Curve, chance_level, first_crossing, mean_over_log_scale
from api.science.intervals import MIN_SIMULTANEOUS_SEEDS, difference, over_seeds
from api.science.paired_intervals import crossed_difference, tango
from api.science.scale_figures import correct_images, final_metrics, validation_images
from noisesweep.models import (
    AreaDifference,
    Bounds,
    Comparison,
    DifferenceMethod,
    Evaluation,
    Interval,
    IntervalTarget,
    RunSummary,
    ScaleDifference,
    ScaleRatio,
    Sweep,
)
from noisesweep.models.float32 import format_number
from shared.datasets import facts_of

LARGEST_LOG = log(sys.float_info.max)


class NotComparableError(Exception):
    """Two sweeps have different data sets, or no run at the same scale with the same seed."""


class Pairs(NamedTuple):
    """Runs of both sweeps at one scale, paired by seed.

    Attributes:
        scale: The scale.
        seeds: Seeds that have succeeded in both sweeps, ascending.
        first: val_accuracy of sweep A by seed.
        second: val_accuracy of sweep B by seed.
        images: Number of images that both were judged by.
        table: 1 where only B classified an image correctly, -1 where only A did, otherwise 0. Shape (seeds, images).
            None if it is unknown.
        same_networks: Whether both sweeps have the same networks with the same accuracies.
    """

    scale: float
    seeds: tuple[int, ...]
    first: tuple[float, ...]
    second: tuple[float, ...]
    images: int
    table: NDArray[np.int8] | None
    same_networks: bool

    @property
    def differences(self) -> list[float]:
        """Return B - A by seed."""
        return [after - before for before, after in zip(self.first, self.second, strict=True)]

    @property
    def equal_differences(self) -> bool:
        """Return whether all seeds have the same difference, except for rounding errors."""
        return max(self.differences) - min(self.differences) < 0.5 / self.images


def compare(
    first: Sweep,
    second: Sweep,
    first_evaluations: Sequence[Evaluation | None],
    second_evaluations: Sequence[Evaluation | None],
) -> Comparison:
    """Compare the runs of two sweeps that have succeeded so far. The second sweep may be the first one.

    Args:
        first: Sweep A.
        second: Sweep B.
        first_evaluations: The evaluation of each run of A, by run index.
        second_evaluations: The evaluation of each run of B, by run index.

    Raises:
        NotComparableError: The sweeps have different data sets or kinds of noise, or no run at the same scale with the
            same seed.
    """
    _raise_if_not_comparable(first, second)
    pairs = _pairs(first, second, first_evaluations, second_evaluations)
    level = (1 + chance_level(first)) / 2
    curves = _curves(pairs)
    ratio = _ratio(curves, level)
    together = [difference_of(each, len(pairs))[0] for each in pairs]
    scales = [_figures(*each) for each in zip(pairs, together, strict=True)]
    area = _area(curves)
    differing = differing_settings(first.config, second.config)
    subject = prose.Subject(first.config, second.config, tuple(differing))
    same = {each.scale for each in pairs if each.same_networks}
    images = min((each.images for each in pairs), default=0)
    return Comparison(
        sweep_ids=[first.id, second.id],
        differing_settings=differing,
        name=subject.name,
        sentence=prose.sentence(subject, scales, claims=together, ratio=ratio, images=images, same=same),
        scales=scales,
        ratio=ratio,
        area=area,
        method=prose.method(scales, images),
        remarks=[
            *prose.remarks_on_sweeps(first, second),
            *prose.remarks_on_figures(scales, same),
            *prose.remarks_on_curves(curves, level, {each for pair in pairs for each in pair.seeds}, area=area),
            *subject.remarks,
        ],
    )


def difference_of(pairs: Pairs, comparisons: int = 1) -> tuple[Interval, DifferenceMethod | None]:
    """Return the mean difference B - A with its interval, and the method of the interval.

    For several seeds, the interval is Student's. There is none if all differences are equal, because their spread is
    then unknown. For one seed, it is Tango's, or Newcombe's without the table. It is not given for the same networks.

    Args:
        pairs: The runs at one scale.
        comparisons: See `intervals.over_seeds`.
    """
    found = Interval(mean=mean(pairs.differences), seeds=len(pairs.seeds))
    if pairs.same_networks or (len(pairs.seeds) > 1 and pairs.equal_differences):
        return found, None
    if len(pairs.seeds) > 1:
        return over_seeds(pairs.differences, comparisons), DifferenceMethod.STUDENT
    if pairs.table is None:
        unpaired = difference(pairs.second, pairs.first, pairs.images, comparisons)
        return unpaired, DifferenceMethod.NEWCOMBE
    gained, lost = (int(np.count_nonzero(pairs.table == sign)) for sign in (1, -1))
    bounds = tango(gained, lost, pairs.images, comparisons)
    # The accuracy of a run could have been rounded in another way than that of its bits.
    low, high = min(bounds.low, found.mean), max(bounds.high, found.mean)
    return found.model_copy(update={"low": low, "high": high, "target": IntervalTarget.IMAGES}), DifferenceMethod.TANGO


def _figures(pairs: Pairs, together: Interval) -> ScaleDifference:
    """Return the figures of a scale. `together` is its difference with an interval for all scales at once."""
    found, method = difference_of(pairs)
    crossed = simultaneous = None
    if pairs.table is not None and method is DifferenceMethod.STUDENT:
        crossed = crossed_difference(pairs.table)
    if len(pairs.seeds) >= MIN_SIMULTANEOUS_SEEDS and together.low is not None and together.high is not None:
        simultaneous = Bounds(low=together.low, high=together.high)
    return ScaleDifference(
        scale=pairs.scale,
        first=mean(pairs.first),
        second=mean(pairs.second),
        difference=found,
        method=method,
        seeds_and_images=crossed,
        simultaneous=simultaneous,
    )


def _raise_if_not_comparable(first: Sweep, second: Sweep) -> None:
    datasets = [facts_of(sweep.config) for sweep in (first, second)]
    if datasets[0].content != datasets[1].content:
        raise NotComparableError(
            f"The sweeps have different data sets: A has {datasets[0].name}, B has {datasets[1].name}. Compare "
            "sweeps of one data set."
        )
    kinds = [sweep.config.noise for sweep in (first, second)]
    if kinds[0] != kinds[1]:
        raise NotComparableError(
            f"The sweeps have different kinds of noise: A has {kinds[0].text} noise, B has {kinds[1].text} noise. The "
            "same scale is not the same amount of noise for both. Compare sweeps with one kind of noise."
        )
    grids = [{(run.scale, run.seed) for run in sweep.runs} for sweep in (first, second)]
    if grids[0] & grids[1]:
        return
    scales = [", ".join(format_number(scale) for scale in sorted({scale for scale, _ in grid})) for grid in grids]
    seeds = [", ".join(map(str, sorted({seed for _, seed in grid}))) for grid in grids]
    raise NotComparableError(
        f"The sweeps have no run at the same scale with the same seed: A has scales {scales[0]} and seeds {seeds[0]}, "
        f"B has scales {scales[1]} and seeds {seeds[1]}. Extend one of them."
    )


def _pairs(
    first: Sweep,
    second: Sweep,
    first_evaluations: Sequence[Evaluation | None],
    second_evaluations: Sequence[Evaluation | None],
) -> list[Pairs]:
    """Return the pairs by ascending scale, for each scale that has one."""
    ends = final_metrics(first), final_metrics(second)
    runs = _by_grid(first, first_evaluations), _by_grid(second, second_evaluations)
    found = []
    for scale in ends[0]:
        seeds = tuple(sorted(ends[0][scale].keys() & ends[1].get(scale, {}).keys()))
        if not seeds:
            continue
        accuracies = [tuple(of_sweep[scale][seed].val_accuracy for seed in seeds) for of_sweep in ends]
        both = [[of_sweep[scale, seed] for seed in seeds] for of_sweep in runs]
        hashes = [[run.weights_sha256 for run, _ in of_sweep] for of_sweep in both]
        same_networks = first.id == second.id or (hashes[0] == hashes[1] and None not in hashes[0])
        tables = [correct_images([evaluation for _, evaluation in of_sweep]) for of_sweep in both]
        known = [table.shape[1] for table in tables if table is not None]
        found.append(
            Pairs(
                scale=scale,
                seeds=seeds,
                first=accuracies[0],
                second=accuracies[1],
                images=min(known or [validation_images(first), validation_images(second)]),
                table=_difference_table(*tables),
                same_networks=same_networks and accuracies[0] == accuracies[1],
            )
        )
    return found


def _by_grid(
    sweep: Sweep, evaluations: Sequence[Evaluation | None]
) -> Mapping[tuple[float, int], tuple[RunSummary, Evaluation | None]]:
    return {(run.scale, run.seed): (run, each) for run, each in zip(sweep.runs, evaluations, strict=True)}


def _difference_table(first: NDArray[np.bool_] | None, second: NDArray[np.bool_] | None) -> NDArray[np.int8] | None:
    return None if first is None or second is None else second.astype(np.int8) - first.astype(np.int8)


def _curves(pairs: Sequence[Pairs]) -> list[tuple[Curve, Curve]]:
    """Return the curves of both sweeps for each seed that has a pair at every common scale, by ascending seed."""
    if not pairs:
        return []
    scales = tuple(each.scale for each in pairs)
    complete = sorted(set(pairs[0].seeds).intersection(*(each.seeds for each in pairs)))
    return [
        (
            Curve(scales, tuple(each.first[each.seeds.index(seed)] for each in pairs)),
            Curve(scales, tuple(each.second[each.seeds.index(seed)] for each in pairs)),
        )
        for seed in complete
    ]


def _crossing(curve: Curve, level: float) -> float | None:
    """Return the scale at which a curve first falls to the level; None if it does not start above it."""
    return first_crossing(curve, level) if curve.val_accuracy[0] > level else None


def _ratio(curves: Sequence[tuple[Curve, Curve]], level: float) -> ScaleRatio | None:
    """Return the ratio of scales; None unless every curve crosses the level: a mean over only some would be biased."""
    crossings = [[_crossing(curve, level) for curve in both] for both in curves]
    logs = [(log(first), log(second)) for first, second in crossings if first and second]
    if not logs or len(logs) < len(curves):
        return None
    found = over_seeds([second - first for first, second in logs])
    ratio = Interval(
        mean=exp(found.mean),
        low=None if found.low is None else exp(found.low),
        high=None if found.high is None else exp(min(found.high, LARGEST_LOG)),
        seeds=found.seeds,
        target=found.target,
    )
    means = [exp(mean(each)) for each in zip(*logs, strict=True)]
    return ScaleRatio(level=level, first=means[0], second=means[1], ratio=ratio)


def _area(curves: Sequence[tuple[Curve, Curve]]) -> AreaDifference | None:
    areas = [(mean_over_log_scale(first), mean_over_log_scale(second)) for first, second in curves]
    known = [(first, second) for first, second in areas if first is not None and second is not None]
    if not known:
        return None
    positive = [scale for scale in curves[0][0].scales if scale > 0]
    first_areas, second_areas = zip(*known, strict=True)
    return AreaDifference(
        from_scale=positive[0],
        to_scale=positive[-1],
        first=over_seeds(first_areas),
        second=over_seeds(second_areas),
        difference=over_seeds([second - first for first, second in known]),
    )
