"""Efficiency of a sweep's networks, on limits and curves with known crossings."""

from collections.abc import Sequence
from math import exp, log, sqrt

import numpy as np
import pytest
from scipy import stats

from api.science.efficiency import efficiency, missing_efficiency
from api.science.limit import Limit, limit_of
from noisesweep.models import Ends, NoiseOn, Sweep
from tests.support.measured import measured_sweep

SCALES = [float(scale) for scale in np.geomspace(0.1, 10, 41)]


def falling(scale: float, middle: float) -> float:
    """Return an accuracy that is 0.55 at `middle` and falls linearly in log(scale)."""
    return min(max(0.55 - 0.2 * log(scale / middle), 0.1), 1.0)


def limit_with(lower: float, upper: float, error: float = 0.0, images: int = 10**9) -> Limit:
    """Return a limit whose ends are 0.55 at these scales."""
    ends = [
        Ends(scale=scale, lower=falling(scale, lower), upper=falling(scale, upper), upper_error=error, held_out=0.5)
        for scale in SCALES
    ]
    return Limit(images=images, ends=tuple(ends))


def sweep_with(middles: Sequence[float], scales: Sequence[float] = SCALES) -> Sweep:
    """Return a sweep with a seed for each scale at which its curve is 0.55."""
    return measured_sweep(*({scale: falling(scale, middle) for scale in scales} for middle in middles))


LIMIT = limit_with(2.0, 2.2)


def test_efficiency_is_the_squared_ratio_of_the_scales() -> None:
    found = efficiency(sweep_with([1.0]), LIMIT)
    assert found
    assert found.level == 0.55
    assert (found.limit_from, found.limit_to) == pytest.approx((2.0, 2.2), rel=1e-3)
    assert (found.low, found.high) == pytest.approx((1 / 2.2**2, 1 / 2.0**2), rel=1e-3)
    assert found.scale.mean == pytest.approx(1.0)
    assert found.interval is None
    assert found.interpolation_error == 0
    # All three curves have the same slope, so the efficiency is the same at each accuracy.
    assert [at.level for at in found.by_level] == [0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3]
    for at in found.by_level:
        assert (at.low, at.high) == pytest.approx((found.low, found.high), rel=0.02)


def test_network_above_the_lower_end_raises_it() -> None:
    found = efficiency(sweep_with([2.1]), LIMIT)
    assert found
    assert found.high == 1
    assert found.low == pytest.approx((2.1 / 2.2) ** 2, rel=1e-3)


def test_interval_of_equal_ends_is_that_of_student() -> None:
    limit = limit_with(2.0, 2.0)
    middles = [0.9, 1.0, 1.05]
    found = efficiency(sweep_with(middles), limit)
    logs = [2 * log(middle / 2) for middle in middles]
    expected = stats.t.interval(0.95, 2, loc=np.mean(logs), scale=stats.sem(logs))
    assert found
    assert found.interval
    assert (found.interval.low, found.interval.high) == pytest.approx(tuple(map(exp, expected)), rel=2e-3)


def test_interval_of_distant_ends_needs_one_side_only() -> None:
    limit = limit_with(2.0, 6.0)
    middles = [0.99, 1.0, 1.01]
    found = efficiency(sweep_with(middles), limit)
    error = 2 * stats.sem([log(middle) for middle in middles])
    quantile = stats.t.ppf(0.95, 2)  # one-sided, because the ends are far apart
    assert found
    assert found.interval
    assert found.interval.low == pytest.approx(found.low * exp(-quantile * error), rel=2e-3)
    assert found.interval.high == pytest.approx(found.high * exp(quantile * error), rel=2e-3)


def test_errors_of_the_limit_widen_the_interval() -> None:
    found = []
    for error, images in ((0.0, 10**9), (0.05, 100)):
        found.append(efficiency(sweep_with([0.99, 1.0, 1.01]), limit_with(2.0, 2.2, error, images)))
    exact, uncertain = (each.interval for each in found if each and each.interval)
    assert uncertain.low < exact.low < exact.high < uncertain.high
    crossing = limit_with(2.0, 2.2, 0.05, 100).crossings(0.55)
    assert crossing
    assert crossing.lower.error == pytest.approx(sqrt(0.55 * 0.45 / 100) / 0.2, rel=0.01)
    assert crossing.upper.error == pytest.approx(0.05 / 0.2, rel=0.01)


def test_distant_neighbours_add_an_error_and_a_remark() -> None:
    coarse = sweep_with([1.2, 1.21], [0.5, 1.0, 2.0, 4.0])
    found, fine = efficiency(coarse, LIMIT), efficiency(sweep_with([1.2, 1.21]), LIMIT)
    assert found
    assert fine
    assert found.interpolation_error == pytest.approx(0.035, abs=0.001)
    assert found.interval
    assert fine.interval
    assert found.interval.low == pytest.approx(fine.interval.low * exp(-2 * found.interpolation_error), rel=1e-3)
    [remark] = missing_efficiency(coarse, LIMIT)
    assert "an error of 3.5 %" in remark
    assert "near 1.2" in remark
    assert list(missing_efficiency(sweep_with([1.2]), LIMIT)) == []


@pytest.mark.parametrize("scales", [[0.1, 0.2, 0.4], [0.0, 1.0, 4.0]])
def test_curve_that_does_not_fall_between_positive_scales_has_no_efficiency(scales: list[float]) -> None:
    sweep = sweep_with([0.9], [scale or 1e-9 for scale in scales])
    for run, scale in zip(sweep.runs, scales, strict=True):
        run.scale = scale
    assert efficiency(sweep, LIMIT) is None
    [remark] = missing_efficiency(sweep, LIMIT)
    assert "up to 2.2" in remark


def test_sweep_without_a_known_limit_has_none() -> None:
    sweep = sweep_with([1.0])
    clean = sweep.model_copy(update={"config": sweep.config.model_copy(update={"noise_on": NoiseOn.TRAIN})})
    assert limit_of(clean.config) is None
    assert efficiency(clean, limit_of(clean.config)) is None
    assert list(missing_efficiency(clean, limit_of(clean.config))) == []
