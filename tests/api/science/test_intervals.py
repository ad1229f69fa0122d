"""Confidence intervals, compared with hand calculations, SciPy and published examples, and property tests."""

import math
from collections.abc import Callable
from random import Random
from statistics import StatisticsError

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from api.science.intervals import accuracy, crossed, crossed_variances, difference, over_seeds, simultaneous, wilson
from noisesweep.models import Interval, IntervalTarget

SEEDS, IMAGES, BOTH = IntervalTarget
# Covers scales up to 1000, and differences of either sign.
numbers = st.floats(-1000, 1000, allow_subnormal=False)
several = st.lists(numbers, min_size=2, max_size=256)
fractions = st.floats(0, 1)
several_fractions = st.lists(fractions, min_size=2, max_size=64)
counts = st.integers(1, 10_000).flatmap(lambda images: st.tuples(st.integers(0, images), st.just(images)))


def ends(found: Interval) -> tuple[float, float]:
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def test_interval_of_five_seeds_matches_a_t_table() -> None:
    # Mean 3, s = sqrt(10 / 4) = 1.5811, and t(0.975, 4) = 2.776 in the tables: 2.776 * 1.5811 / sqrt(5) = 1.963.
    found = over_seeds([1, 2, 3, 4, 5])
    assert (found.mean, found.seeds, found.target) == (3, 5, SEEDS)
    assert ends(found) == pytest.approx((3 - 1.963, 3 + 1.963), abs=0.001)


def test_interval_of_two_seeds_is_wide() -> None:
    # s / sqrt(2) = 0.01, and t(0.975, 1) = 12.706.
    assert ends(over_seeds([0.74, 0.76])) == pytest.approx((0.75 - 0.12706, 0.75 + 0.12706), abs=1e-5)


@pytest.mark.parametrize("interval", [over_seeds, accuracy])
def test_one_seed_has_a_mean_and_no_interval(interval: Callable[[list[float]], Interval]) -> None:
    assert interval([0.7579]) == Interval(mean=0.7579, seeds=1)


@pytest.mark.parametrize("interval", [over_seeds, accuracy])
def test_no_values_raise_statistics_error(interval: Callable[[list[float]], Interval]) -> None:
    with pytest.raises(StatisticsError):
        interval([])


@given(several)
def test_interval_over_seeds_equals_scipy(values: list[float]) -> None:
    found, error = over_seeds(values), float(scipy.stats.sem(values))
    assert found.mean == pytest.approx(np.mean(values), abs=1e-9)
    if error > 1e-9:  # below this, both results are only rounding errors
        expected = scipy.stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=error)
        assert ends(found) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@given(several)
def test_mean_is_within_values_and_interval(values: list[float]) -> None:
    found = over_seeds(values)
    assert min(values) <= found.mean <= max(values)
    if found.target:
        assert ends(found)[0] <= found.mean <= ends(found)[1]


@given(several_fractions, st.randoms(use_true_random=False))
def test_order_of_seeds_changes_no_bit(values: list[float], order: Random) -> None:
    shuffled = order.sample(values, len(values))
    assert over_seeds(shuffled) == over_seeds(values)
    assert accuracy(shuffled, 355) == accuracy(values, 355)


@given(several, numbers, st.floats(0.01, 100))
def test_interval_follows_linear_transformation_of_values(values: list[float], shift: float, stretch: float) -> None:
    assume(max(values) - min(values) > 1e-6)
    found, other = over_seeds(values), over_seeds([stretch * value + shift for value in values])
    expected = [stretch * end + shift for end in ends(found)]
    assert ends(other) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("interval", [over_seeds, accuracy])
@given(value=fractions, seeds=st.integers(2, 256))
def test_equal_values_have_no_interval(interval: Callable[[list[float]], Interval], value: float, seeds: int) -> None:
    assert interval([value] * seeds) == Interval(mean=value, seeds=seeds)


@pytest.mark.parametrize("interval", [over_seeds, accuracy])
def test_more_seeds_narrow_the_interval(interval: Callable[[list[float]], Interval]) -> None:
    found = [ends(interval([0.4, 0.6] * (seeds // 2))) for seeds in (2, 8, 256)]
    widths = [high - low for low, high in found]
    assert widths == sorted(widths, reverse=True)
    # At 256 seeds t(0.975, 255) = 1.9693, and s = 0.1 * sqrt(256 / 255).
    assert widths[-1] == pytest.approx(2 * 1.9693 * 0.1 / math.sqrt(255), rel=1e-3)


def test_accuracy_near_1_has_an_interval_below_1() -> None:
    # Mean 0.9737, s / sqrt(3) = 0.004667, and t(0.975, 2) = 4.3027: Student's interval would end at 0.9938.
    found = accuracy([0.983, 0.969, 0.969], 355)
    odds, half_width = math.log(0.973667 / 0.026333), 4.3027 * 0.004667 / (0.973667 * 0.026333)
    assert (found.seeds, found.target) == (3, SEEDS)
    assert ends(found) == pytest.approx([1 / (1 + math.exp(-odds - side * half_width)) for side in (-1, 1)], abs=1e-5)
    assert ends(accuracy([1.0, 1.0, 0.99]))[1] < 1


def test_two_seeds_near_1_have_an_interval_within_that_of_student() -> None:
    student, found = ends(over_seeds([1.0, 0.9993])), ends(accuracy([1.0, 0.9993]))
    assert found[0] == student[0]
    assert found[1] < 1 < student[1]


@given(several_fractions)
def test_interval_of_accuracies_is_within_0_and_1_and_contains_the_mean(values: list[float]) -> None:
    found = accuracy(values)
    if found.target:
        low, high = ends(found)
        assert 0 <= low <= found.mean <= high <= 1
    else:
        assert len(set(values)) == 1 or found.mean in (0, 1) or np.std(values) < 1e-15


@given(several_fractions)
def test_exchange_of_right_and_wrong_mirrors_the_interval(values: list[float]) -> None:
    assume(np.std(values) > 1e-6)
    low, high = ends(accuracy(values))
    assert ends(accuracy([1 - value for value in values])) == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_narrow_interval_of_accuracies_equals_that_of_student() -> None:
    values = [0.5001, 0.5002, 0.5004, 0.5005]
    assert ends(accuracy(values)) == pytest.approx(ends(over_seeds(values)), abs=1e-9)


@given(counts)
def test_interval_of_one_seed_equals_wilson_in_scipy(count: tuple[int, int]) -> None:
    right, images = count
    found = accuracy([right / images], images)
    low, high = ends(found)
    assert found.target is IMAGES
    assert 0 <= low <= found.mean <= high <= 1
    expected = scipy.stats.binomtest(right, images).proportion_ci(method="wilson")
    if right > 3:
        assert low == pytest.approx(expected.low, abs=1e-9)
    if images - right > 3:
        assert high == pytest.approx(expected.high, abs=1e-9)


@pytest.mark.parametrize("wrong", [0, 1, 2, 3])
def test_few_wrong_images_have_a_poisson_limit(wrong: int) -> None:
    # 5 % quantiles of half a chi-squared variable with 2, 4 and 6 degrees of freedom, from tables: 0.103, 0.711, 1.635.
    limit = [0, 0.103, 0.711, 1.635][wrong] / 2
    assert wilson((355 - wrong) / 355, 355)[1] == pytest.approx(1 - limit / 355, abs=2e-6)
    assert wilson(wrong / 355, 355)[0] == pytest.approx(limit / 355, abs=2e-6)


@pytest.mark.parametrize("images", [355, 10_000])
@pytest.mark.parametrize("wrong", [0.1, 0.17, 0.5, 1, 2, 5])
def test_interval_of_one_seed_covers_accuracies_near_1(wrong: float, images: int) -> None:
    # Exact: the probability of each count whose interval contains the truth.
    truth = 1 - wrong / images
    rights = range(images - 40, images + 1)
    covered = [right for right in rights if (found := wilson(right / images, images))[0] <= truth <= found[1]]
    assert scipy.stats.binom.pmf(covered, images, truth).sum() >= 0.93


@given(counts, st.integers(2, 12))
def test_more_images_narrow_the_interval_of_one_seed(count: tuple[int, int], factor: int) -> None:
    right, images = count
    assume(3 < right < images - 3)
    (low, high), (inner_low, inner_high) = wilson(right / images, images), wilson(right / images, factor * images)
    assert low < inner_low < inner_high < high


def test_difference_of_one_seed_matches_newcombes_published_interval() -> None:
    # Newcombe (1998), table II, method 10: 10 / 10 - 0 / 10.
    assert ends(difference([1.0], [0.0], 10)) == pytest.approx((0.6075, 1.0), abs=5e-5)


@given(st.integers(4, 351), st.integers(4, 351))
def test_difference_of_one_seed_equals_newcombes_formula_with_scipy(first: int, second: int) -> None:
    one, other = (scipy.stats.binomtest(right, 355).proportion_ci(method="wilson") for right in (first, second))
    before, after = first / 355, second / 355
    expected = (
        before - after - math.hypot(before - one.low, other.high - after),
        before - after + math.hypot(one.high - before, after - other.low),
    )
    assert ends(difference([before], [after], 355)) == pytest.approx(expected, abs=1e-9)


def test_difference_of_several_seeds_is_paired() -> None:
    found = difference([0.9, 0.8, 0.7], [0.88, 0.77, 0.69], 10_000)
    assert found.target is SEEDS
    assert ends(found) == pytest.approx(scipy.stats.t.interval(0.95, 2, loc=0.02, scale=0.01 / math.sqrt(3)))


def test_difference_of_one_seed_covers_other_images() -> None:
    found = difference([0.851], [0.865], 355)
    assert (found.seeds, found.target) == (1, IMAGES)
    assert found.mean == pytest.approx(-0.014)
    # Far from 0 and 1, it is close to the root of the sum of both binomial variances.
    half_width = 1.96 * math.sqrt((0.851 * 0.149 + 0.865 * 0.135) / 355)
    assert ends(found) == pytest.approx((-0.014 - half_width, -0.014 + half_width), abs=5e-4)


def test_equal_differences_of_several_seeds_are_judged_as_one() -> None:
    # 0.9 - 0.7 and 0.8 - 0.6 differ by a rounding error.
    found = difference([0.9, 0.8], [0.7, 0.6], 355)
    assert (found.seeds, found.target) == (2, IMAGES)
    assert ends(found) == pytest.approx(ends(difference([0.85], [0.65], 355)))


@given(fractions, fractions, st.integers(1, 10_000))
def test_difference_is_antisymmetric(first: float, second: float, images: int) -> None:
    low, high = ends(difference([first], [second], images))
    assert ends(difference([second], [first], images)) == pytest.approx((-high, -low), abs=1e-12)
    assert -1 <= low <= first - second <= high <= 1


def test_simultaneous_interval_has_the_level_of_all_scales_together() -> None:
    values = [0.5001, 0.5002, 0.5004, 0.5005]
    found = simultaneous(values, 6)
    assert found
    expected = scipy.stats.t.interval(1 - 0.05 / 6, 3, loc=np.mean(values), scale=scipy.stats.sem(values))
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-8)
    assert simultaneous(values[:3], 6) is None
    assert simultaneous([0.5] * 4, 6) is None


tables = st.integers(2, 6).flatmap(
    lambda seeds: st.lists(st.lists(st.booleans(), min_size=seeds, max_size=seeds), min_size=2, max_size=40)
)


@given(tables)
def test_crossed_variances_equal_an_analysis_of_variance(columns: list[list[bool]]) -> None:
    correct = np.array(columns).T
    values: NDArray[np.float64] = correct.astype(float)
    seeds, images = values.shape
    by_seed, by_image, centre = values.mean(axis=1), values.mean(axis=0), values.mean()
    rest = values - by_seed[:, None] - by_image + centre
    of_seeds = images * by_seed.var(ddof=1)
    of_images = seeds * by_image.var(ddof=1) - (rest**2).sum() / ((seeds - 1) * (images - 1))
    expected = of_seeds / (seeds * images), max(of_images, 0) / (seeds * images)
    assert crossed_variances(correct) == pytest.approx(expected, abs=1e-12)


@given(tables, st.randoms(use_true_random=False))
def test_crossed_interval_contains_the_mean_and_ignores_order(columns: list[list[bool]], order: Random) -> None:
    correct = np.array(columns).T
    found = crossed(correct)
    assert found.mean == pytest.approx(correct.mean())
    if found.target:
        low, high = ends(found)
        assert (found.target, found.seeds) == (BOTH, len(correct))
        assert 0 <= low <= found.mean <= high <= 1
    else:
        assert len({row.sum() for row in correct}) == 1
    rows, places = (order.sample(range(count), count) for count in correct.shape)
    assert crossed(correct[rows][:, places]) == found


def test_crossed_interval_is_wider_than_that_over_seeds() -> None:
    random = np.random.default_rng(0)
    correct = random.random((5, 2000)) < np.where(random.random(2000) < 0.7, 0.95, 0.2)
    one, both = ends(accuracy(correct.mean(axis=1).tolist())), ends(crossed(correct))
    assert both[0] < one[0] < one[1] < both[1]


@pytest.mark.parametrize(("seeds", "images"), [(1, 10), (5, 1)])
def test_crossed_interval_needs_two_seeds_and_two_images(seeds: int, images: int) -> None:
    with pytest.raises(ValueError, match=f"at least two seeds and two images, received {seeds} and {images}"):
        crossed(np.ones((seeds, images), bool))
