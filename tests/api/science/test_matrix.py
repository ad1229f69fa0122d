"""The matrix of train scale and test scale."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.science.matrix import matrix
from api.science.scale_figures import figures
from noisesweep.models import Evaluation, RunStatus
from tests.support.measured import measured

fractions = st.floats(0, 1)


def evaluated(*by_test_scale: tuple[float, float]) -> Evaluation:
    scales, accuracies = zip(*by_test_scale, strict=True)
    return Evaluation(test_scales=list(scales), val_accuracy=list(accuracies), confusion=[[1, 0], [0, 1]])


def test_the_matrix_has_a_row_for_each_scale_trained_with_and_a_column_for_each_tested_with() -> None:
    found = matrix(
        measured({1.0: 0.6, 0.0: 0.9}),
        [evaluated((0.0, 0.8), (1.0, 0.6)), evaluated((0.0, 0.9), (1.0, 0.3))],
    )
    assert found
    assert (found.train_scales, found.test_scales) == ([0.0, 1.0], [0.0, 1.0])
    assert found.val_accuracy == [[0.9, 0.3], [0.8, 0.6]]
    assert found.seeds == [[1, 1], [1, 1]]


def test_each_cell_says_of_how_many_seeds_it_is_the_mean() -> None:
    early, late = evaluated((0.0, 0.8)), evaluated((0.0, 0.6), (1.0, 0.3))  # the sweep got scale 1 between them
    queued = RunStatus.QUEUED
    found = matrix(measured({0.0: 0.8, 1.0: queued}, {0.0: 0.6, 1.0: queued}), [early, None, late, None])
    assert found
    assert (found.val_accuracy, found.seeds) == ([[pytest.approx(0.7), 0.3]], [[2, 1]])


def test_a_cell_that_no_run_was_tested_for_is_empty() -> None:
    """A run that ended before the sweep was extended knows nothing of the new scales."""
    found = matrix(
        measured({0.0: 0.9, 1.0: RunStatus.RUNNING, 2.0: 0.4}),
        [evaluated((0.0, 0.9), (1.0, 0.6)), None, evaluated((0.0, 0.7), (1.0, 0.6), (2.0, 0.4))],
    )
    assert found
    assert (found.train_scales, found.test_scales) == ([0.0, 2.0], [0.0, 1.0, 2.0])
    assert found.val_accuracy == [[0.9, 0.6, None], [0.7, 0.6, 0.4]]


def test_scales_of_the_sweep_that_a_run_was_reused_from_are_no_columns() -> None:
    found = matrix(measured({1.0: 0.6}), [evaluated((0.0, 0.9), (0.5, 0.8), (1.0, 0.6))])
    assert found
    assert (found.test_scales, found.val_accuracy) == ([0.0, 1.0], [[0.9, 0.6]])


def test_before_any_run_was_evaluated_there_is_no_matrix() -> None:
    sweep = measured({0.0: 0.9, 1.0: RunStatus.RUNNING})
    assert matrix(sweep, [None, None]) is None
    # As of a run that was retried since, whose evaluation was left behind.
    assert matrix(sweep, [None, evaluated((0.0, 0.9))]) is None


@given(st.lists(fractions, min_size=1, max_size=8))
def test_the_diagonal_is_the_val_accuracy_of_the_figures_to_the_bit(val_accuracies: list[float]) -> None:
    sweep = measured(*({0.5: value} for value in val_accuracies))
    found = matrix(sweep, [evaluated((0.0, 0.1), (0.5, value)) for value in val_accuracies])
    assert found
    assert found.val_accuracy[0][1] == figures(sweep)[0].val_accuracy.mean
