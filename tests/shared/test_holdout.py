"""Choice of the held-out images."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shared.datasets import holdout_rows

LABELS = st.lists(st.integers(0, 9), min_size=20, max_size=200).map(lambda labels: np.array(labels, np.uint8))


@given(LABELS, st.data())
def test_classes_have_their_share_of_the_held_out_images(labels: np.ndarray, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, len(labels)))
    rows = holdout_rows(labels, count)
    assert len(rows) == count
    assert (np.diff(rows) > 0).all()
    chosen, all_images = (np.bincount(part, minlength=10) for part in (labels[rows], labels))
    assert (abs(chosen - all_images * count / len(labels)) < 1).all()


def test_choice_is_fixed_and_a_larger_one_contains_nearly_all_of_a_smaller_one() -> None:
    labels = np.arange(1000, dtype=np.uint8) % 10
    rows = holdout_rows(labels, 100)
    np.testing.assert_array_equal(rows, holdout_rows(labels, 100))
    assert set(rows) <= set(holdout_rows(labels, 200))
    assert rows[:4].tolist() != [0, 1, 2, 3]
