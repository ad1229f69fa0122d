"""Curves, half-way crossing and area, compared with NumPy, SciPy and closed forms."""

from math import exp, log, sqrt

import numpy as np
import pytest
import scipy.integrate
from hypothesis import given
from hypothesis import strategies as st

from api.science.curves import (
    Curve,
    HalfwayCrossing,
    area,
    chance_level,
    curves,
    first_crossing,
    halfway_crossing,
    mean_halfway,
    mean_over_log_scale,
)
from noisesweep.models import RunStatus
from tests.support.measured import measured_sweep

fractions = st.floats(0, 1)


@st.composite
def any_curve(draw: st.DrawFn, *, least: float = 0.0) -> Curve:
    scales = sorted(draw(st.lists(st.floats(least, 1000), min_size=2, max_size=12, unique=True)))
    values = draw(st.lists(fractions, min_size=len(scales), max_size=len(scales)))
    return Curve(tuple(scales), tuple(values))


def test_only_seeds_that_have_succeeded_at_every_scale_have_a_curve() -> None:
    sweep = measured_sweep(
        {4.0: 0.2, 0.0: 0.9},
        {4.0: RunStatus.RUNNING, 0.0: 0.9},
        {4.0: 0.3, 0.0: RunStatus.FAILED},
        {0.0: 0.8, 4.0: 0.1},
    )
    assert curves(sweep) == [Curve((0.0, 4.0), (0.9, 0.2)), Curve((0.0, 4.0), (0.8, 0.1))]


def test_crossing_between_positive_scales_is_log_interpolated() -> None:
    # Half-way from 0.8 to 0.4, so at the geometric mean of 1 and 4.
    assert first_crossing(Curve((0.0, 1.0, 4.0), (0.9, 0.8, 0.4)), 0.6) == pytest.approx(2.0)
    # A quarter of the way: 0.1 * 40 ** 0.25.
    assert first_crossing(Curve((0.1, 4.0), (0.9, 0.1)), 0.7) == pytest.approx(0.1 * 40**0.25)


def test_crossing_from_scale_0_is_linearly_interpolated() -> None:
    assert first_crossing(Curve((0.0, 2.0, 4.0), (0.9, 0.5, 0.1)), 0.6) == pytest.approx(1.5)


def test_first_of_several_crossings_is_returned() -> None:
    curve = Curve((0.0, 1.0, 2.0, 4.0), (0.9, 0.5, 0.8, 0.1))
    assert first_crossing(curve, 0.5) == 1.0
    assert first_crossing(curve, 0.05) is None


@given(any_curve(), st.floats(0.01, 0.99))
def test_crossing_is_between_the_two_scales_around_the_level(curve: Curve, level: float) -> None:
    if curve.val_accuracy[0] <= level:
        return
    found = first_crossing(curve, level)
    if found is None:
        assert min(curve.val_accuracy) > level
        return
    after = next(index for index, value in enumerate(curve.val_accuracy) if value <= level)
    near, far = curve.scales[after - 1], curve.scales[after]
    assert near * (1 - 1e-12) <= found <= far * (1 + 1e-12)


def test_halfway_level_is_between_clean_run_and_chance() -> None:
    sweep = measured_sweep({0.0: 0.9, 1.0: 0.7, 4.0: 0.3})
    [curve] = curves(sweep)
    assert chance_level(sweep) == 0.1
    found = halfway_crossing(curve, 0.1)
    assert found
    assert (found.clean, found.level) == (0.9, 0.5)
    assert found.scale == pytest.approx(2.0)


def test_mean_halfway_has_an_interval_over_seeds() -> None:
    found = mean_halfway(
        [HalfwayCrossing(0.9, 0.5, 1.0), HalfwayCrossing(0.8, 0.45, 2.0), HalfwayCrossing(0.7, 0.4, 3.0)]
    )
    assert found
    assert found.level == pytest.approx(0.45)
    # s = 1, and t(0.975, 2) = 4.303.
    assert found.scale.mean == 2.0
    assert found.scale.high == pytest.approx(2 + 4.303 / sqrt(3), abs=1e-3)


def test_mean_halfway_needs_every_seed_to_cross() -> None:
    assert mean_halfway([HalfwayCrossing(0.9, 0.5, 1.0), HalfwayCrossing(0.9, 0.5, None)]) is None
    assert mean_halfway([]) is None


def test_crossing_needs_a_clean_run_better_than_chance() -> None:
    assert halfway_crossing(Curve((0.1, 4.0), (0.9, 0.1)), 0.1) is None
    assert halfway_crossing(Curve((0.0, 4.0), (0.08, 0.05)), 0.1) == HalfwayCrossing(0.08, 0.09, None)


def test_area_uses_the_trapezoidal_rule_over_log_scale() -> None:
    # Widths ln 2 and ln 4, so weights 1/3 and 2/3: (0.9 + 0.7) / 2 / 3 + (0.7 + 0.1) / 2 * 2 / 3.
    curve = Curve((0.5, 1.0, 4.0), (0.9, 0.7, 0.1))
    assert mean_over_log_scale(curve) == pytest.approx(0.8 / 3 + 0.4 * 2 / 3)


def test_area_ignores_scale_0() -> None:
    with_clean, without = Curve((0.0, 1.0, 4.0), (0.9, 0.7, 0.1)), Curve((1.0, 4.0), (0.7, 0.1))
    assert mean_over_log_scale(with_clean) == mean_over_log_scale(without)
    found = area([with_clean])
    assert found
    assert (found.from_scale, found.to_scale) == (1.0, 4.0)
    assert found.val_accuracy.mean == pytest.approx(0.4)


@given(any_curve(least=1e-6))
def test_area_equals_scipy_and_numpy(curve: Curve) -> None:
    found, positions = mean_over_log_scale(curve), np.log(curve.scales)
    width = positions[-1] - positions[0]
    if width < 1e-6:  # too narrow for an accurate comparison
        return
    assert found == pytest.approx(scipy.integrate.trapezoid(curve.val_accuracy, positions) / width, abs=1e-9)
    assert found == pytest.approx(np.trapezoid(curve.val_accuracy, positions) / width, abs=1e-9)


@given(any_curve(least=1e-6), st.floats(0.5, 2))
def test_area_does_not_depend_on_the_unit_of_scale(curve: Curve, unit: float) -> None:
    found = mean_over_log_scale(curve)
    if found is None or log(curve.scales[-1] / curve.scales[0]) < 1e-3:
        return
    assert min(curve.val_accuracy) - 1e-12 <= found <= max(curve.val_accuracy) + 1e-12
    other = Curve(tuple(unit * scale for scale in curve.scales), curve.val_accuracy)
    assert mean_over_log_scale(other) == pytest.approx(found, abs=1e-6)


def test_mean_of_a_log_linear_curve_is_its_middle() -> None:
    scales = tuple(exp(position) for position in (-2.0, -1.0, 0.5, 2.0))
    curve = Curve(scales, tuple(0.5 - 0.2 * log(scale) for scale in scales))
    assert mean_over_log_scale(curve) == pytest.approx(0.5)


@pytest.mark.parametrize("scales", [(), (0.0,), (1.0,), (0.0, 1.0), (100.0, float(np.nextafter(100, 101)))])
def test_area_needs_two_different_positive_scales(scales: tuple[float, ...]) -> None:
    assert mean_over_log_scale(Curve(scales, tuple(0.5 for _ in scales))) is None
    assert area([]) is None


def test_area_has_an_interval_over_seeds() -> None:
    found = area([Curve((1.0, 4.0), (0.6, 0.2)), Curve((1.0, 4.0), (0.8, 0.4))])
    assert found
    assert found.val_accuracy.mean == pytest.approx(0.5)
    assert found.val_accuracy.seeds == 2
