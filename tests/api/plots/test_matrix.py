import pytest

from api.plots.data import Cells, PlotData
from api.plots.heatmap import ink_on
from api.plots.matrix import plot_data
from api.plots.picture import draw
from api.science.matrix import matrix
from noisesweep.models import NoiseOn, RunStatus, TrainingConfig
from tests.support.measured import measured
from tests.support.pictures import PNG_MAGIC
from tests.support.records import evaluation


def cells(data: PlotData) -> Cells:
    (panel,) = data.panels
    assert panel.cells
    return panel.cells


def test_each_row_is_outlined_where_its_runs_were_validated() -> None:
    sweep = measured({0.0: 0.9, 0.5: 0.7, 2.0: 0.4})
    evaluations = [evaluation((0.0, 0.5, 2.0))] * 3
    assert cells(plot_data(sweep, matrix(sweep, evaluations))).outlined == (0, 1, 2)


def test_with_noise_in_training_alone_every_row_was_validated_without() -> None:
    sweep = measured({0.5: 0.7, 2.0: 0.4}, config=TrainingConfig(noise_on=NoiseOn.TRAIN))
    data = plot_data(sweep, matrix(sweep, [evaluation((0.0, 0.5, 2.0))] * 2))
    assert cells(data).outlined == (0, 0)
    assert cells(data).rows.label == "Scale trained with"


def test_with_noise_in_validation_alone_a_row_says_that_it_was_trained_without() -> None:
    sweep = measured({0.5: 0.7}, config=TrainingConfig(noise_on=NoiseOn.VALIDATION))
    assert (
        cells(plot_data(sweep, matrix(sweep, [evaluation((0.0, 0.5))]))).rows.label
        == "Scale of the run (trained on clean images)"
    )


@pytest.mark.parametrize(("test_scales", "says_so"), [((0.0, 0.5, 2.0), False), ((0.0, 0.5), True)])
def test_blank_cells_are_explained_where_there_are_any(test_scales: tuple[float, ...], says_so: bool) -> None:
    sweep = measured({0.5: 0.7, 2.0: 0.4})
    data = plot_data(sweep, matrix(sweep, [evaluation(test_scales), evaluation((0.0, 0.5, 2.0))]))
    assert any("Hatched" in note for note in data.caption.notes) == says_so
    assert draw(data).startswith(PNG_MAGIC)


def test_before_any_run_was_tested_the_picture_says_what_is_to_come() -> None:
    data = plot_data(measured({0.5: RunStatus.QUEUED}), None)
    assert data.caption.notes == ("No run has succeeded: 1 queued.",)
    assert draw(data).startswith(PNG_MAGIC)


def test_numbers_are_dark_on_light_cells_and_light_on_dark_ones() -> None:
    assert (ink_on(0.98), ink_on(0.1)) == ("#000000", "#ffffff")
