import pytest

from api.plots.data import Cells, PlotData
from api.plots.matrix import plot_data
from api.plots.picture import draw
from api.science.matrix import matrix
from noisesweep.models import NoiseOn, RunStatus, TrainingConfig
from tests.support.measured import measured_sweep
from tests.support.pictures import PNG_MAGIC
from tests.support.records import evaluation


def cells(data: PlotData) -> Cells:
    (panel,) = data.panels
    assert panel.cells
    return panel.cells


def test_validation_scale_of_each_row_is_outlined() -> None:
    sweep = measured_sweep({0.0: 0.9, 0.5: 0.7, 2.0: 0.4})
    evaluations = [evaluation((0.0, 0.5, 2.0))] * 3
    assert cells(plot_data(sweep, matrix(sweep, evaluations))).outlined == (0, 1, 2)


def test_training_noise_only_outlines_scale_zero() -> None:
    sweep = measured_sweep({0.5: 0.7, 2.0: 0.4}, config=TrainingConfig(noise_on=NoiseOn.TRAIN))
    data = plot_data(sweep, matrix(sweep, [evaluation((0.0, 0.5, 2.0))] * 2))
    assert cells(data).outlined == (0, 0)
    assert cells(data).rows.label == "Training scale"


def test_validation_noise_only_labels_rows_as_trained_clean() -> None:
    sweep = measured_sweep({0.5: 0.7}, config=TrainingConfig(noise_on=NoiseOn.VALIDATION))
    assert (
        cells(plot_data(sweep, matrix(sweep, [evaluation((0.0, 0.5))]))).rows.label
        == "Scale of the run (trained on clean images)"
    )


@pytest.mark.parametrize(("test_scales", "has_note"), [((0.0, 0.5, 2.0), False), ((0.0, 0.5), True)])
def test_missing_cells_are_explained(test_scales: tuple[float, ...], has_note: bool) -> None:
    sweep = measured_sweep({0.5: 0.7, 2.0: 0.4})
    data = plot_data(sweep, matrix(sweep, [evaluation(test_scales), evaluation((0.0, 0.5, 2.0))]))
    assert any("Hatched" in note for note in data.caption.notes) == has_note
    assert draw(data).startswith(PNG_MAGIC)


def test_picture_without_results_shows_queued_runs() -> None:
    data = plot_data(measured_sweep({0.5: RunStatus.QUEUED}), None)
    assert data.caption.notes == ("No run has succeeded: 1 queued.",)
    assert draw(data).startswith(PNG_MAGIC)
