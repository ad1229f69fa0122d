import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.plots.confusion import accuracy, of_sweep, row_fractions, sum_counts
from api.plots.picture import draw
from noisesweep.models import RunStatus, TrainingConfig
from shared.datasets import DatasetName
from tests.support.measured import measured_sweep
from tests.support.pictures import PNG_MAGIC
from tests.support.records import evaluation


def test_counts_of_all_seeds_are_summed_per_scale() -> None:
    sweep = measured_sweep({1.0: 0.5, 0.1: 0.9}, {1.0: 0.5, 0.1: RunStatus.FAILED})
    data = of_sweep(sweep, [evaluation(), evaluation(), evaluation(), None])
    assert [panel.title for panel in data.panels] == ["scale 0.1: 90.0 % correct", "scale 1: 90.0 % correct"]
    assert all(panel.cells and panel.cells.values[3][3:5] == (0.9, 0.1) for panel in data.panels)
    both = sum_counts([evaluation(), evaluation()])
    assert both[3][3:5] == (180, 20)


counts = st.lists(st.lists(st.integers(0, 1000), min_size=10, max_size=10).map(tuple), min_size=10, max_size=10)


@given(counts.map(tuple))
def test_fractions_are_relative_to_the_true_class(counts: tuple[tuple[int, ...], ...]) -> None:
    for row, fractions in zip(counts, row_fractions(counts), strict=True):
        assert sum(fractions) == pytest.approx(1 if any(row) else 0)
    right = sum(counts[label][label] for label in range(10))
    assert accuracy(counts) == pytest.approx(right / max(1, sum(map(sum, counts))))


def test_classes_other_than_digits_are_named() -> None:
    sweep = measured_sweep({1.0: 0.5}, config=TrainingConfig(dataset=DatasetName.FASHION_MNIST))
    data = of_sweep(sweep, [evaluation()])
    assert any("0 T-shirt/top" in note for note in data.caption.notes)
    assert draw(data).startswith(PNG_MAGIC)


def test_picture_without_results_shows_running_runs() -> None:
    data = of_sweep(measured_sweep({1.0: RunStatus.RUNNING}), [None])
    assert data.panels == ()
    assert data.caption.notes[-1] == "No run has succeeded: 1 running."
    assert data.remark == "No run has been tested yet."
    assert draw(data).startswith(PNG_MAGIC)
