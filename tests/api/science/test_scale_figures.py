"""Figures by scale against hand and closed forms."""

import pytest

from api.science.scale_figures import figures
from noisesweep.models import RunStatus
from tests.support.measured import measured


def test_each_scale_has_its_figures_over_the_seeds_by_ascending_scale() -> None:
    last, first = reversed(figures(measured({4.0: 0.2, 0.5: 0.8}, {4.0: 0.4, 0.5: 0.9})))
    assert (first.scale, last.scale) == (0.5, 4.0)
    assert last.val_accuracy.mean == pytest.approx(0.3)
    assert last.accuracy.mean == pytest.approx(0.65)
    assert last.generalisation_gap.mean == pytest.approx(0.35)
    assert last.val_accuracy.seeds == 2
    # s / sqrt(2) = 0.1, and t(0.975, 1) = 12.706.
    assert last.val_accuracy.high == pytest.approx(0.3 + 1.2706, abs=1e-4)


def test_runs_that_have_not_succeeded_have_no_part_in_the_figures() -> None:
    sweep = measured({0.5: 0.8, 1.0: RunStatus.RUNNING}, {0.5: RunStatus.FAILED, 1.0: RunStatus.CANCELLED})
    [only] = figures(sweep)
    assert (only.scale, only.val_accuracy.mean, only.val_accuracy.seeds) == (0.5, 0.8, 1)
    assert figures(measured({0.5: RunStatus.QUEUED})) == []


def test_the_drop_is_taken_seed_by_seed_so_that_what_seeds_have_in_common_cancels() -> None:
    clean, noisy = figures(measured({0.0: 0.98, 1.0: 0.78}, {0.0: 0.90, 1.0: 0.70}))
    assert noisy.drop_from_clean
    assert noisy.drop_from_clean.mean == pytest.approx(0.2)
    assert noisy.drop_from_clean.high == pytest.approx(0.2)  # although each scale by itself differs between the seeds
    assert clean.drop_from_clean
    assert (clean.drop_from_clean.low, clean.drop_from_clean.high) == (0, 0)


def test_the_drop_counts_only_seeds_that_have_both_ends() -> None:
    sweep = measured({0.0: 0.9, 1.0: 0.7}, {0.0: RunStatus.FAILED, 1.0: 0.1}, {0.0: 0.9, 1.0: RunStatus.QUEUED})
    _, noisy = figures(sweep)
    assert noisy.drop_from_clean
    assert noisy.drop_from_clean.mean == pytest.approx(0.2)
    assert noisy.drop_from_clean.seeds == 1
    assert noisy.val_accuracy.seeds == 2
    assert figures(measured({0.1: 0.9, 1.0: 0.7}))[0].drop_from_clean is None
