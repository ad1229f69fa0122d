"""Scales that differ only in the last bit of a float32 have different texts in every plot and in the summary."""

from itertools import pairwise

from api.plots import confusion, epochs, matrix
from api.plots.axes import ScaleAxis, format_scale, scale_title
from api.plots.picture import draw
from api.science.matrix import matrix as matrix_of
from api.science.summary import summary
from noisesweep.client.prose import describe_grid, run_label
from tests.support.measured import measured_sweep, metrics_of
from tests.support.pictures import PNG_MAGIC
from tests.support.records import evaluation

NEIGHBOURS = {0.3: 0.9, 0.30000004: 0.8, 0.30000007: 0.7}
SWEEP = measured_sweep(NEIGHBOURS)
EVALUATIONS = [evaluation(tuple(NEIGHBOURS))] * 3
TEXTS = ("0.3", "0.30000004", "0.30000007")


def test_titles_of_panels_differ() -> None:
    metrics = [[metrics_of(end)] for end in NEIGHBOURS.values()]
    for plot in (epochs.of_sweep(SWEEP, metrics), confusion.of_sweep(SWEEP, EVALUATIONS)):
        titles = [panel.title.removesuffix(": 90.0 % correct") for panel in plot.panels]
        assert titles == [f"scale {text}" for text in TEXTS]
        assert draw(plot).startswith(PNG_MAGIC)


def test_rows_and_columns_of_the_matrix_differ() -> None:
    plot = matrix.plot_data(SWEEP, matrix_of(SWEEP, EVALUATIONS))
    (panel,) = plot.panels
    assert panel.cells
    assert panel.cells.rows.names == panel.cells.columns.names == TEXTS
    assert panel.cells.outlined == (0, 1, 2)
    assert draw(plot).startswith(PNG_MAGIC)


def test_labels_of_a_logarithmic_axis_differ() -> None:
    ticks = ScaleAxis(tuple(NEIGHBOURS), log=True).ticks(200)
    assert [tick.label for tick in ticks] == list(TEXTS)
    assert all(left.position < right.position for left, right in pairwise(ticks))
    assert (format_scale(0), scale_title(0)) == ("clean", "clean")


def test_sentence_and_command_line_name_all_digits() -> None:
    assert "at scale 0.3 to 70.0 % at scale 0.30000007" in summary(SWEEP).sentence
    assert describe_grid(SWEEP) == "mnist at scale 0.3 0.30000004 0.30000007"
    assert [run_label(run, SWEEP).split()[1] for run in SWEEP.runs] == list(TEXTS)
