import json
from math import log10
from typing import Any

import pytest

from api.plots.compare import plot_data
from api.plots.data import Point
from api.plots.half_way import HALF_WAY_NOTE
from api.plots.options import FileFormat, PlotOptions, ThemeName
from api.plots.picture import draw
from api.plots.theme import HALF_WAY, THEMES
from api.science.intervals import accuracy
from api.science.summary import summary
from noisesweep.models import NoiseKind, NoiseOn, RunStatus, Sweep, TrainingConfig
from tests.support.measured import held_out, measured_sweep


def sweep(number: int, name: str | None = None, *curves: dict[float, Any], **config: Any) -> Sweep:
    made = measured_sweep(*(curves or ({0.1: 0.9, 1.0: 0.5},)), config=TrainingConfig(**config))
    return made.model_copy(update={"id": f"{number:016x}", "name": name})


def labels(*sweeps: Sweep) -> list[str]:
    return [curve.name for curve in plot_data(sweeps).panels[0].curves]


def test_labels_contain_only_settings_that_differ() -> None:
    data = plot_data([sweep(1, dropout=0.2), sweep(2, dropout=0.5)])
    assert [curve.name for curve in data.panels[0].curves] == ["dropout 0.2", "dropout 0.5"]
    assert data.caption.settings == (
        "mnist, 20 epochs, batch size 128, float32, hidden units 512-512, learning rate 0.001, seed 0"
    )
    assert data.caption.source == "sweeps 0000000000000001, 0000000000000002"
    assert data.caption.subtitle == "noise on training and validation images"
    assert json.loads(data.caption.config)["0000000000000002"]["dropout"] == 0.5


def test_different_names_come_first_in_labels() -> None:
    assert labels(sweep(1, "group A"), sweep(2, "group B", epochs=5)) == ["group A, 20 epochs", "group B, 5 epochs"]
    assert labels(sweep(1, "ours", dropout=0), sweep(2, "ours")) == ["dropout 0", "dropout 0.2"]
    assert labels(sweep(1, "ours"), sweep(2)) == ["ours", "0000000000000002"]


def test_equal_sweeps_are_labelled_with_their_ids() -> None:
    assert labels(sweep(1), sweep(2)) == ["0000000000000001", "0000000000000002"]
    assert labels(sweep(1)) == ["0000000000000001"]


def test_different_noise_is_named_in_the_legend() -> None:
    data = plot_data([sweep(1), sweep(2, noise_on=NoiseOn.TRAIN)])
    assert [curve.name for curve in data.panels[0].curves] == [
        "noise on training and validation images",
        "noise on training images only",
    ]
    assert data.caption.subtitle == "noise: see the legend"


def test_only_the_noise_setting_that_differs_is_in_the_legend() -> None:
    data = plot_data([sweep(1, clip=True), sweep(2, clip=True, resample=True)])
    assert [curve.name for curve in data.panels[0].curves] == ["noise drawn once", "fresh noise"]
    assert data.caption.subtitle == "noise on training and validation images, clipped noise"


def test_points_are_means_on_an_axis_of_all_scales() -> None:
    data = plot_data([sweep(1, None, {0.1: 0.9}, {0.1: 0.8}), sweep(2, None, {4.0: 0.2, 8.0: RunStatus.FAILED})])
    (panel,) = data.panels
    assert panel.x_axis
    assert panel.curves[0].points == (Point.from_interval(0.1, accuracy([0.9, 0.8])),)
    assert [at.scale for at in panel.x_axis.scales] == [0.1, 4.0, 8.0]
    assert [curve.sweep_id for curve in panel.curves] == ["0000000000000001", "0000000000000002"]
    assert data.caption.notes[-1] == "Sweep 0000000000000002: 1 of 2 runs succeeded: 1 failed."


def test_cancelled_runs_have_no_points_and_are_named() -> None:
    # measured_sweep gives these runs one epoch.
    data = plot_data([sweep(1), sweep(2, None, {0.1: RunStatus.CANCELLED, 1.0: RunStatus.CANCELLED})])
    assert [len(curve.points) for curve in data.panels[0].curves] == [2, 0]
    assert [curve.name for curve in data.panels[0].curves] == [
        "0000000000000001",
        "0000000000000002 (cancelled after 2 of 40 epochs)",
    ]
    assert data.caption.warnings == (
        "Only runs that have succeeded are shown: 0000000000000002 (cancelled after 2 of 40 epochs).",
    )
    running = plot_data([sweep(1), sweep(2, "mine", {0.1: RunStatus.RUNNING})])
    assert running.caption.warnings == ("Only runs that have succeeded are shown: mine (running).",)
    assert data.caption.notes[-1] == "Sweep 0000000000000002: No run has succeeded: 2 cancelled."


def test_different_data_sets_are_named() -> None:
    data = plot_data([sweep(1), sweep(2, dataset="digits")])
    assert [curve.name for curve in data.panels[0].curves] == ["mnist", "digits"]
    assert data.caption.warnings == (
        "The sweeps have different data sets (mnist, digits): their accuracies cannot be compared.",
    )
    assert plot_data([sweep(1), sweep(2)]).caption.warnings == ()


def test_different_kinds_of_noise_are_named() -> None:
    data = plot_data([sweep(1), sweep(2, noise=NoiseKind.SALT_AND_PEPPER)])
    assert [curve.name for curve in data.panels[0].curves] == ["Gaussian noise", "salt-and-pepper noise"]
    assert any("different kinds of noise" in warning for warning in data.caption.warnings)
    assert data.panels[0].x_axis
    assert data.panels[0].x_axis.label == "Noise scale (of the kind of noise of each sweep)"
    same = plot_data([sweep(each, noise=NoiseKind.SHOT) for each in (1, 2)])
    assert same.caption.subtitle.startswith("shot noise")
    assert same.caption.warnings == ()
    assert same.panels[0].x_axis
    assert same.panels[0].x_axis.label == "Noise scale (standard deviation on a white pixel, pixel range 0 to 1)"


@pytest.mark.parametrize("file_format", [FileFormat.PNG, FileFormat.SVG, FileFormat.PDF])
def test_any_characters_in_a_name_can_be_drawn(file_format: FileFormat) -> None:
    data = plot_data([sweep(1, "$\\frac{ 漢字 😀 \x00 <b>"), sweep(2, "x" * 100)])
    assert draw(data, PlotOptions(file_format=file_format))


def test_invisible_name_is_ignored() -> None:
    assert labels(sweep(1, "\u200b"), sweep(2)) == ["0000000000000001", "0000000000000002"]


@pytest.mark.parametrize(
    ("config", "bands", "levels"),
    [
        ({"dataset": "digits", "resample": True}, ["Best possible"], ["Chance"]),
        ({"dataset": "digits", "clip": True}, [], ["Chance"]),  # another limit
        ({"dataset": "digits", "noise_on": "train"}, [], ["Chance"]),
        ({"dataset": "digits", "noise": "uniform"}, [], ["Chance"]),
        ({"dataset": "mnist"}, [], []),
    ],
)
def test_band_of_the_best_possible_accuracy_is_that_of_all_sweeps(
    config: dict[str, Any], bands: list[str], levels: list[str]
) -> None:
    (panel,) = plot_data([sweep(1, dataset="digits"), sweep(2, **config)]).panels
    assert [band.name for band in panel.bands] == bands
    assert [level.name for level in panel.levels] == levels
    explained = [("Best possible", "Grey band: best possible accuracy."), ("Chance", "Dotted line: chance.")]
    assert panel.notes == (
        "One seed, with 95 % interval (this network on other images).",
        *(note for name, note in explained if name in bands + levels),
    )


def test_half_way_scale_of_each_sweep_is_marked_in_its_colour() -> None:
    sweeps = [
        sweep(1, "first", {0.0: 0.9, 0.5: 0.7, 2.0: 0.2}),
        sweep(2, "second", {0.5: 0.9, 2.0: 0.1}),  # no clean run
        sweep(3, "third", {0.0: 0.8, 0.5: 0.6, 2.0: 0.1}, {0.0: 0.8, 0.5: 0.5, 2.0: 0.1}),
    ]
    data = plot_data(sweeps, log=True)
    first, third = data.panels[0].marks
    for mark, marked, name in ((first, sweeps[0], "first, seed 0"), (third, sweeps[2], "third, seeds 0 to 1")):
        found = summary(marked).half_way
        assert found
        assert mark.points == ((log10(found.scale.mean), found.level),)
        assert mark.label == f"Half-way scale {found.scale.mean:.3g}, {name}"
    assert [mark.curve for mark in (first, third)] == ["sweep-1", "sweep-3"]
    assert data.legend["Half-way"] == HALF_WAY
    assert data.panels[0].notes[-1] == "Diamonds with an edge: half-way scales."
    assert HALF_WAY_NOTE in data.caption.notes
    picture = draw(data, PlotOptions(file_format=FileFormat.SVG)).decode()
    styles = THEMES[ThemeName.LIGHT].styles
    for style in ("sweep-1", "sweep-3"):
        assert f"fill: {styles[style].colour}; stroke: #000000" in picture
    assert f"fill: {styles['sweep-2'].colour}; stroke: #000000" not in picture


def test_sweeps_without_a_half_way_scale_have_no_mark() -> None:
    data = plot_data([sweep(1), sweep(2, None, {0.0: 0.9, 1.0: 0.8})])
    assert data.panels[0].marks == ()
    assert "Half-way" not in data.legend
    assert HALF_WAY_NOTE not in data.caption.notes


def test_sweeps_with_a_holdout_are_shown_with_their_test_accuracy() -> None:
    first, second = (held_out(sweep(number), 0.4) for number in (1, 2))
    data = plot_data([first, second])
    assert data.caption.title == "Test Accuracy With Increasing Noise"
    assert data.panels[0].curves[0].points[0].mean == 0.4
    mixed = plot_data([first, sweep(3)])
    assert mixed.caption.title == data.caption.title
    assert any("holdout show their test accuracy" in warning for warning in mixed.caption.warnings)
    assert [curve.name for curve in mixed.panels[0].curves] == ["100 images held out", "0000000000000003"]
