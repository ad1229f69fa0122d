"""The mean over seeds and its confidence interval."""

from collections.abc import Sequence
from math import sqrt
from statistics import mean, stdev

from scipy.special import stdtrit

from noisesweep.models import Interval

CONFIDENCE = 0.95


def interval(values: Sequence[float]) -> Interval:
    """Return the mean of one value per seed with its two-sided 95 % confidence interval.

    mean ± t * s / sqrt(n), where s is the sample standard deviation (n - 1 in its denominator) and t the 97.5 %
    quantile of Student's t with n - 1 degrees of freedom (Student 1908, "The probable error of a mean", Biometrika 6,
    1-25). It assumes independent seeds and approximately normal values. It is not clipped to the range of
    the values, for example at an accuracy of 1.

    Sums are exact and rounded once, so the result does not depend on the order of the values, and the mean of equal
    values is that value.

    Args:
        values: Finite numbers, one per seed. A single value has a mean and no interval.

    Raises:
        statistics.StatisticsError: `values` is empty.
    """
    centre, count = mean(values), len(values)
    if count == 1:
        return Interval(mean=centre, low=None, high=None, seeds=1)
    quantile = float(stdtrit(count - 1, (1 + CONFIDENCE) / 2))
    half_width = quantile * stdev(values, centre) / sqrt(count)
    return Interval(mean=centre, low=centre - half_width, high=centre + half_width, seeds=count)
