"""Claims, remarks and refusals of the comparison of two sweeps."""

import pytest

from api.science.comparison import NotComparableError
from api.science.paired_intervals import tango
from noisesweep.models import NoiseKind, NoiseOn, RunStatus, TrainingConfig
from tests.support.comparisons import FIXED, FRESH, IMAGES, RESAMPLE, curves, moved, sweep, with_bits, without_bits
from tests.support.measured import held_out


def test_only_succeeded_runs_count() -> None:
    first = sweep(FIXED, FIXED | {4.0: RunStatus.FAILED}, number=1)
    second = sweep(dict.fromkeys(FRESH, RunStatus.CANCELLED), moved(FRESH, 0.01), number=2)
    found = without_bits(first, second)
    assert [(at.scale, at.difference.seeds) for at in found.scales] == [(0.0, 1), (0.5, 1), (1.0, 1), (2.0, 1)]
    for letter, progress in (
        ("A", "failed after 10 of 29 epochs. 9 of 10 runs have succeeded: 1 failed"),
        ("B", "cancelled after 10 of 105 epochs. 5 of 10 runs have succeeded: 5 cancelled"),
    ):
        assert f"Sweep {letter}: {progress}. Only succeeded runs are compared." in found.remarks


def test_sweeps_without_a_succeeded_pair_have_no_figures() -> None:
    found = without_bits(sweep(FIXED, number=1), sweep(dict.fromkeys(FRESH, RunStatus.QUEUED), number=2))
    assert (found.scales, found.ratio, found.area, found.method) == ([], None, None, "no intervals")
    assert found.sentence == "No run has succeeded in both sweeps at the same scale with the same seed."
    assert found.remarks == [
        "Sweep B: queued, 5 of 100 epochs. No run has succeeded yet: 5 queued. Only succeeded runs are compared."
    ]


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
    shot = sweep(FIXED, config=TrainingConfig(noise=NoiseKind.SHOT), number=2)
    with pytest.raises(NotComparableError, match="A has Gaussian noise, B has shot noise"):
        without_bits(sweep(FIXED, number=1), shot)
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
