"""Simulated sweeps.

A simulated network classifies an image correctly with probability expit(level + skill of the network - difficulty of
the image). Skill and difficulty are normal, and the level of a scale gives the wanted mean accuracy. In a pair of
sweeps, the noise of a seed makes an image harder or easier for both of its networks, and some images are harder for all
networks of one sweep than for those of the other.
"""

from collections.abc import Callable, Iterator
from functools import cache
from math import log

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

from api.science import intervals
from api.science.curves import Curve, first_crossing
from api.science.paired_intervals import crossed_difference, tango
from noisesweep.models import Bounds
from scripts.coverage_of_intervals.coverage import Outcome, outcome_of

Floats = NDArray[np.float64]

SEEDS, IMAGES = (1, 2, 3, 5), (355, 10_000)
# Mean accuracy at the scales of a sweep. The differences are between the last two.
ACCURACIES = (0.995, 0.97, 0.85, 0.4, 0.39)
# Mean accuracies of a pair of sweeps at one scale: nearly equal, equal, and as with fixed and with fresh noise.
PAIRS = ((0.97, 0.975), (0.85, 0.85), (0.4, 0.52))
# Standard deviations of two more difficulties, in log odds: of a seed's noise on an image, and of an image for all
# networks of one of two sweeps.
NOISE, OWN_DIFFICULTY = 1.0, 0.7
# Standard deviation of the difficulty of images, in log odds: an image that one network gets wrong is often wrong for
# the next one, too.
DIFFICULTY = 2.0
# Standard deviations of the skill of networks, in log odds: a part for all scales, and a part for each scale. Without
# both, accuracies still differ between seeds, because a network is right or wrong on each image by chance.
SPREADS = {"none": (0.0, 0.0), "small": (0.05, 0.05), "large": (0.3, 0.3)}
# Nodes and weights of the mean over a standard normal variable.
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(60)
WEIGHTS /= WEIGHTS.sum()
# The accuracy that the curves of a pair of sweeps cross, the scales at which their mean curves do, and their slope:
# the accuracy that they lose while the scale grows by a factor of e.
CROSSED, CROSSINGS, SLOPE = 0.55, (1.5, 1.8), 0.35
CROSSED_SCALES = tuple(0.5 * 1.2**step for step in range(13))
# Curves of a setting. Sweeps are drawn from them, and their mean is the truth.
CURVES = 5_000


def level_of(accuracy: float, deviation: float) -> float:
    """Return the level at which the mean accuracy over skills and difficulties has the given value."""
    return float(brentq(lambda level: WEIGHTS @ expit(level + deviation * NODES) - accuracy, -30, 30))


def simulate(
    seeds: int, images: int, spread: str, random: np.random.Generator
) -> Iterator[tuple[str, str, Outcome | None]]:
    """Simulate a sweep. Yield the name of each interval, its accuracy and its outcome."""
    shared, own = SPREADS[spread]
    levels = np.array(
        [level_of(accuracy, float(np.hypot(DIFFICULTY, np.hypot(shared, own)))) for accuracy in ACCURACIES]
    )
    difficulty = DIFFICULTY * random.standard_normal(images, dtype=np.float32)
    skill = shared * random.standard_normal((1, seeds)) + own * random.standard_normal((len(levels), seeds))
    odds = (levels[:, None] + skill).astype(np.float32)[:, :, None] - difficulty
    correct = random.random(odds.shape, dtype=np.float32) < expit(odds)
    accuracies = correct.mean(axis=2)  # by scale and seed
    if seeds == 1:
        other_images = expit(levels[:, None] + skill + DIFFICULTY * NODES) @ WEIGHTS
        yield from _one_seed(accuracies[:, 0], other_images, images)
        return
    # The mean over all seeds, on these images: interpolated, because it is a smooth function of the difficulty.
    grid = np.linspace(difficulty.min(), difficulty.max(), 200)
    by_difficulty = expit(levels[:, None, None] - grid[:, None] + np.hypot(shared, own) * NODES) @ WEIGHTS
    truths = np.array([np.interp(difficulty, grid, each).mean() for each in by_difficulty])
    yield from _several_seeds(accuracies, truths, images)
    for accuracy, table in zip(ACCURACIES, correct, strict=True):
        found = intervals.crossed(table)
        yield (
            "other seeds and images",
            str(accuracy),
            outcome_of(found.mean, found, accuracy, sum(intervals.crossed_variances(table)) ** 0.5),
        )


def _one_seed(accuracies: Floats, truths: Floats, images: int) -> Iterator[tuple[str, str, Outcome | None]]:
    for accuracy, value, truth in zip(ACCURACIES, accuracies, truths, strict=True):
        found = intervals.accuracy([value], images)
        yield "other images", str(accuracy), outcome_of(found.mean, found, truth, (value * (1 - value) / images) ** 0.5)
    first, second = accuracies[-2:]
    found = intervals.difference([first], [second], images)
    standard_error = ((first * (1 - first) + second * (1 - second)) / images) ** 0.5
    yield "difference, other images", _pair(), outcome_of(found.mean, found, truths[-2] - truths[-1], standard_error)


def _several_seeds(accuracies: Floats, truths: Floats, images: int) -> Iterator[tuple[str, str, Outcome | None]]:
    standard_errors = accuracies.std(axis=1, ddof=1) / accuracies.shape[1] ** 0.5
    for accuracy, values, truth, error in zip(ACCURACIES, accuracies, truths, standard_errors, strict=True):
        found = intervals.accuracy(values.tolist(), images)
        yield "other seeds", str(accuracy), outcome_of(found.mean, found, truth, error)
    if accuracies.shape[1] >= intervals.MIN_SIMULTANEOUS_SEEDS:
        bounds = [intervals.simultaneous(values.tolist(), len(truths)) for values in accuracies]
        each = [
            Outcome(at.low <= truth <= at.high, at.high - at.low, abs(values.mean() - truth) / error, error)
            for at, values, truth, error in zip(bounds, accuracies, truths, standard_errors, strict=True)
            if at
        ]
        contains, widths, errors, standard = zip(*each, strict=True)
        together = Outcome(all(contains), float(np.mean(widths)), max(errors), float(np.mean(standard)))
        yield "other seeds, all scales at once", "all", together
    first, second = accuracies[-2:]
    found = intervals.difference(first.tolist(), second.tolist(), images)
    # A difference that is equal for all seeds has an interval with another target.
    error = float((first - second).std(ddof=1)) / len(first) ** 0.5
    outcome = outcome_of(found.mean, found, truths[-2] - truths[-1], error)
    yield "difference, other seeds", _pair(), outcome if found.target == "seeds" else None


def simulate_pair(
    seeds: int, images: int, spread: str, random: np.random.Generator
) -> Iterator[tuple[str, str, Outcome | None]]:
    """Simulate two sweeps with the same seeds and images, at one scale of each pair. Yield the same as `simulate`."""
    shared, own = SPREADS[spread]
    difficulty = DIFFICULTY * random.standard_normal(images) + NOISE * random.standard_normal((seeds, images))
    difficulties = difficulty + OWN_DIFFICULTY * random.standard_normal((2, 1, images))
    deviation = float(np.linalg.norm((DIFFICULTY, NOISE, OWN_DIFFICULTY)))
    for accuracies in PAIRS:
        levels = np.array(
            [level_of(accuracy, float(np.hypot(deviation, np.hypot(shared, own)))) for accuracy in accuracies]
        )
        skill = levels[:, None] + shared * random.standard_normal((1, seeds)) + own * random.standard_normal((2, seeds))
        first, second = random.random((2, seeds, images)) < expit(skill[:, :, None] - difficulties)
        table = second.astype(np.int8) - first.astype(np.int8)
        if seeds == 1:
            before, after = expit(skill + deviation * NODES) @ WEIGHTS
            gained, lost = int((table == 1).sum()), int((table == -1).sum())
            error = (gained + lost - (gained - lost) ** 2 / images) ** 0.5 / images
            found: Bounds | None = tango(gained, lost, images)
            name, truth = "paired difference, other images", float(after - before)
        else:
            found, error = crossed_difference(table), sum(intervals.crossed_variances(table)) ** 0.5
            name, truth = "paired difference, other seeds and images", accuracies[1] - accuracies[0]
        yield name, _pair(*accuracies), outcome_of(float(table.mean()), found, truth, error)


def _pair(first: float = ACCURACIES[-2], second: float = ACCURACIES[-1]) -> str:
    return f"{first} and {second}"


def simulate_crossing(
    seeds: int, images: int, spread: str, random: np.random.Generator
) -> Iterator[tuple[str, str, Outcome | None]]:
    """Simulate where the curves of two sweeps with the same seeds and images cross an accuracy. Yield as `simulate`."""
    if seeds == 1:
        return
    logs = _crossings(images, spread)
    chosen = logs[:, random.choice(CURVES, seeds, replace=False)]
    for name, values, truth in (
        ("scale at an accuracy", np.exp(chosen[0]), float(np.exp(logs[0]).mean())),
        ("ratio of scales", chosen[1] - chosen[0], float((logs[1] - logs[0]).mean())),
    ):
        found = intervals.over_seeds(values.tolist())
        yield name, str(CROSSED), outcome_of(found.mean, found, truth, float(values.std(ddof=1)) / seeds**0.5)


@cache
def _crossings(images: int, spread: str) -> Floats:
    """Return ln(scale) where the curves of two sweeps cross the accuracy. Shape (2, CURVES).

    The images are the same for all curves. The number of right answers is approximately normal, with the mean and
    variance of a sum over the images.
    """
    random = np.random.default_rng(0)
    shared, own = SPREADS[spread]
    difficulty = DIFFICULTY * random.standard_normal(images)
    grid = np.linspace(-12, 12, 500)
    chances = [expit(odds - difficulty) for odds in grid]
    means = [each.mean() for each in chances]
    variances = [(each * (1 - each)).mean() / images for each in chances]
    common = shared * random.standard_normal(CURVES)
    found = np.empty((2, CURVES))
    for sweep, middle in enumerate(CROSSINGS):
        accuracies = np.clip([CROSSED - SLOPE * log(scale / middle) for scale in CROSSED_SCALES], 0.02, 0.98)
        levels = np.array([level_of(each, float(np.hypot(DIFFICULTY, np.hypot(shared, own)))) for each in accuracies])
        odds = levels[:, None] + common + own * random.standard_normal((len(levels), CURVES))
        draws = random.standard_normal(odds.shape)
        curves = np.interp(odds, grid, means) + draws * np.sqrt(np.interp(odds, grid, variances))
        for index, curve in enumerate(curves.T):
            crossing = first_crossing(Curve(CROSSED_SCALES, tuple(curve)), CROSSED)
            assert crossing is not None  # noqa: S101 - the scales reach far beyond the crossing
            found[sweep, index] = log(crossing)
    return found


Simulate = Callable[[int, int, str, np.random.Generator], Iterator[tuple[str, str, Outcome | None]]]
SIMULATIONS: dict[str, Simulate] = {"sweeps": simulate, "pairs": simulate_pair, "crossings": simulate_crossing}
