"""Statistics by scale, compared with hand calculations."""

import pytest

from api.science.scale_figures import figures
from noisesweep.models import RunStatus
from tests.support.measured import measured_sweep


def test_statistics_are_sorted_by_ascending_scale() -> None:
    last, first = reversed(figures(measured_sweep({4.0: 0.2, 0.5: 0.8}, {4.0: 0.4, 0.5: 0.9})))
    assert (first.scale, last.scale) == (0.5, 4.0)
    assert last.val_accuracy.mean == pytest.approx(0.3)
    assert last.accuracy.mean == pytest.approx(0.65)
    assert last.generalisation_gap.mean == pytest.approx(0.35)
    assert last.val_accuracy.seeds == 2
    # s / sqrt(2) = 0.1, and t(0.975, 1) = 12.706.
    assert last.val_accuracy.high == pytest.approx(0.3 + 1.2706, abs=1e-4)


def test_only_succeeded_runs_are_counted() -> None:
    sweep = measured_sweep({0.5: 0.8, 1.0: RunStatus.RUNNING}, {0.5: RunStatus.FAILED, 1.0: RunStatus.CANCELLED})
    [only] = figures(sweep)
    assert (only.scale, only.val_accuracy.mean, only.val_accuracy.seeds) == (0.5, 0.8, 1)
    assert figures(measured_sweep({0.5: RunStatus.QUEUED})) == []


def test_drop_is_paired_by_seed() -> None:
    clean, noisy = figures(measured_sweep({0.0: 0.98, 1.0: 0.78}, {0.0: 0.90, 1.0: 0.70}))
    assert noisy.drop_from_clean
    assert noisy.drop_from_clean.mean == pytest.approx(0.2)
    assert noisy.drop_from_clean.high == pytest.approx(0.2)  # although the accuracy at each scale differs between seeds
    assert clean.drop_from_clean
    assert (clean.drop_from_clean.low, clean.drop_from_clean.high) == (0, 0)


def test_drop_uses_only_seeds_with_both_scales() -> None:
    sweep = measured_sweep({0.0: 0.9, 1.0: 0.7}, {0.0: RunStatus.FAILED, 1.0: 0.1}, {0.0: 0.9, 1.0: RunStatus.QUEUED})
    _, noisy = figures(sweep)
    assert noisy.drop_from_clean
    assert noisy.drop_from_clean.mean == pytest.approx(0.2)
    assert noisy.drop_from_clean.seeds == 1
    assert noisy.val_accuracy.seeds == 2
    assert figures(measured_sweep({0.1: 0.9, 1.0: 0.7}))[0].drop_from_clean is None
