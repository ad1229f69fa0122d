"""Figures of the comparison of two sweeps, and their properties."""

import math
from collections.abc import Sequence
from random import Random

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from api.science.comparison import compare
from api.science.intervals import difference, over_seeds
from api.science.paired_intervals import crossed_difference, tango
from noisesweep.models import Sweep
from tests.support.comparisons import (
    FIXED,
    FRESH,
    IMAGES,
    RESAMPLE,
    curves,
    first_right,
    sweep,
    with_bits,
    without_bits,
)

grids = st.integers(1, 4).flatmap(
    lambda seeds: st.lists(
        st.tuples(*[st.lists(st.integers(0, IMAGES), min_size=4, max_size=4)] * 2), min_size=seeds, max_size=seeds
    )
)


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
