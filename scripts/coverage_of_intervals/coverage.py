"""Outcomes of simulated sweeps, and the coverage of an interval in a setting."""

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

import numpy as np

from api.science import intervals
from noisesweep.models import Bounds, Interval

MIN_COVERAGE, MAX_WIDTH = 0.93, 1.25
# Number of seeds at which widths are compared.
COMPARED_SEEDS = 5


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


def outcome_of(estimate: float, found: Interval | Bounds | None, truth: float, standard_error: float) -> Outcome | None:
    """Return the outcome of an interval; None if it is withheld."""
    if found is None or found.low is None or found.high is None:
        return None
    error = abs(estimate - truth) / standard_error if standard_error else 0.0
    return Outcome(found.low <= truth <= found.high, found.high - found.low, error, standard_error)
