"""Measure how often the confidence intervals contain their targets, on simulated sweeps with known truth.

A simulated network classifies an image correctly with probability expit(level + skill of the network - difficulty of
the image). Skill and difficulty are normal, and the level of a scale gives the wanted mean accuracy. In a pair of
sweeps, the noise of a seed makes an image harder or easier for both of its networks, and some images are harder for all
networks of one sweep than for those of the other. The program prints a table, and exits with 1 if an interval contains
its target too rarely or is too wide.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.optimize import brentq
from scipy.special import expit

from api.science import intervals
from api.science.paired_intervals import crossed_difference, tango
from noisesweep.models import Bounds, Interval

Floats = NDArray[np.float64]

MIN_COVERAGE, MAX_WIDTH = 0.93, 1.25
SEEDS, IMAGES = (1, 2, 3, 5), (355, 10_000)
# Number of seeds at which widths are compared.
COMPARED_SEEDS = SEEDS[-1]
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


class Setting(NamedTuple):
    """Row of the table."""

    interval: str
    images: int
    spread: str
    accuracy: str


class Outcome(NamedTuple):
    """Interval of a simulated sweep; the mean of several if they must hold at once.

    Attributes:
        contains: Whether it contains its target.
        width: high - low.
        error: Distance of the estimate from the truth, in estimated standard errors; the largest one of several.
        standard_error: The estimated standard error.
    """

    contains: bool
    width: float
    error: float
    standard_error: float


class Coverage(NamedTuple):
    """Result of a setting at one number of seeds.

    Attributes:
        given: Fraction of sweeps in which the interval is given.
        coverage: Fraction of these in which it contains its target.
        width: Mean width, divided by that of an oracle. The oracle has the form estimate ± factor * standard error,
            with the same standard errors, and knows the factor that covers the truth in 95 % of the sweeps.
    """

    given: float
    coverage: float
    width: float

    @classmethod
    def of(cls, outcomes: Sequence[Outcome | None]) -> "Coverage":
        """Return the coverage of simulated sweeps; None stands for a withheld interval."""
        given = [outcome for outcome in outcomes if outcome]
        if not given:
            return cls(0.0, 1.0, 0.0)
        contains, widths, errors, standard_errors = np.array(given).T
        oracle = float(2 * np.quantile(errors, intervals.CONFIDENCE) * standard_errors.mean())
        width = float(widths.mean()) / oracle if oracle else inf
        return cls(len(given) / len(outcomes), float(contains.mean()), width)

    def failure(self, seeds: int) -> str | None:
        """Return what is wrong with the interval; None if nothing is."""
        if self.coverage < MIN_COVERAGE:
            return f"coverage {self.coverage:.3f} is below {MIN_COVERAGE}"
        if seeds == COMPARED_SEEDS and self.width > MAX_WIDTH:
            return f"the width is {self.width:.2f} times the oracle's, above {MAX_WIDTH}"
        return None


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
            _outcome(found.mean, found, accuracy, sum(intervals.crossed_variances(table)) ** 0.5),
        )


def _one_seed(accuracies: Floats, truths: Floats, images: int) -> Iterator[tuple[str, str, Outcome | None]]:
    for accuracy, value, truth in zip(ACCURACIES, accuracies, truths, strict=True):
        found = intervals.accuracy([value], images)
        yield "other images", str(accuracy), _outcome(found.mean, found, truth, (value * (1 - value) / images) ** 0.5)
    first, second = accuracies[-2:]
    found = intervals.difference([first], [second], images)
    standard_error = ((first * (1 - first) + second * (1 - second)) / images) ** 0.5
    yield "difference, other images", _pair(), _outcome(found.mean, found, truths[-2] - truths[-1], standard_error)


def _several_seeds(accuracies: Floats, truths: Floats, images: int) -> Iterator[tuple[str, str, Outcome | None]]:
    standard_errors = accuracies.std(axis=1, ddof=1) / accuracies.shape[1] ** 0.5
    for accuracy, values, truth, error in zip(ACCURACIES, accuracies, truths, standard_errors, strict=True):
        found = intervals.accuracy(values.tolist(), images)
        yield "other seeds", str(accuracy), _outcome(found.mean, found, truth, error)
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
    outcome = _outcome(found.mean, found, truths[-2] - truths[-1], error)
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
        yield name, _pair(*accuracies), _outcome(float(table.mean()), found, truth, error)


def _pair(first: float = ACCURACIES[-2], second: float = ACCURACIES[-1]) -> str:
    return f"{first} and {second}"


def _outcome(estimate: float, found: Interval | Bounds | None, truth: float, standard_error: float) -> Outcome | None:
    if found is None or found.low is None or found.high is None:
        return None
    error = abs(estimate - truth) / standard_error if standard_error else 0.0
    return Outcome(found.low <= truth <= found.high, found.high - found.low, error, standard_error)


Simulate = Callable[[int, int, str, np.random.Generator], Iterator[tuple[str, str, Outcome | None]]]
SIMULATIONS: dict[str, Simulate] = {"sweeps": simulate, "pairs": simulate_pair}


def measure(sweeps: int, simulations: Sequence[str] = tuple(SIMULATIONS)) -> dict[Setting, dict[int, Coverage]]:
    """Return the coverage by setting and number of seeds, each from a number of simulated sweeps or pairs."""
    outcomes: dict[tuple[Setting, int], list[Outcome | None]] = defaultdict(list)
    for simulation in simulations:
        for index, (seeds, images, spread) in enumerate(product(SEEDS, IMAGES, SPREADS)):
            random = np.random.default_rng(index)
            for _ in range(sweeps):
                for interval, accuracy, outcome in SIMULATIONS[simulation](seeds, images, spread, random):
                    outcomes[Setting(interval, images, spread, accuracy), seeds].append(outcome)
    found: dict[Setting, dict[int, Coverage]] = defaultdict(dict)
    for (setting, seeds), all_outcomes in outcomes.items():
        found[setting][seeds] = Coverage.of(all_outcomes)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and the failures. Return 1 if there are any, otherwise 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sweeps", type=int, default=2000, help="simulated sweeps in each setting")
    parser.add_argument("--only", choices=SIMULATIONS, help="simulate only sweeps, or only pairs of sweeps")
    options = parser.parse_args(arguments)
    found = measure(options.sweeps, [options.only] if options.only else tuple(SIMULATIONS))
    table = Table(title=f"Coverage by number of seeds; width at {COMPARED_SEEDS} seeds relative to an oracle's")
    for column in (*Setting._fields, *map(str, SEEDS), "width"):
        table.add_column(column, no_wrap=True)
    for setting, by_seeds in sorted(found.items()):
        cells = [by_seeds.get(seeds) for seeds in SEEDS]
        last = by_seeds.get(COMPARED_SEEDS)
        table.add_row(*map(str, setting), *map(_format, cells), f"{last.width:.2f}" if last else "")
    Console(width=150).print(table)
    failures = [
        f"{', '.join(map(str, setting))}, {seeds} seeds: {failure}"
        for setting, by_seeds in found.items()
        for seeds, coverage in by_seeds.items()
        if (failure := coverage.failure(seeds))
    ]
    print(*failures, sep="\n")
    return 1 if failures else 0


def _format(coverage: Coverage | None) -> str:
    """Return the coverage, and the fraction of sweeps with an interval if it is not always given."""
    if coverage is None:
        return ""
    given = f" ({coverage.given:.0%} given)" if coverage.given < 1 else ""
    return f"{coverage.coverage:.3f}{given}"


if __name__ == "__main__":
    sys.exit(main())
