import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.plots.confusion import accuracy, of_sweep, shares, summed
from api.plots.picture import draw
from noisesweep.models import RunStatus, TrainingConfig
from shared.datasets import DatasetName
from tests.support.measured import measured
from tests.support.pictures import PNG_MAGIC
from tests.support.records import evaluation


def test_the_images_of_all_seeds_are_counted_together_scale_by_scale() -> None:
    sweep = measured({1.0: 0.5, 0.1: 0.9}, {1.0: 0.5, 0.1: RunStatus.FAILED})
    data = of_sweep(sweep, [evaluation(), evaluation(), evaluation(), None])
    assert [panel.title for panel in data.panels] == ["scale 0.1: 90.0 % right", "scale 1: 90.0 % right"]
    assert all(panel.cells and panel.cells.values[3][3:5] == (0.9, 0.1) for panel in data.panels)
    both = summed([evaluation(), evaluation()])
    assert both[3][3:5] == (180, 20)


counts = st.lists(st.lists(st.integers(0, 1000), min_size=10, max_size=10).map(tuple), min_size=10, max_size=10)


@given(counts.map(tuple))
def test_shares_are_of_the_true_class(counts: tuple[tuple[int, ...], ...]) -> None:
    for row, fractions in zip(counts, shares(counts), strict=True):
        assert sum(fractions) == pytest.approx(1 if any(row) else 0)
    right = sum(counts[label][label] for label in range(10))
    assert accuracy(counts) == pytest.approx(right / max(1, sum(map(sum, counts))))


def test_classes_that_are_no_digits_are_named() -> None:
    sweep = measured({1.0: 0.5}, config=TrainingConfig(dataset=DatasetName.FASHION_MNIST))
    data = of_sweep(sweep, [evaluation()])
    assert any("0 T-shirt/top" in note for note in data.caption.notes)
    assert draw(data).startswith(PNG_MAGIC)


def test_before_any_run_was_tested_the_picture_says_what_is_to_come() -> None:
    data = of_sweep(measured({1.0: RunStatus.RUNNING}), [None])
    assert data.panels == ()
    assert data.caption.notes[-1] == "No run has succeeded: 1 running."
    assert data.remark == "No run has been tested yet."
    assert draw(data).startswith(PNG_MAGIC)
