"""Means and differences of accuracies and other figures, with 95 % confidence intervals.

An interval names its target (`noisesweep.models.IntervalTarget`): other seeds, other images, or both. The program
`scripts/coverage_of_intervals.py` measures how often each interval contains its target.
"""

from collections.abc import Sequence
from math import hypot, sqrt
from statistics import mean, stdev

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, gammaincinv, logit, ndtri, stdtrit

from noisesweep.models import Bounds, Interval, IntervalTarget

CONFIDENCE = 0.95
# With fewer seeds, a simultaneous interval is too wide to be of use: t is 11 for six scales and three seeds.
MIN_SIMULTANEOUS_SEEDS = 4
# With at most this number of right or wrong images, the limit of Wilson's interval on that side is replaced.
FEW_IMAGES = 3
# Half-width in log odds above which an interval must also be within Student's. The slope at the mean says little so far
# away: accuracies of 1 and 0.999 would have an interval from 0.01 to 1.
MAX_LOG_ODDS = 3.0


def over_seeds(values: Sequence[float], comparisons: int = 1) -> Interval:
    """Return the mean over seeds with Student's interval.

    The interval is mean ± t * s / sqrt(n). s is the sample standard deviation (with n - 1 in the denominator), and t is
    the 97.5 % quantile of Student's t with n - 1 degrees of freedom (Student 1908, "The probable error of a mean",
    Biometrika 6, 1-25). The seeds are assumed to be independent and the values approximately normal. There is no
    interval for one seed, or if all values are equal: the spread between seeds is then unknown.

    Sums are exact and rounded once. The result therefore does not depend on the order of the values, and the mean of
    equal values is that value.

    Args:
        values: Finite numbers, one per seed.
        comparisons: Number of intervals that shall all contain their target with a probability of 95 % (Bonferroni).

    Raises:
        statistics.StatisticsError: `values` is empty.
    """
    centre, half_width = mean(values), _half_width(values, comparisons)
    if half_width == 0:
        return Interval(mean=centre, seeds=len(values))
    low, high = centre - half_width, centre + half_width
    return Interval(mean=centre, low=low, high=high, seeds=len(values), target=IntervalTarget.SEEDS)


def accuracy(values: Sequence[float], images: int | None = None, comparisons: int = 1) -> Interval:
    """Return the mean accuracy over seeds with an interval that stays within 0 and 1.

    For several seeds, it is Student's interval on the scale of log odds, where the half-width is divided by the slope
    of the mean: expit(logit(m) ± t * s / (sqrt(n) * m * (1 - m))). If this half-width is above 3, the interval is cut
    to Student's. It covers the mean over all seeds, on these images. There is none if all values are equal.

    For one seed, it is Wilson's interval if the number of images is given, otherwise None.

    Args:
        values: Accuracies in [0, 1], one per seed.
        images: Number of validation images that each value was measured on. None for training accuracy: it is
            measured with dropout on images that the network has seen, so it says nothing of other images.
        comparisons: See `over_seeds`.

    Raises:
        statistics.StatisticsError: `values` is empty.
    """
    centre, half_width = mean(values), _half_width(values, comparisons)
    if len(values) == 1 and images:
        low, high = wilson(centre, images)
        return Interval(mean=centre, low=low, high=high, seeds=1, target=IntervalTarget.IMAGES)
    return _on_log_odds(centre, half_width, len(values), IntervalTarget.SEEDS)


def simultaneous(values: Sequence[float], comparisons: int) -> Bounds | None:
    """Return an interval of the mean accuracy over seeds that holds at all scales of a sweep at once.

    It is the interval of `accuracy`, at a confidence level of 1 - 0.05 / comparisons (Bonferroni).

    Args:
        values: Accuracies in [0, 1], one per seed. With fewer than four, or if all are equal, the result is None.
        comparisons: Number of scales.
    """
    if len(values) < MIN_SIMULTANEOUS_SEEDS:
        return None
    found = accuracy(values, comparisons=comparisons)
    return None if found.low is None or found.high is None else Bounds(low=found.low, high=found.high)


def wilson(fraction: float, images: int, comparisons: int = 1) -> tuple[float, float]:
    """Return Wilson's interval of a fraction of images: its value on other images of the same kind.

    (Wilson 1927, "Probable inference, the law of succession, and statistical inference", JASA 22, 209-212.) Where at
    most three images are right or wrong, the limit on that side is the Poisson limit of Brown, Cai and DasGupta (2001,
    "Interval estimation for a binomial proportion", Statistical Science 16, 101-133). Wilson's own covers as little as
    84 % there. The images are assumed to be independent.

    Args:
        fraction: Fraction of the images that were classified correctly, in [0, 1].
        images: Number of images, at least 1.
        comparisons: See `over_seeds`.
    """
    error = (1 - CONFIDENCE) / comparisons
    z = float(ndtri(1 - error / 2))
    centre = (fraction + z * z / (2 * images)) / (1 + z * z / images)
    spread = sqrt(fraction * (1 - fraction) / images + (z / (2 * images)) ** 2)
    half_width = z * spread / (1 + z * z / images)
    right, wrong = round(fraction * images), round((1 - fraction) * images)
    low, high = centre - half_width, centre + half_width
    if 0 < right <= FEW_IMAGES:
        low = float(gammaincinv(right, error)) / images
    if 0 < wrong <= FEW_IMAGES:
        high = 1 - float(gammaincinv(wrong, error)) / images
    return max(min(low, fraction), 0.0), min(max(high, fraction), 1.0)


def difference(before: Sequence[float], after: Sequence[float], images: int, comparisons: int = 1) -> Interval:
    """Return the mean decrease of an accuracy over seeds, with an interval.

    For several seeds, it is Student's interval of the differences. For one seed, or if all differences are equal, it
    is the difference of two fractions of independent images, from the square root of the sum of the squared distances
    to Wilson's limits (Newcombe 1998, "Interval estimation for the difference between independent proportions",
    Statistics in Medicine 17, 873-890, method 10). Both were measured on the same images, where an easy image is
    usually right in both, so this interval is wider than necessary.

    Args:
        before: Accuracies in [0, 1], one per seed.
        after: Accuracies of the same seeds in the same order.
        images: Number of validation images.
        comparisons: See `over_seeds`.

    Raises:
        statistics.StatisticsError: The sequences are empty.
    """
    differences = [one - other for one, other in zip(before, after, strict=True)]
    # Differences of equal numbers of images can differ by a rounding error.
    if max(differences, default=0.0) - min(differences, default=0.0) > 0.5 / images:
        return over_seeds(differences, comparisons)
    centre, first, second = mean(differences), mean(before), mean(after)
    first_low, first_high = wilson(first, images, comparisons)
    second_low, second_high = wilson(second, images, comparisons)
    return Interval(
        mean=centre,
        low=max(centre - hypot(first - first_low, second_high - second), -1.0),
        high=min(centre + hypot(first_high - first, second - second_low), 1.0),
        seeds=len(differences),
        target=IntervalTarget.IMAGES,
    )


def crossed(correct: NDArray[np.bool_]) -> Interval:
    """Return the mean accuracy with an interval that covers other seeds and other images.

    The half-width of `crossed_half_width` is mapped through the log odds as in `accuracy`. There is no interval if all
    seeds have the same accuracy.

    Args:
        correct: Whether a network classified an image correctly. Shape (seeds, images), each at least 2.

    Raises:
        ValueError: The table has fewer than two seeds or images.
    """
    half_width = crossed_half_width(correct)
    return _on_log_odds(int(correct.sum()) / correct.size, half_width, len(correct), IntervalTarget.SEEDS_AND_IMAGES)


def crossed_half_width(table: NDArray[np.bool_] | NDArray[np.int8]) -> float:
    """Return half the width of the interval of a two-way table's mean, for other seeds and other images.

    Its square is t² * A + z² * B, with the variances of `crossed_variances`. t is the 97.5 % quantile of Student's t
    with R - 1 degrees of freedom for R seeds, and z that of the normal distribution. It is 0 if all seeds have the same
    sum, because the spread between seeds is then unknown.

    Args:
        table: See `crossed_variances`.

    Raises:
        ValueError: See `crossed`.
    """
    of_seeds, of_images = crossed_variances(table)
    t, z = float(stdtrit(len(table) - 1, (1 + CONFIDENCE) / 2)), float(ndtri((1 + CONFIDENCE) / 2))
    return sqrt(t * t * of_seeds + z * z * of_images) if of_seeds else 0.0


def crossed_variances(table: NDArray[np.bool_] | NDArray[np.int8]) -> tuple[float, float]:
    """Return two parts of the variance of the mean of a two-way table: of the choice of seeds, and of images.

    They are MSA / (R * n) and max(MSB - MSE, 0) / (R * n), from the mean squares between R seeds, between n images, and
    of the rest (Cornfield and Tukey 1956, "Average values of mean squares in factorials", Annals of Mathematical
    Statistics 27, 907-949). The part of the seeds contains that of the rest. Sums are exact, so the order of seeds and
    images does not matter.

    Args:
        table: One value for each seed and image: whether the image was classified correctly, or the difference between
            two networks, -1, 0 or 1. Shape (seeds, images), each at least 2.

    Raises:
        ValueError: See `crossed`.
    """
    seeds, images = table.shape
    if min(seeds, images) < 2:  # noqa: PLR2004 - a spread needs two values
        raise ValueError(f"expected at least two seeds and two images, received {seeds} and {images}")
    by_seed, by_image = (table.sum(axis=axis, dtype=np.int64) for axis in (1, 0))
    # Sums of squares, multiplied by the number of cells to stay integers.
    cells, total, squares = table.size, int(by_seed.sum()), int(np.count_nonzero(table))
    between_seeds = int((by_seed**2).sum()) * seeds - total * total
    between_images = int((by_image**2).sum()) * images - total * total
    rest = squares * cells - total * total - between_seeds - between_images
    rest_square = rest / ((seeds - 1) * (images - 1))
    of_images = max(between_images / (images - 1) - rest_square, 0.0)
    return between_seeds / (seeds - 1) / cells**2, of_images / cells**2


def _half_width(values: Sequence[float], comparisons: int) -> float:
    """Return half the width of Student's interval; 0 if the spread is unknown."""
    count = len(values)
    if count == 1:
        return 0.0
    quantile = float(stdtrit(count - 1, 1 - (1 - CONFIDENCE) / 2 / comparisons))
    return quantile * stdev(values) / sqrt(count)


def _on_log_odds(centre: float, half_width: float, seeds: int, target: IntervalTarget) -> Interval:
    """Return the interval of a mean accuracy from the half-width of Student's interval; none if that is 0."""
    slope = centre * (1 - centre)
    if half_width == 0 or slope == 0:
        return Interval(mean=centre, seeds=seeds)
    middle, distance = float(logit(centre)), half_width / slope
    low, high = float(expit(middle - distance)), float(expit(middle + distance))
    if distance > MAX_LOG_ODDS:
        low, high = max(low, centre - half_width), min(high, centre + half_width)
    # Rounding could put an end of a very narrow interval on the other side of the mean.
    low, high = min(low, centre), max(high, centre)
    return Interval(mean=centre, low=low, high=high, seeds=seeds, target=target)
