"""Comparison of two sweeps: differences, ratio, areas, what is refused, and properties."""

import math
from collections.abc import Mapping, Sequence
from random import Random

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from api.science.comparison import NotComparableError, compare
from api.science.intervals import difference, over_seeds
from api.science.paired_intervals import crossed_difference, tango
from noisesweep.models import Comparison, Evaluation, NoiseOn, RunStatus, Sweep, TrainingConfig
from shared.bits import pack_bits
from tests.support.measured import End, held_out, measured_sweep

IMAGES = 200
FIXED = {0.0: 0.96, 0.5: 0.9, 1.0: 0.7, 2.0: 0.4, 4.0: 0.2}
FRESH = {0.0: 0.96, 0.5: 0.94, 1.0: 0.8, 2.0: 0.5, 4.0: 0.25}
RESAMPLE = TrainingConfig(resample=True)
grids = st.integers(1, 4).flatmap(
    lambda seeds: st.lists(
        st.tuples(*[st.lists(st.integers(0, IMAGES), min_size=4, max_size=4)] * 2), min_size=seeds, max_size=seeds
    )
)


def moved(curve: Mapping[float, float], shift: float) -> dict[float, End]:
    return {scale: value + shift for scale, value in curve.items()}


def curves(curve: Mapping[float, float], *shifts: float) -> list[dict[float, End]]:
    return [moved(curve, shift) for shift in shifts]


def sweep(*of_seeds: Mapping[float, End], config: TrainingConfig | None = None, number: int = 0) -> Sweep:
    return measured_sweep(*of_seeds, config=config).model_copy(update={"id": f"{number:016x}"})


def first_right(sweep: Sweep) -> list[Evaluation | None]:
    """Return evaluations with the val_accuracy of the runs, in which the first images are right."""
    return [
        evaluated(np.arange(IMAGES) < round(run.latest_metrics.val_accuracy * IMAGES))
        if run.status is RunStatus.SUCCEEDED and run.latest_metrics
        else None
        for run in sweep.runs
    ]


def evaluated(correct: np.ndarray) -> Evaluation:
    accuracy = float(correct.mean())
    return Evaluation(
        test_scales=[0.0], val_accuracy=[accuracy], confusion=[[len(correct)]], correct=pack_bits(correct)
    )


def without_bits(first: Sweep, second: Sweep) -> Comparison:
    return compare(first, second, [None] * len(first.runs), [None] * len(second.runs))


def with_bits(first: Sweep, second: Sweep) -> Comparison:
    return compare(first, second, first_right(first), first_right(second))


def test_differences_of_several_seeds_are_paired() -> None:
    first = sweep(*curves(FIXED, 0, 0.01, 0.02), number=1)
    second = sweep(*curves(FRESH, 0, 0.012, 0.021), config=RESAMPLE, number=2)
    found = without_bits(first, second)
    at = found.scales[3]
    differences = [0.5 - 0.4, 0.512 - 0.41, 0.521 - 0.42]
    assert (at.scale, at.method) == (2.0, "student")
    assert (at.first, at.second) == pytest.approx((0.41, 0.511))
    assert at.difference.mean == pytest.approx(0.101)
    expected = scipy.stats.t.interval(0.95, 2, loc=0.101, scale=scipy.stats.sem(differences))
    assert (at.difference.low, at.difference.high) == pytest.approx(expected)
    assert (at.seeds_and_images, at.simultaneous) == (None, None)
    assert found.method.endswith("on these images: Student's t over 3 seeds")


def test_ratio_is_that_of_the_scales_at_the_level() -> None:
    found = without_bits(sweep(*curves(FIXED, 0, 0.01), number=1), sweep(*curves(FRESH, 0, 0.012), number=2))
    # A falls to 0.55 half-way from 1 (0.7) to 2 (0.4), B at 25 / 30 of the logarithm from 1 (0.8) to 2 (0.5).
    assert found.ratio
    assert found.ratio.level == 0.55
    firsts = [2**0.5, 2 ** (16 / 30)]
    seconds = [2 ** (25 / 30), 2 ** (262 / 300)]
    logs = [math.log(second / first) for first, second in zip(firsts, seconds, strict=True)]
    assert found.ratio.first == pytest.approx(math.sqrt(firsts[0] * firsts[1]))
    assert found.ratio.second == pytest.approx(math.sqrt(seconds[0] * seconds[1]))
    expected = over_seeds(logs)
    assert expected.low is not None
    assert expected.high is not None
    ratio = found.ratio.ratio
    assert (ratio.mean, ratio.low, ratio.high) == pytest.approx(
        (math.exp(expected.mean), math.exp(expected.low), math.exp(expected.high))
    )


def test_areas_are_over_the_common_scales() -> None:
    found = without_bits(
        sweep({1.0: 0.8, 2.0: 0.6, 8.0: 0.1}, {1.0: 0.6, 2.0: 0.6, 8.0: 0.1}, number=1),
        sweep({0.5: 0.9, 1.0: 0.9, 2.0: 0.7}, {0.5: 0.9, 1.0: 0.7, 2.0: 0.8}, number=2),
    )
    assert found.area
    assert (found.area.from_scale, found.area.to_scale) == (1.0, 2.0)
    assert (found.area.first.mean, found.area.second.mean) == pytest.approx((0.65, 0.775))
    expected = over_seeds([0.8 - 0.7, 0.75 - 0.6])
    at = found.area.difference
    assert (at.mean, at.low, at.high) == pytest.approx((expected.mean, expected.low, expected.high))
    assert "Only sweep A has scale 8: it is not compared." in found.remarks
    assert "Only sweep B has scale 0.5: it is not compared." in found.remarks


def test_one_seed_with_bits_has_tangos_interval() -> None:
    found = with_bits(sweep(FIXED, number=1), sweep(FRESH, config=RESAMPLE, number=2))
    at = found.scales[3]
    bounds = tango(20, 0, IMAGES)
    assert (at.method, at.difference.target, at.difference.seeds) == ("tango", "images", 1)
    assert (at.difference.low, at.difference.high) == (bounds.low, bounds.high)
    assert found.method == (
        "95 % intervals for one seed on other images: Tango's, paired image by image, from 200 images"
    )
    assert any("one common seed" in remark for remark in found.remarks)


def test_one_seed_without_bits_has_newcombes_interval_and_says_so() -> None:
    found = without_bits(sweep(FIXED, number=1), sweep(FRESH, number=2))
    at = found.scales[3]
    assert at.method == "newcombe"
    assert at.difference == difference([0.5], [0.4], 10_000)
    assert found.method.endswith("Newcombe's, which is unpaired, from 10,000 images")
    assert any("unknown which images" in remark for remark in found.remarks)


def test_several_seeds_with_bits_have_an_interval_for_other_seeds_and_images() -> None:
    first, second = sweep(*curves(FIXED, 0, 0.01), number=1), sweep(*curves(FRESH, 0, -0.01), number=2)
    at = with_bits(first, second).scales[3]
    table = np.zeros((2, IMAGES), np.int8)
    table[0, 80:100] = table[1, 82:98] = 1
    assert at.seeds_and_images == crossed_difference(table)
    one_unknown = first_right(second)
    one_unknown[-2] = None
    assert compare(first, second, first_right(first), one_unknown).scales[3].seeds_and_images is None


def test_four_seeds_have_intervals_of_all_scales_at_once() -> None:
    shifts = (0.0, 0.001, 0.002, 0.004)
    found = without_bits(sweep(*curves(FIXED, 0, 0, 0, 0), number=1), sweep(*curves(FRESH, *shifts), number=2))
    expected = over_seeds([0.1 + shift for shift in shifts], 5)
    together = found.scales[3].simultaneous
    assert together
    assert (together.low, together.high) == pytest.approx((expected.low, expected.high))
    fewer = without_bits(sweep(*curves(FIXED, 0, 0, 0), number=1), sweep(*curves(FRESH, *shifts[1:]), number=2))
    assert fewer.scales[3].simultaneous is None


def test_equal_differences_of_several_seeds_have_no_interval() -> None:
    # 0.9 - 0.7 and 0.8 - 0.6 differ by a rounding error.
    found = without_bits(sweep({1.0: 0.7}, {1.0: 0.6}, number=1), sweep({1.0: 0.9}, {1.0: 0.8}, number=2))
    assert (found.scales[0].method, found.scales[0].difference.low) == (None, None)
    assert any("No interval of the difference at scale 1" in remark for remark in found.remarks)


def test_sweep_compared_with_itself_is_equal() -> None:
    measured = sweep(*curves(FIXED, 0, 0.013))
    for found in (with_bits(measured, measured), without_bits(measured, measured)):
        assert {at.difference.mean for at in found.scales} == {0.0}
        assert {at.method for at in found.scales} == {None}
        assert found.ratio
        assert (found.ratio.ratio.mean, found.ratio.ratio.low, found.ratio.first) == (1.0, None, found.ratio.second)
        assert found.area
        assert found.area.difference.mean == 0.0
        assert found.sentence == "Sweeps A and B have the same networks (2 seeds)."
        assert found.remarks == []


def test_networks_with_equal_weights_and_accuracies_are_the_same() -> None:
    def trained(number: int, **accuracy: float) -> Sweep:
        made = sweep({0.0: 0.98, 0.5: accuracy.get("at", 0.9)}, number=number)
        runs = [run.model_copy(update={"weights_sha256": f"{run.scale}"}) for run in made.runs]
        return made.model_copy(update={"runs": runs})

    assert "same networks (one seed, 10,000 images)" in without_bits(trained(1), trained(2)).sentence
    # Networks trained on clean images have the same weights at all scales of noise, but not the same accuracy.
    other = without_bits(trained(1), trained(2, at=0.8))
    assert [at.method for at in other.scales] == [None, "newcombe"]
    assert other.remarks[0] == "At scale 0, both sweeps have the same networks."


@settings(max_examples=40, deadline=None)
@given(grids, st.randoms(use_true_random=False), st.booleans())
def test_exchanged_sweeps_have_negated_differences_and_the_reciprocal_ratio(
    grid: Sequence[tuple[list[int], list[int]]], order: Random, known: bool
) -> None:
    scales = (0.0, 0.5, 1.0, 4.0)
    first, second = (
        sweep(
            *[{scale: count / IMAGES for scale, count in zip(scales, both[side], strict=True)} for both in grid],
            number=side,
        )
        for side in (0, 1)
    )
    comparison = with_bits if known else without_bits
    found, exchanged = comparison(first, second), comparison(second, first)
    for at, other in zip(found.scales, exchanged.scales, strict=True):
        assert (at.first, at.second, at.method) == (other.second, other.first, other.method)
        assert other.difference.mean == -at.difference.mean
        for one, two in (
            (at.difference, other.difference),
            (at.seeds_and_images, other.seeds_and_images),
            (at.simultaneous, other.simultaneous),
        ):
            if one is None or one.low is None or one.high is None:
                assert two is None or two.low is None
            else:
                assert two is not None
                assert (two.low, two.high) == pytest.approx((-one.high, -one.low), abs=1e-12)
    assert (found.ratio is None) == (exchanged.ratio is None)
    if found.ratio and exchanged.ratio:
        assert exchanged.ratio.ratio.mean == pytest.approx(1 / found.ratio.ratio.mean)
        assert (exchanged.ratio.first, exchanged.ratio.second) == (found.ratio.second, found.ratio.first)
        if found.ratio.ratio.low and exchanged.ratio.ratio.high and exchanged.ratio.ratio.high < 1e300:
            assert exchanged.ratio.ratio.high == pytest.approx(1 / found.ratio.ratio.low)
    if found.area and exchanged.area:
        assert exchanged.area.difference.mean == -found.area.difference.mean
    shuffled = [each.model_copy(update={"runs": order.sample(each.runs, len(each.runs))}) for each in (first, second)]
    assert comparison(*shuffled) == found


def test_only_succeeded_runs_count() -> None:
    first = sweep(FIXED, FIXED | {4.0: RunStatus.FAILED}, number=1)
    second = sweep(dict.fromkeys(FRESH, RunStatus.CANCELLED), moved(FRESH, 0.01), number=2)
    found = without_bits(first, second)
    assert [(at.scale, at.difference.seeds) for at in found.scales] == [(0.0, 1), (0.5, 1), (1.0, 1), (2.0, 1)]
    assert "Sweep A: 9 of 10 runs have succeeded: 1 failed. Only succeeded runs are compared." in found.remarks
    assert "Sweep B: 5 of 10 runs have succeeded: 5 cancelled. Only succeeded runs are compared." in found.remarks


def test_sweeps_without_a_succeeded_pair_have_no_figures() -> None:
    found = without_bits(sweep(FIXED, number=1), sweep(dict.fromkeys(FRESH, RunStatus.QUEUED), number=2))
    assert (found.scales, found.ratio, found.area, found.method) == ([], None, None, "no intervals")
    assert found.sentence == "No run has succeeded in both sweeps at the same scale with the same seed."
    assert found.remarks == ["Sweep B: No run has succeeded yet: 5 queued. Only succeeded runs are compared."]


def test_seed_without_all_common_scales_has_no_curve() -> None:
    first = sweep(FIXED, FIXED | {2.0: RunStatus.FAILED}, number=1)
    found = without_bits(first, sweep(FRESH, FRESH, number=2))
    assert found.ratio
    assert found.ratio.ratio.seeds == 1
    assert any("cover 1 of 2 common seeds" in remark for remark in found.remarks)
    neither = without_bits(
        sweep({1.0: 0.9, 2.0: RunStatus.FAILED}, {1.0: RunStatus.FAILED, 2.0: 0.8}, number=1),
        sweep({1.0: 0.9, 2.0: 0.4}, {1.0: 0.9, 2.0: 0.4}, number=2),
    )
    assert (neither.ratio, neither.area) == (None, None)
    assert any("No seed has succeeded at every common scale" in remark for remark in neither.remarks)


def test_curve_that_does_not_cross_has_no_ratio_and_a_reason() -> None:
    high, low = {0.5: 0.9, 1.0: 0.8}, {0.5: 0.5, 1.0: 0.4}
    found = without_bits(sweep(high, number=1), sweep(low, number=2))
    assert found.ratio is None
    assert (
        "No ratio: the curve of sweep A is above 55.0 % at every common scale. Extend both sweeps with greater scales."
        in found.remarks
    )
    assert "No ratio: the curve of sweep B is not above 55.0 % at the first scale." in found.remarks
    several = without_bits(sweep(high, low, number=1), sweep(high, high, number=2))
    assert several.ratio is None
    assert any("1 of 2 curves of sweep A is not above" in remark for remark in several.remarks)
    assert any("2 of 2 curves of sweep B are above" in remark for remark in several.remarks)


def test_distant_scales_around_the_level_are_named() -> None:
    coarse = without_bits(sweep(FIXED, number=1), sweep(FRESH, number=2))
    assert any("between scales 1 and 2 is interpolated" in remark for remark in coarse.remarks)
    near = without_bits(sweep({1.0: 0.6, 1.2: 0.5}, number=1), sweep({1.0: 0.65, 1.2: 0.54}, number=2))
    assert near.ratio
    assert not any("interpolated" in remark for remark in near.remarks)


def test_unlike_sweeps_are_refused() -> None:
    digits = sweep(FIXED, config=TrainingConfig(dataset="digits"), number=2)
    with pytest.raises(NotComparableError, match="A has mnist, B has digits"):
        without_bits(sweep(FIXED, number=1), digits)
    with pytest.raises(NotComparableError, match=r"A has scales 0\.5 and seeds 0, B has scales 1 and seeds 0\. Extend"):
        without_bits(sweep({0.5: 0.9}, number=1), sweep({1.0: 0.9}, number=2))
    other_seed = sweep({0.5: 0.9}, number=2)
    runs = [run.model_copy(update={"seed": 7}) for run in other_seed.runs]
    with pytest.raises(NotComparableError, match=r"B has scales 0\.5 and seeds 7"):
        without_bits(sweep({0.5: 0.9}, number=1), other_seed.model_copy(update={"runs": runs}))


def test_sweeps_with_a_holdout_are_compared_by_their_test_images() -> None:
    first, second = sweep(FIXED, number=1), held_out(sweep(FIXED, number=2), 0.25)
    found = without_bits(first, second)
    assert [at.second for at in found.scales] == [0.25] * len(FIXED)
    assert found.differing_settings == ["holdout"]
    assert found.sentence.startswith("With 100 images held out the accuracy without noise is 71.0 points lower")
    assert without_bits(second, first).sentence.startswith("With no holdout the accuracy")


def test_different_numerics_and_seeds_are_named() -> None:
    first, second = sweep(FIXED, number=1), sweep(FRESH, FRESH, number=2)
    newer = [run.model_copy(update={"numerics": 2}) for run in first.runs]
    found = without_bits(first.model_copy(update={"runs": newer}), second)
    assert any("different numerics versions (1 and 2)" in remark for remark in found.remarks)
    assert "Only sweep B has seed 1: it is not compared." in found.remarks


def test_sentence_claims_the_ratio_if_its_interval_leaves_out_1() -> None:
    first = sweep(*curves(FIXED, 0, 0.01, 0.02), number=1)
    fresh = sweep(*curves(FRESH, 0, 0.011, 0.021), config=RESAMPLE, number=2)
    found = without_bits(first, fresh)
    # The logarithms of the ratios are ln 2 times 10 / 30, 10.1 / 30 and 10.1 / 30, and t(0.975, 2) = 4.303.
    assert found.sentence == "With fresh noise the network takes 1.26 times the noise (1.26 to 1.27; 3 seeds)."
    assert (found.name, found.differing_settings) == ("gain from fresh noise", ["resample"])
    assert "augmentation, and the network is overtrained less" in found.remarks[-1]
    exchanged = without_bits(fresh, first)
    assert exchanged.sentence.startswith("With noise drawn once the network takes 0.79")
    assert exchanged.name == "difference without fresh noise, B - A"


def test_several_different_settings_are_named_by_the_sweep() -> None:
    first = sweep(*curves(FIXED, 0, 0.01, 0.02), number=1)
    config = TrainingConfig(resample=True, dropout=0.5)
    found = without_bits(first, sweep(*curves(FRESH, 0, 0.011, 0.021), config=config, number=2))
    assert found.sentence.startswith("Sweep B takes 1.26 times the noise of sweep A (")
    assert found.name == "difference, B - A"
    assert found.differing_settings == ["dropout", "resample"]


@pytest.mark.parametrize(
    ("config", "beginning"),
    [
        ({"dropout": 0.5}, "With dropout 0.5 the"),
        ({"epochs": 1}, "With 1 epoch the"),
        ({"hidden_units": [64, 32]}, "With hidden units 64-32 the"),
        ({"clip": True}, "With clipped noise the"),
        ({"noise_on": NoiseOn.TRAIN}, "With noise on training images only the"),
        ({"precision": "mixed_bfloat16"}, "With mixed_bfloat16 the"),
    ],
)
def test_one_different_setting_is_the_subject(config: dict[str, object], beginning: str) -> None:
    config_b = TrainingConfig.model_validate(config)
    found = with_bits(sweep(FIXED, number=1), sweep(FRESH, config=config_b, number=2))
    assert found.sentence.startswith(beginning)


def test_one_seed_claims_the_largest_measurable_difference() -> None:
    found = with_bits(sweep(FIXED, number=1), sweep(FRESH, config=RESAMPLE, number=2))
    bounds = tango(20, 0, IMAGES)
    assert found.sentence == (
        "With fresh noise the accuracy at scale 1 is 10.0 points higher "
        f"({100 * bounds.low:#.3g} to {100 * bounds.high:.1f}; one seed, 200 images)."
    )
    worse = with_bits(sweep({0.0: 0.9}, number=1), sweep({0.0: 0.8}, number=2))
    assert worse.sentence == (
        "The accuracy of sweep B without noise is 10.0 points lower than that of sweep A "
        f"({100 * bounds.low:#.3g} to {100 * bounds.high:.1f}; one seed, 200 images)."
    )


def test_nothing_is_claimed_within_an_interval() -> None:
    one = with_bits(sweep({0.2: 0.85, 1.0: 0.5}, number=1), sweep({0.2: 0.86, 1.0: 0.5}, config=RESAMPLE, number=2))
    assert one.sentence == "With fresh noise the network does not differ measurably (one seed, 200 images)."
    several = without_bits(sweep(*curves(FIXED, 0, 0.01), number=1), sweep(*curves(FIXED, 0.01, 0), FIXED, number=2))
    assert several.sentence == "Sweep B does not differ measurably from sweep A (2 seeds)."


def test_chosen_difference_is_judged_with_all_scales() -> None:
    # 5 gained and no lost images of 200: 0 is left out by an interval at 95 %, but not by one of five at once.
    assert tango(5, 0, IMAGES).low > 0 > tango(5, 0, IMAGES, 5).low
    flat = dict.fromkeys(FIXED, 0.8)
    found = with_bits(sweep(flat, number=1), sweep(flat | {2.0: 0.825}, number=2))
    assert found.sentence == "Sweep B does not differ measurably from sweep A (one seed, 200 images)."
