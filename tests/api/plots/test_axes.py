from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.plots.axes import ScaleAxis, thin_out

scales = st.lists(
    st.floats(min_value=0, max_value=1000, allow_subnormal=False), min_size=1, max_size=64, unique=True
).map(lambda values: tuple(sorted(values)))


@given(scales, st.booleans())
def test_scales_are_in_order_within_the_axis(scales: tuple[float, ...], log: bool) -> None:
    axis = ScaleAxis(scales, log)
    positions = [axis.position(scale) for scale in scales]
    low, high = axis.limits
    assert low < high
    assert all(left <= right for left, right in pairwise(positions))
    assert low <= positions[0] <= positions[-1] <= high


@given(scales, st.booleans(), st.floats(min_value=5, max_value=200))
def test_ticks_are_distinct_and_within_the_axis(scales: tuple[float, ...], log: bool, characters: float) -> None:
    axis = ScaleAxis(scales, log)
    ticks = axis.ticks(characters)
    low, high = axis.limits
    assert all(low <= tick.position <= high for tick in ticks)
    assert all(left.position < right.position for left, right in pairwise(ticks))


@given(scales, st.floats(min_value=5, max_value=200))
def test_labels_of_logarithmic_axis_do_not_touch(scales: tuple[float, ...], characters: float) -> None:
    axis = ScaleAxis(scales, log=True)
    low, high = axis.limits
    for left, right in pairwise(axis.ticks(characters)):
        room = (right.position - left.position) / (high - low) * characters
        assert room > (len(left.label) + len(right.label)) / 2


def test_linear_axis_has_round_labels() -> None:
    ticks = ScaleAxis((0.1, 0.5, 1.0, 2.0, 4.0), log=False).ticks(90)
    assert [tick.label for tick in ticks] == ["0.0", "0.5", "1.0", "1.5", "2.0", "2.5", "3.0", "3.5", "4.0"]


def test_logarithmic_axis_labels_own_scales_and_clean() -> None:
    axis = ScaleAxis((0.0, 0.1, 0.5, 1.0, 2.0, 4.0), log=True)
    assert [tick.label for tick in axis.ticks(90)] == ["clean", "0.1", "0.5", "1", "2", "4"]
    assert axis.position(1.0) - axis.position(0.1) == pytest.approx(1)
    assert axis.position(0) < axis.position(0.1) - 0.1


def test_round_labels_replace_too_many_scales() -> None:
    axis = ScaleAxis((0.0, *(10 ** (-2 + 3 * step / 62) for step in range(63))), log=True)
    labels = [tick.label for tick in axis.ticks(90)]
    assert labels == ["clean", "0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1", "2", "5", "10"]


@given(st.lists(st.integers(0, 100), unique=True).map(sorted), st.integers(1, 30))
def test_thin_out_keeps_the_ends_and_the_distance(items: list[int], distance: int) -> None:
    kept = thin_out(items, lambda left, right: right - left >= distance)
    assert kept[:1] == items[:1]
    assert all(right - left >= distance for left, right in pairwise(kept))
    if items and items[-1] - items[0] >= distance:
        assert kept[-1] == items[-1]
