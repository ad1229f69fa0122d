"""A mean over seeds, and how well it is known."""

from collections.abc import Sequence
from math import sqrt
from statistics import mean, stdev

from scipy.special import stdtrit

from noisesweep.models import Interval

CONFIDENCE = 0.95


def interval(values: Sequence[float]) -> Interval:
    """The mean of one value per seed with its two-sided 95 % confidence interval.

    mean ± t * s / sqrt(n), where s is the sample standard deviation (n - 1 in its denominator) and t the 97.5 %
    quantile of Student's t with n - 1 degrees of freedom (Student 1908, "The probable error of a mean", Biometrika 6,
    1-25). It takes the seeds for independent and the values for about normal. It is not cut off where the values end,
    such as at an accuracy of 1.

    Sums are exact and rounded once, so the order of the values does not matter to the bit, and the mean of equal ones
    is their value.

    Args:
        values: Finite numbers, one per seed. Of a single one there is the mean alone.

    Raises:
        statistics.StatisticsError: There is no value.
    """
    centre, count = mean(values), len(values)
    if count == 1:
        return Interval(mean=centre, low=None, high=None, seeds=1)
    quantile = float(stdtrit(count - 1, (1 + CONFIDENCE) / 2))
    half_width = quantile * stdev(values, centre) / sqrt(count)
    return Interval(mean=centre, low=centre - half_width, high=centre + half_width, seeds=count)
