from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.plots.axes import ScaleAxis, thinned

scales = st.lists(
    st.floats(min_value=0, max_value=1000, allow_subnormal=False), min_size=1, max_size=64, unique=True
).map(lambda values: tuple(sorted(values)))


@given(scales, st.booleans())
def test_scales_stand_in_their_order_within_the_axis(scales: tuple[float, ...], log: bool) -> None:
    axis = ScaleAxis(scales, log)
    places = [axis.position(scale) for scale in scales]
    low, high = axis.limits
    assert low < high
    assert all(left <= right for left, right in pairwise(places))
    assert low <= places[0] <= places[-1] <= high


@given(scales, st.booleans(), st.floats(min_value=5, max_value=200))
def test_labels_stand_within_the_axis_each_once(scales: tuple[float, ...], log: bool, characters: float) -> None:
    axis = ScaleAxis(scales, log)
    ticks = axis.ticks(characters)
    low, high = axis.limits
    assert all(low <= tick.position <= high for tick in ticks)
    assert all(left.position < right.position for left, right in pairwise(ticks))


@given(scales, st.floats(min_value=5, max_value=200))
def test_labels_of_a_logarithmic_axis_do_not_touch(scales: tuple[float, ...], characters: float) -> None:
    axis = ScaleAxis(scales, log=True)
    low, high = axis.limits
    for left, right in pairwise(axis.ticks(characters)):
        room = (right.position - left.position) / (high - low) * characters
        assert room > (len(left.label) + len(right.label)) / 2


def test_a_linear_axis_has_round_labels() -> None:
    ticks = ScaleAxis((0.1, 0.5, 1.0, 2.0, 4.0), log=False).ticks(90)
    assert [tick.label for tick in ticks] == ["0.0", "0.5", "1.0", "1.5", "2.0", "2.5", "3.0", "3.5", "4.0"]


def test_a_logarithmic_axis_names_the_sweeps_own_scales_and_calls_0_clean() -> None:
    axis = ScaleAxis((0.0, 0.1, 0.5, 1.0, 2.0, 4.0), log=True)
    assert [tick.label for tick in axis.ticks(90)] == ["clean", "0.1", "0.5", "1", "2", "4"]
    assert axis.position(1.0) - axis.position(0.1) == pytest.approx(1)
    assert axis.position(0) < axis.position(0.1) - 0.1


def test_too_many_scales_to_name_give_way_to_round_ones() -> None:
    axis = ScaleAxis((0.0, *(10 ** (-2 + 3 * place / 62) for place in range(63))), log=True)
    labels = [tick.label for tick in axis.ticks(90)]
    assert labels == ["clean", "0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1", "2", "5", "10"]


@given(st.lists(st.integers(0, 100), unique=True).map(sorted), st.integers(1, 30))
def test_what_is_thinned_keeps_its_first_and_stands_apart(items: list[int], distance: int) -> None:
    kept = thinned(items, lambda left, right: right - left >= distance)
    assert kept[:1] == items[:1]
    assert all(right - left >= distance for left, right in pairwise(kept))
    if items and items[-1] - items[0] >= distance:
        assert kept[-1] == items[-1]
