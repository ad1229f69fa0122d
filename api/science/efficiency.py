"""Efficiency of a sweep's networks: their noise compared with that of the best possible classifier.

Both are compared at the same accuracy. The efficiency is the square of the ratio of their scales, so it is a ratio of
noise variances (Pelli, Burns, Farell and Moore-Page 2006, "Feature detection and letter identification", Vision
Research 46, 4646-4674).
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from math import exp, hypot, inf, log
from typing import NamedTuple

from scipy.optimize import brentq
from scipy.special import stdtr, stdtrit

from api.science.curves import Curve, chance_level, curves, first_crossing
from api.science.intervals import CONFIDENCE, over_seeds
from api.science.limit import Limit, LimitCrossings
from noisesweep.models import Bounds, Efficiency, Interval, LevelEfficiency, Sweep

LEVELS = (0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2)
# Neighbouring scales that differ by at most this factor give the crossing without a noticeable error.
NEAR = 1.25
# Error of a crossing in log(scale) divided by the square of the distance of its neighbours in log(scale). On MNIST,
# neighbours that differ by a factor of 2 gave errors up to 2 %, and a factor of 2.67 up to 7 %.
CURVATURE = 0.073


class Crossing(NamedTuple):
    """Scales at which the curves of a sweep, and both ends of the best possible accuracy, fall to a level.

    Attributes:
        level: The accuracy.
        logs: Logarithm of the scale of each seed.
        interpolation_error: Largest error of these logarithms from the distance of the neighbouring scales.
        ends: Scales of both ends.
    """

    level: float
    logs: list[float]
    interpolation_error: float
    ends: LimitCrossings

    @property
    def scale(self) -> Interval:
        """Return the geometric mean of the scales, with an interval."""
        found = over_seeds(self.logs)
        bounds = {} if found.low is None or found.high is None else {"low": exp(found.low), "high": exp(found.high)}
        return found.model_copy(update={"mean": exp(found.mean)} | bounds)

    @property
    def _logs(self) -> tuple[float, float]:
        """Return the logarithms of the efficiency relative to the upper and to the lower end."""
        upper, lower = (2 * (over_seeds(self.logs).mean - log(end.scale)) for end in reversed(self.ends))
        return upper, lower

    @property
    def efficiency(self) -> LevelEfficiency:
        """Return the range of the efficiency. Nothing is better than the best, so it is at most 1."""
        low, high = (min(exp(value), 1.0) for value in self._logs)
        return LevelEfficiency(level=self.level, low=low, high=high)

    @property
    def interval(self) -> Bounds | None:
        """Return the interval of the efficiency. See `efficiency`."""
        seeds = len(self.logs)
        half_width = (found := over_seeds(self.logs)).high and found.high - found.mean
        if not half_width:
            return None
        (low, high), error = self._logs, half_width / float(stdtrit(seeds - 1, (1 + CONFIDENCE) / 2))
        at_upper, at_lower = (2 * hypot(error, end.error) for end in reversed(self.ends))
        distance = (high - low) / max(at_upper, at_lower)

        def excess(quantile: float) -> float:
            return float(stdtr(seeds - 1, quantile + distance) - stdtr(seeds - 1, -quantile)) - CONFIDENCE

        quantile = float(brentq(excess, 0, stdtrit(seeds - 1, (1 + CONFIDENCE) / 2) + 1e-9))
        margin = 2 * self.interpolation_error
        return Bounds(
            low=exp(low - quantile * at_upper - margin), high=min(exp(high + quantile * at_lower + margin), 1.0)
        )


def efficiency(sweep: Sweep, limit: Limit | None) -> Efficiency | None:
    """Return the efficiency of a sweep's networks, relative to the best possible accuracy.

    It is None without a limit, or if `missing_efficiency` gives another reason.

    The interval covers the range between both ends with a probability of at least 95 % (Imbens and Manski 2004,
    "Confidence intervals for partially identified parameters", Econometrica 72, 1845-1857), with Student's t in place
    of the normal distribution, on the logarithm of the efficiency.
    """
    complete = curves(sweep)
    if limit is None or not complete:
        return None
    found = _crossing(complete, limit, _level(sweep))
    if found is None:
        return None
    by_level = [crossing.efficiency for level in LEVELS if (crossing := _crossing(complete, limit, level))]
    return Efficiency(
        **found.efficiency.model_dump(),
        scale=found.scale,
        limit_from=found.ends.lower.scale,
        limit_to=found.ends.upper.scale,
        interval=found.interval,
        interpolation_error=found.interpolation_error,
        by_level=by_level,
    )


def missing_efficiency(sweep: Sweep, limit: Limit | None) -> Iterator[str]:
    """Yield why a sweep with a known limit and complete curves has no efficiency, or has one with an error."""
    complete, level = curves(sweep), _level(sweep)
    if limit is None or not complete:
        return
    found, ends = _crossing(complete, limit, level), limit.crossings(level)
    if found is None and ends:
        yield (
            f"No efficiency: not every curve falls to {100 * level:.1f} % between two positive scales. Extend the "
            f"sweep with scales up to {ends.upper.scale:.2g}, where the best possible classifier does."
        )
    elif found and found.interpolation_error:
        yield (
            f"The efficiency includes an error of {100 * found.interpolation_error:.1f} % in the scale, because the "
            f"scales of the sweep are far apart there. Extend the sweep with scales near {found.scale.mean:.3g}."
        )


def _level(sweep: Sweep) -> float:
    return (1 + chance_level(sweep)) / 2


def _crossing(complete: Sequence[Curve], limit: Limit, level: float) -> Crossing | None:
    """Return where all curves and both ends fall to a level; None unless each curve does between positive scales."""
    ends, scales = limit.crossings(level), [first_crossing(curve, level) for curve in complete]
    crossed = [scale for scale in scales if scale]
    distances = [_distance(complete[0].scales, scale) for scale in crossed]
    if ends is None or len(crossed) < len(scales) or inf in distances:
        return None
    error = CURVATURE * max(distances) ** 2 if max(distances) > log(NEAR) else 0.0
    return Crossing(level, [log(scale) for scale in crossed], error, ends)


def _distance(scales: Sequence[float], scale: float) -> float:
    """Return the distance of the neighbours of a scale, in log(scale); infinite if one is 0."""
    far = min(bisect_left(scales, scale), len(scales) - 1)  # rounding can exceed the last scale
    near = scales[max(far - 1, 0)]
    return log(scales[far] / near) if near else inf
