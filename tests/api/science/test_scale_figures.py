"""Statistics by scale, compared with hand calculations."""

from collections.abc import Sequence
from math import exp

import numpy as np
import pytest

from api.science.intervals import crossed
from api.science.scale_figures import figures
from noisesweep.models import Evaluation, Gaps, Interval, IntervalTarget, NoiseOn, RunStatus, TrainingConfig
from shared.bits import pack_bits
from tests.support.measured import End, held_out, measured_sweep
from tests.support.records import evaluation


def test_statistics_are_sorted_by_ascending_scale() -> None:
    last, first = reversed(figures(measured_sweep({4.0: 0.2, 0.5: 0.8}, {4.0: 0.4, 0.5: 0.9})))
    assert (first.scale, last.scale) == (0.5, 4.0)
    assert last.val_accuracy.mean == pytest.approx(0.3)
    assert last.accuracy.mean == pytest.approx(0.65)
    assert last.val_accuracy.seeds == 2
    # s / sqrt(2) = 0.1, and t(0.975, 1) = 12.706: 6.05 on the scale of log odds, where the mean is -0.847.
    assert last.val_accuracy.high == pytest.approx(1 / (1 + exp(0.8473 - 1.2706 / 0.21)), abs=1e-4)


def evaluated(correct: Sequence[bool], training: float, fresh: float) -> Evaluation:
    """Return an evaluation on images of one class."""
    wrong = len(correct) - sum(correct)
    return evaluation().model_copy(
        update={
            "confusion": [[sum(correct), wrong], [0, 0]],
            "correct": pack_bits(np.array(correct)),
            "gaps": Gaps(training=training, fresh=fresh),
        }
    )


def test_gaps_are_differences_on_training_images() -> None:
    sweep = measured_sweep({2.0: 0.5}, {2.0: 0.75})
    evaluations = [evaluated([True, False, True, False], 0.9, 0.5), evaluated([True, True, True, False], 0.8, 0.7)]
    [at] = figures(sweep, evaluations)
    assert at.noise_gap
    assert at.image_gap
    assert at.noise_gap.mean == pytest.approx(0.25)
    assert at.noise_gap.high == pytest.approx(0.25 + 12.706 * 0.15, rel=1e-3)  # Student's interval
    assert at.image_gap.mean == pytest.approx((0.0 - 0.05) / 2)
    [trained_with_noise_only] = figures(
        sweep.model_copy(update={"config": TrainingConfig(noise_on=NoiseOn.TRAIN)}), evaluations
    )
    assert trained_with_noise_only.noise_gap is None
    assert trained_with_noise_only.image_gap == at.image_gap


def test_interval_over_seeds_and_images_needs_the_bits_of_all_seeds() -> None:
    draws = np.random.default_rng(0)
    tables = [draws.random(200) < share for share in (0.6, 0.7, 0.8)]
    sweep = measured_sweep(*({1.0: float(table.mean())} for table in tables))
    evaluations: list[Evaluation | None] = [evaluated(list(table), 0.9, 0.8) for table in tables]
    [at] = figures(sweep, evaluations)
    expected = crossed(np.array(tables))
    assert at.seeds_and_images
    assert (at.seeds_and_images.low, at.seeds_and_images.high) == (expected.low, expected.high)
    [incomplete] = figures(sweep, [*evaluations[:2], evaluation()])
    assert incomplete.seeds_and_images is None
    [without] = figures(sweep)
    assert (without.seeds_and_images, without.noise_gap, without.image_gap) == (None, None, None)


def test_only_succeeded_runs_are_counted() -> None:
    sweep = measured_sweep({0.5: 0.8, 1.0: RunStatus.RUNNING}, {0.5: RunStatus.FAILED, 1.0: RunStatus.CANCELLED})
    [only] = figures(sweep)
    assert (only.scale, only.val_accuracy.mean, only.val_accuracy.seeds) == (0.5, 0.8, 1)
    assert figures(measured_sweep({0.5: RunStatus.QUEUED})) == []


def test_drop_is_paired_by_seed() -> None:
    clean, noisy = figures(measured_sweep({0.0: 0.98, 1.0: 0.78}, {0.0: 0.90, 1.0: 0.70}))
    assert noisy.drop_from_clean
    assert noisy.drop_from_clean.mean == pytest.approx(0.2)
    assert noisy.drop_from_clean.target is IntervalTarget.IMAGES  # both seeds have the same drop
    assert noisy.drop_from_clean.high == pytest.approx(0.2098, abs=1e-4)
    assert clean.drop_from_clean == Interval(mean=0, seeds=2)


def test_drop_uses_only_seeds_with_both_scales() -> None:
    sweep = measured_sweep({0.0: 0.9, 1.0: 0.7}, {0.0: RunStatus.FAILED, 1.0: 0.1}, {0.0: 0.9, 1.0: RunStatus.QUEUED})
    _, noisy = figures(sweep)
    assert noisy.drop_from_clean
    assert noisy.drop_from_clean.mean == pytest.approx(0.2)
    assert noisy.drop_from_clean.seeds == 1
    assert noisy.val_accuracy.seeds == 2
    assert figures(measured_sweep({0.1: 0.9, 1.0: 0.7}))[0].drop_from_clean is None


def test_one_seed_has_the_interval_of_its_data_sets_images() -> None:
    for dataset, low in (("digits", 0.8099), ("mnist", 0.8436)):
        [only] = figures(measured_sweep({0.2: 302 / 355}, config=TrainingConfig(dataset=dataset)))
        assert only.val_accuracy.target is IntervalTarget.IMAGES
        assert only.val_accuracy.low == pytest.approx(low, abs=1e-4)
        assert (only.accuracy.low, only.simultaneous) == (None, None)


def test_simultaneous_interval_is_wider_and_needs_four_seeds() -> None:
    curves: list[dict[float, End]] = [{0.5: 0.9 + seed / 100, 1.0: 0.7, 2.0: RunStatus.QUEUED} for seed in range(4)]
    half, equal = figures(measured_sweep(*curves))
    assert half.simultaneous
    assert half.val_accuracy.low is not None
    assert half.val_accuracy.high is not None
    assert half.simultaneous.low < half.val_accuracy.low < half.val_accuracy.high < half.simultaneous.high
    assert equal.simultaneous is None
    assert [at.simultaneous for at in figures(measured_sweep(*curves[:3]))] == [None, None]


def test_accuracy_with_a_holdout_is_that_on_the_test_images() -> None:
    sweep = held_out(measured_sweep({0.5: 0.8, 4.0: RunStatus.RUNNING}), 0.75)
    [at] = figures(sweep)
    assert at.val_accuracy.mean == 0.75
    assert at.accuracy.mean == pytest.approx(0.9)
