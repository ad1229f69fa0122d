"""Coverage of the intervals on a few simulated sweeps, and the verdict on each setting."""

import numpy as np
import pytest

from scripts.coverage_of_intervals.__main__ import main, measure
from scripts.coverage_of_intervals.coverage import Coverage, Outcome
from scripts.coverage_of_intervals.simulations import ACCURACIES, IMAGES, PAIRS, SEEDS, SPREADS, level_of


def test_every_interval_is_measured_in_every_setting() -> None:
    found = measure(sweeps=2)
    by_interval = {name: [setting for setting in found if setting.interval == name] for name, *_ in found}
    assert {name: len(settings) // (len(IMAGES) * len(SPREADS)) for name, settings in by_interval.items()} == {
        "other images": len(ACCURACIES),
        "other seeds": len(ACCURACIES),
        "other seeds and images": len(ACCURACIES),
        "other seeds, all scales at once": 1,
        "difference, other images": 1,
        "difference, other seeds": 1,
        "paired difference, other images": len(PAIRS),
        "paired difference, other seeds and images": len(PAIRS),
        "scale at an accuracy": 1,
        "ratio of scales": 1,
    }
    assert {seeds for by_seeds in found.values() for seeds in by_seeds} == set(SEEDS)


def test_level_gives_the_mean_accuracy() -> None:
    level = level_of(0.97, 2.0)
    odds = level + 2 * np.random.default_rng(0).standard_normal(1_000_000)
    assert (1 / (1 + np.exp(-odds))).mean() == pytest.approx(0.97, abs=2e-4)


def test_coverage_counts_only_given_intervals() -> None:
    outcomes = [Outcome(contains=True, width=4.0, error=1.0, standard_error=1.0)] * 3
    missed = Outcome(contains=False, width=4.0, error=1.0, standard_error=1.0)
    # The oracle's half-width is one standard error, and this one is twice as wide.
    assert Coverage.of([*outcomes, missed, None]) == Coverage(given=0.8, coverage=0.75, width=2.0)
    assert Coverage.of([None]).failure(5) is None


@pytest.mark.parametrize(
    ("coverage", "seeds", "failure"),
    [
        (Coverage(1.0, 0.93, 1.25), 5, None),
        (Coverage(1.0, 0.92, 1.0), 2, "coverage 0.920 is below 0.93"),
        (Coverage(1.0, 0.95, 1.3), 5, "the width is 1.30 times the oracle's, above 1.25"),
        (Coverage(1.0, 0.99, 9.0), 2, None),  # two seeds are compared with no oracle
    ],
)
def test_failures_are_named(coverage: Coverage, seeds: int, failure: str | None) -> None:
    assert coverage.failure(seeds) == failure


def test_too_rare_coverage_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--sweeps", "1", "--only", "sweeps"]) == 1  # an interval of a single sweep contains its target or not
    printed = capsys.readouterr().out
    assert "other seeds, all scales at once" in printed
    assert "is below 0.93" in printed
