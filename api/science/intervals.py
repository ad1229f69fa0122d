"""Mean over seeds with a confidence interval."""

from collections.abc import Sequence
from math import sqrt
from statistics import mean, stdev

from scipy.special import stdtrit

from noisesweep.models import Interval

CONFIDENCE = 0.95


def interval(values: Sequence[float]) -> Interval:
    """Return the mean over seeds with its two-sided 95 % confidence interval.

    The interval is mean ± t * s / sqrt(n). s is the sample standard deviation (with n - 1 in the denominator), and t is
    the 97.5 % quantile of Student's t with n - 1 degrees of freedom (Student 1908, "The probable error of a mean",
    Biometrika 6, 1-25). The seeds are assumed to be independent and the values approximately normal. The interval is
    not clipped to the range of the values, for example at an accuracy of 1.

    Sums are exact and rounded once. The result therefore does not depend on the order of the values, and the mean of
    equal values is that value.

    Args:
        values: Finite numbers, one per seed. For a single value, the interval is None.

    Raises:
        statistics.StatisticsError: `values` is empty.
    """
    centre, count = mean(values), len(values)
    if count == 1:
        return Interval(mean=centre, low=None, high=None, seeds=1)
    quantile = float(stdtrit(count - 1, (1 + CONFIDENCE) / 2))
    half_width = quantile * stdev(values, centre) / sqrt(count)
    return Interval(mean=centre, low=centre - half_width, high=centre + half_width, seeds=count)
