"""Intervals of paired differences, compared with a published example, brute force and an analysis of variance."""

import math
from random import Random

import numpy as np
import pytest
import scipy.optimize
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from api.science.intervals import crossed_variances
from api.science.paired_intervals import crossed_difference, tango

# Gained, lost, and the number of images.
counts = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 400)).map(
    lambda each: (each[0], each[1], max(sum(each), 1))
)
tables = st.integers(2, 6).flatmap(
    lambda seeds: st.lists(st.lists(st.integers(-1, 1), min_size=seeds, max_size=seeds), min_size=2, max_size=40)
)


def test_tango_interval_matches_a_published_example() -> None:
    # Airway hyper-responsiveness of 21 children before and after a transplantation: 1 only before, 7 only after
    # (Fagerland, Lydersen and Laake 2014, "Recommended tests and confidence intervals for paired binomial proportions",
    # Statistics in Medicine 33, 2850-2875).
    found = tango(1, 7, 21)
    assert (found.low, found.high) == pytest.approx((-0.517, -0.026), abs=5e-4)


def test_tango_interval_without_discordant_images_has_a_closed_form() -> None:
    # The score at D is then n |D| / (1 - |D|), so the limits are z² / (n + z²).
    limit = 1.959964**2 / (100 + 1.959964**2)
    found = tango(0, 0, 100)
    assert (found.low, found.high) == pytest.approx((-limit, limit), abs=1e-7)


def test_tango_interval_of_opposite_networks_ends_at_1() -> None:
    # The score at D is then sqrt(n (1 - D) / (1 + D)), so the other limit is (n - z²) / (n + z²).
    limit = (50 - 1.959964**2) / (50 + 1.959964**2)
    for gained, lost, expected in ((50, 0, (limit, 1)), (0, 50, (-1, -limit))):
        found = tango(gained, lost, 50)
        assert (found.low, found.high) == pytest.approx(expected, abs=1e-7)


def constrained_score(gained: int, lost: int, images: int, difference: float) -> float:
    """Return the score, with the probability of a lost image from a numeric maximum of the likelihood."""
    same = images - gained - lost
    least, most = max(0.0, -difference), (1 - difference) / 2

    def minus_log_likelihood(probability: float) -> float:
        parts = ((gained, probability + difference), (lost, probability), (same, 1 - difference - 2 * probability))
        return -sum(count * math.log(max(value, 1e-300)) for count, value in parts if count)

    best = scipy.optimize.minimize_scalar(
        minus_log_likelihood, bounds=(least, most), method="bounded", options={"xatol": 1e-12}
    ).x
    variance = images * (2 * best + difference - difference**2)
    return (gained - lost - images * difference) / math.sqrt(variance)


@settings(max_examples=50, deadline=None)
@given(counts)
def test_tango_limits_are_roots_of_the_score_with_a_numeric_likelihood(counted: tuple[int, int, int]) -> None:
    gained, lost, images = counted
    found = tango(gained, lost, images)
    for limit, z in ((found.low, 1.959964), (found.high, -1.959964)):
        if abs(limit) < 0.999:
            assert constrained_score(gained, lost, images, limit) == pytest.approx(z, abs=0.01)


@given(counts, st.integers(1, 10))
def test_tango_interval_contains_the_difference_and_is_antisymmetric(
    counted: tuple[int, int, int], comparisons: int
) -> None:
    gained, lost, images = counted
    found, exchanged = tango(gained, lost, images, comparisons), tango(lost, gained, images, comparisons)
    assert -1 <= found.low <= (gained - lost) / images <= found.high <= 1
    assert (exchanged.low, exchanged.high) == (-found.high, -found.low)
    assert tango(gained, lost, images, comparisons + 1).low <= found.low


def test_tango_interval_of_many_images_is_that_of_the_normal_distribution() -> None:
    found = tango(600, 500, 10_000)
    error = math.sqrt((600 + 500 - 100**2 / 10_000) / 10_000**2)
    assert (found.low, found.high) == pytest.approx((0.01 - 1.96 * error, 0.01 + 1.96 * error), abs=5e-5)


@given(tables)
def test_crossed_variances_of_differences_equal_an_analysis_of_variance(columns: list[list[int]]) -> None:
    table = np.array(columns, np.int8).T
    values = table.astype(float)
    seeds, images = values.shape
    by_seed, by_image, centre = values.mean(axis=1), values.mean(axis=0), values.mean()
    rest = values - by_seed[:, None] - by_image + centre
    of_images = seeds * by_image.var(ddof=1) - (rest**2).sum() / ((seeds - 1) * (images - 1))
    expected = by_seed.var(ddof=1) / seeds, max(of_images, 0) / (seeds * images)
    assert crossed_variances(table) == pytest.approx(expected, abs=1e-12)


@given(tables, st.randoms(use_true_random=False))
def test_crossed_difference_is_antisymmetric_and_ignores_order(columns: list[list[int]], order: Random) -> None:
    table = np.array(columns, np.int8).T
    found, exchanged = crossed_difference(table), crossed_difference(-table)
    rows, places = (order.sample(range(count), count) for count in table.shape)
    assert crossed_difference(table[rows][:, places]) == found
    if found is None or exchanged is None:
        assert len({row.sum() for row in table}) == 1
        return
    assert -1 <= found.low <= table.mean() <= found.high <= 1
    assert (exchanged.low, exchanged.high) == (-found.high, -found.low)


def test_crossed_difference_is_wider_than_that_over_seeds() -> None:
    random = np.random.default_rng(0)
    table = random.choice([-1, 0, 1], (5, 2000), p=[0.1, 0.6, 0.3]).astype(np.int8)
    table[:, :400] = 1  # images that only the second network can read
    found, by_seed = crossed_difference(table), table.mean(axis=1)
    low, high = scipy.stats.t.interval(0.95, 4, loc=by_seed.mean(), scale=scipy.stats.sem(by_seed))
    assert found
    assert found.low < low < high < found.high
