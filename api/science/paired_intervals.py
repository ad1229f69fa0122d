"""Differences between two classifiers that were measured on the same images, with 95 % confidence intervals."""

from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from api.science.intervals import CONFIDENCE, crossed_half_width
from noisesweep.models import Bounds

# Bisection steps. Each halves an interval of at most 2, so this is the precision of a float.
STEPS = 54


def tango(gained: int, lost: int, images: int, comparisons: int = 1) -> Bounds:
    """Return the score interval of the difference between two networks' accuracies: its value on other images.

    It contains the differences D that the score test of paired proportions does not reject (Tango 1998, "Equivalence
    test and confidence interval for the difference in proportions for the paired-sample design", Statistics in Medicine
    17, 891-908). With b = gained, c = lost and n = images, the score is

        (b - c - n D) / sqrt(n (2 q + D (1 - D)))

    where q, the probability of a lost image given D, is the greater root of
    2 n q² + (D (2 n - b + c) - b - c) q - c D (1 - D) = 0. The images are assumed to be independent.

    Args:
        gained: Number of images that only the second network classified correctly.
        lost: Number of images that only the first network classified correctly.
        images: Number of images, at least `gained` + `lost` and at least 1.
        comparisons: See `intervals.over_seeds`.
    """
    z = float(ndtri(1 - (1 - CONFIDENCE) / comparisons / 2))
    # Exchanging the networks negates the interval.
    return Bounds(low=_lower_limit(gained, lost, images, z), high=-_lower_limit(lost, gained, images, z))


def _lower_limit(gained: int, lost: int, images: int, z: float) -> float:
    """Return the least difference with a score of at most z. The score falls with the difference."""
    low, high = -1.0, (gained - lost) / images
    for _ in range(STEPS):
        middle = (low + high) / 2
        distance = gained - lost - images * middle
        if distance > z * sqrt(_variance(gained, lost, images, middle)):
            low = middle
        else:
            high = middle
    return high


def _variance(gained: int, lost: int, images: int, difference: float) -> float:
    """Return the variance of gained - lost, estimated under the assumption of this difference."""
    linear = difference * (2 * images - gained + lost) - gained - lost
    constant = -lost * difference * (1 - difference)
    root = sqrt(max(linear * linear - 8 * images * constant, 0.0))
    # Two forms of the greater root. Each subtracts no numbers that may be almost equal.
    lost_probability = (root - linear) / (4 * images) if linear < 0 else -2 * constant / (root + linear or 1.0)
    return max(images * (2 * lost_probability + difference * (1 - difference)), 0.0)


def crossed_difference(differences: NDArray[np.int8]) -> Bounds | None:
    """Return the interval of a mean difference in accuracy: its value for other seeds and other images.

    It is mean ± the half-width of `intervals.crossed_half_width`, within -1 and 1.

    Args:
        differences: 1 where only the second network classified an image correctly, -1 where only the first one did,
            otherwise 0. Shape (seeds, images), each at least 2. If all seeds have the same sum, the result is None:
            the spread between seeds is then unknown.

    Raises:
        ValueError: The table has fewer than two seeds or images.
    """
    half_width = crossed_half_width(differences)
    if half_width == 0:
        return None
    mean = int(differences.sum(dtype=np.int64)) / differences.size
    return Bounds(low=max(mean - half_width, -1.0), high=min(mean + half_width, 1.0))
