"""Matrix of training scales and test scales."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.science.matrix import matrix
from api.science.scale_figures import figures
from noisesweep.models import Evaluation, NoiseKind, OtherNoise, RunStatus, TrainingConfig
from tests.support.measured import measured_sweep

fractions = st.floats(0, 1)


def evaluated(*by_test_scale: tuple[float, float]) -> Evaluation:
    scales, accuracies = zip(*by_test_scale, strict=True)
    return Evaluation(test_scales=list(scales), val_accuracy=list(accuracies), confusion=[[1, 0], [0, 1]])


def test_rows_are_training_scales_and_columns_test_scales() -> None:
    found = matrix(
        measured_sweep({1.0: 0.6, 0.0: 0.9}),
        [evaluated((0.0, 0.8), (1.0, 0.6)), evaluated((0.0, 0.9), (1.0, 0.3))],
    )
    assert found
    assert (found.train_scales, found.test_scales) == ([0.0, 1.0], [0.0, 1.0])
    assert found.val_accuracy == [[0.9, 0.3], [0.8, 0.6]]
    assert found.seeds == [[1, 1], [1, 1]]


def test_other_kinds_of_noise_follow_those_of_the_sweep() -> None:
    tests = {NoiseKind.SHOT: [0.3], NoiseKind.UNIFORM: [2.0, 1.0]}
    sweep = measured_sweep({1.0: 0.6, 0.0: 0.9}, config=TrainingConfig(test_noise=tests))
    others = [OtherNoise(noise=kind, scale=scale, val_accuracy=0.1) for kind in tests for scale in tests[kind]]
    evaluation = evaluated((0.0, 0.8), (1.0, 0.6)).model_copy(update={"other_noise": others})
    found = matrix(sweep, [evaluation, evaluated((0.0, 0.9), (1.0, 0.3))])
    assert found
    assert found.test_noise == ["gaussian", "gaussian", "shot", "uniform", "uniform"]
    assert found.test_scales == [0.0, 1.0, 0.3, 1.0, 2.0]
    assert found.val_accuracy == [[0.9, 0.3, None, None, None], [0.8, 0.6, 0.1, 0.1, 0.1]]


def test_each_cell_has_its_number_of_seeds() -> None:
    early, late = evaluated((0.0, 0.8)), evaluated((0.0, 0.6), (1.0, 0.3))  # scale 1 was added between them
    queued = RunStatus.QUEUED
    found = matrix(measured_sweep({0.0: 0.8, 1.0: queued}, {0.0: 0.6, 1.0: queued}), [early, None, late, None])
    assert found
    assert (found.val_accuracy, found.seeds) == ([[pytest.approx(0.7), 0.3]], [[2, 1]])


def test_untested_cell_is_empty() -> None:
    # The sweep was extended after its first run had ended.
    found = matrix(
        measured_sweep({0.0: 0.9, 1.0: RunStatus.RUNNING, 2.0: 0.4}),
        [evaluated((0.0, 0.9), (1.0, 0.6)), None, evaluated((0.0, 0.7), (1.0, 0.6), (2.0, 0.4))],
    )
    assert found
    assert (found.train_scales, found.test_scales) == ([0.0, 2.0], [0.0, 1.0, 2.0])
    assert found.val_accuracy == [[0.9, 0.6, None], [0.7, 0.6, 0.4]]


def test_other_scales_of_a_reused_run_are_not_columns() -> None:
    found = matrix(measured_sweep({1.0: 0.6}), [evaluated((0.0, 0.9), (0.5, 0.8), (1.0, 0.6))])
    assert found
    assert (found.test_scales, found.val_accuracy) == ([0.0, 1.0], [[0.9, 0.6]])


def test_matrix_is_none_without_evaluated_runs() -> None:
    sweep = measured_sweep({0.0: 0.9, 1.0: RunStatus.RUNNING})
    assert matrix(sweep, [None, None]) is None
    # The old evaluation of a run that was retried later.
    assert matrix(sweep, [None, evaluated((0.0, 0.9))]) is None


@given(st.lists(fractions, min_size=1, max_size=8))
def test_diagonal_equals_val_accuracy_by_scale(val_accuracies: list[float]) -> None:
    sweep = measured_sweep(*({0.5: value} for value in val_accuracies))
    found = matrix(sweep, [evaluated((0.0, 0.1), (0.5, value)) for value in val_accuracies])
    assert found
    assert found.val_accuracy[0][1] == figures(sweep)[0].val_accuracy.mean
