"""Interval over seeds, compared with hand calculations and SciPy, and property tests."""

import math
from random import Random
from statistics import StatisticsError

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from api.science.intervals import interval

# Covers accuracies in [0, 1], scales up to 1000, and differences of either sign.
numbers = st.floats(-1000, 1000, allow_subnormal=False)
several = st.lists(numbers, min_size=2, max_size=256)


def test_interval_of_five_seeds_matches_a_t_table() -> None:
    # Mean 3, s = sqrt(10 / 4) = 1.5811, and t(0.975, 4) = 2.776 in the tables: 2.776 * 1.5811 / sqrt(5) = 1.963.
    found = interval([1, 2, 3, 4, 5])
    assert (found.mean, found.seeds) == (3, 5)
    assert found.low == pytest.approx(3 - 1.963, abs=0.001)
    assert found.high == pytest.approx(3 + 1.963, abs=0.001)


def test_interval_of_two_seeds_is_wide() -> None:
    # s / sqrt(2) = 0.01, and t(0.975, 1) = 12.706.
    found = interval([0.74, 0.76])
    assert (found.low, found.high) == pytest.approx((0.75 - 0.12706, 0.75 + 0.12706), abs=1e-5)


def test_one_seed_has_a_mean_and_no_interval() -> None:
    found = interval([0.7579])
    assert (found.mean, found.low, found.high, found.seeds) == (0.7579, None, None, 1)


def test_no_values_raise_statistics_error() -> None:
    with pytest.raises(StatisticsError):
        interval([])


@given(several)
def test_interval_equals_scipy(values: list[float]) -> None:
    found, error = interval(values), float(scipy.stats.sem(values))
    assert found.mean == pytest.approx(np.mean(values), abs=1e-9)
    if error > 1e-9:  # below this, both results are only rounding errors
        expected = scipy.stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=error)
        assert (found.low, found.high) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@given(several)
def test_mean_is_within_values_and_interval(values: list[float]) -> None:
    found = interval(values)
    assert found.low is not None
    assert found.high is not None
    assert min(values) <= found.mean <= max(values)
    assert found.low <= found.mean <= found.high


@given(several, st.randoms(use_true_random=False))
def test_order_of_seeds_changes_no_bit(values: list[float], order: Random) -> None:
    assert interval(order.sample(values, len(values))) == interval(values)


@given(several, numbers, st.floats(0.01, 100))
def test_interval_follows_linear_transformation_of_values(values: list[float], shift: float, stretch: float) -> None:
    found, other = interval(values), interval([stretch * value + shift for value in values])
    assert found.low is not None
    assert found.high is not None
    expected = [stretch * end + shift for end in (found.low, found.mean, found.high)]
    assert [other.low, other.mean, other.high] == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(numbers, st.integers(2, 256))
def test_equal_values_have_an_interval_of_zero_width(value: float, seeds: int) -> None:
    found = interval([value] * seeds)
    assert (found.low, found.mean, found.high) == (value, value, value)


def test_more_seeds_narrow_the_interval() -> None:
    widths = [found.high - found.mean for seeds in (2, 8, 256) if (found := interval([0.4, 0.6] * (seeds // 2))).high]
    assert widths == sorted(widths, reverse=True)
    # At 256 seeds t(0.975, 255) = 1.9693, and s = 0.1 * sqrt(256 / 255).
    assert widths[-1] == pytest.approx(1.9693 * 0.1 / math.sqrt(255), rel=1e-4)
