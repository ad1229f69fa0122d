import io
from collections.abc import Iterator
from math import log10

import numpy as np
import pytest
from PIL import Image, ImageColor

from api.plots.accuracy import plot_data
from api.plots.data import Curve, PlotData, Point
from api.plots.options import FileFormat, PlotOptions, ThemeName
from api.plots.picture import draw
from api.plots.theme import THEMES, TRAINING, VALIDATION
from api.science.intervals import accuracy
from api.science.summary import summary
from noisesweep.models import IntervalTarget, NoiseOn, RunStatus, TrainingConfig
from tests.support.limits import no_known_limit
from tests.support.measured import measured_sweep
from tests.support.networks import mlp


@pytest.fixture
def no_limit() -> Iterator[None]:
    with no_known_limit():
        yield


def curves(data: PlotData) -> tuple[Curve, ...]:
    return data.panels[0].curves


def scales(data: PlotData) -> list[float]:
    assert data.panels[0].x_axis
    return [at.scale for at in data.panels[0].x_axis.scales]


F, Q, R = RunStatus.FAILED, RunStatus.QUEUED, RunStatus.RUNNING


def test_points_are_last_epochs_by_ascending_scale() -> None:
    data = plot_data(measured_sweep({4.0: 0.2, 0.1: 0.8}))
    training, validation = curves(data)
    assert [point.x for point in training.points] == [0.1, 4.0]
    assert [point.mean for point in training.points] == pytest.approx([0.9, 0.6])
    assert [point.mean for point in validation.points] == pytest.approx([0.8, 0.2])
    assert data.remark is None


def test_unfinished_and_failed_runs_appear_only_in_the_remark() -> None:
    data = plot_data(measured_sweep({0.1: 0.9, 0.5: R, 1.0: Q, 2.0: F}))
    assert [point.x for point in curves(data)[0].points] == [0.1]
    assert scales(data) == [0.1, 0.5, 1.0, 2.0]
    assert data.remark == "1 of 4 runs succeeded: 1 queued, 1 running, 1 failed"


def test_remark_counts_runs_before_the_first_success() -> None:
    data = plot_data(measured_sweep({0.0: R, 0.5: Q}), log=True)
    assert [(curve.name, curve.points) for curve in curves(data)] == [("Train", ()), ("Validation", ())]
    assert (data.caption.notes, data.panels[0].notes) == ((), ())
    assert data.remark == "No run has succeeded: 1 queued, 1 running"


def test_picture_before_the_first_success_has_the_remark_in_place_of_curves() -> None:
    svg = PlotOptions(file_format=FileFormat.SVG)
    empty = draw(plot_data(measured_sweep({0.1: R})), svg).decode()
    part = draw(plot_data(measured_sweep({0.1: 0.9, 0.5: R})), svg).decode()
    assert ("Train" in empty, "Train" in part) == (False, True)
    assert "No run has succeeded: 1 running" in empty
    assert "1 of 2 runs succeeded: 1 running" in part


@pytest.mark.usefixtures("no_limit")
def test_several_seeds_give_mean_interval_and_each_seed() -> None:
    data = plot_data(measured_sweep({0.1: 0.8, 0.5: 0.4}, {0.1: 0.9, 0.5: F}))
    training, validation = curves(data)
    assert validation.points == (
        Point.from_interval(0.1, accuracy([0.8, 0.9])),
        Point.from_interval(0.5, accuracy([0.4], 10_000)),
    )
    for curve, seeds in ((training, (0.9, 0.95)), (validation, (0.8, 0.9))):
        assert [number for seed in curve.each_seed for number in seed] == pytest.approx([0.1, seeds[0], 0.1, seeds[1]])
    intervals, faint = data.caption.notes
    assert intervals == (
        "Mean of 1 to 2 seeds, with 95 % interval "
        "(other seeds on these images; one seed: this network on other images)."
    )
    assert faint == "Faint: each seed."


@pytest.mark.usefixtures("no_limit")
def test_validation_curve_of_one_seed_has_the_interval_over_images() -> None:
    data = plot_data(measured_sweep({0.1: 0.8, 0.5: 0.4}))
    training, validation = curves(data)
    assert {point.target for point in training.points} == {None}
    assert {point.target for point in validation.points} == {IntervalTarget.IMAGES}
    assert [curve.each_seed for curve in curves(data)] == [(), ()]
    assert data.caption.notes == ("One seed, with 95 % interval (this network on other images).",)


def test_note_says_that_equal_seeds_have_no_interval() -> None:
    data = plot_data(measured_sweep({0.1: 0.8}, {0.1: 0.8}))
    assert data.caption.notes == ("Mean of 2 seeds, without interval.", "Faint: each seed.")


def test_caption_contains_settings_and_source() -> None:
    caption = plot_data(
        measured_sweep({0.1: 0.9}, {0.1: 0.9}, config=TrainingConfig(model=mlp(64), dropout=0.5))
    ).caption
    assert caption.settings == ("mnist, 20 epochs, batch size 128, float32, hidden units 64, dropout 0.5, seeds 0 to 1")
    assert caption.source == "sweep 0123456789abcdef"


@pytest.mark.parametrize(
    ("config", "subtitle"),
    [
        (TrainingConfig(), "noise on training and validation images"),
        (TrainingConfig(noise_on=NoiseOn.TRAIN, clip=True), "noise on training images only, clipped to [0, 1]"),
        (
            TrainingConfig(noise_on=NoiseOn.VALIDATION, resample=True),
            "noise on validation images only, drawn again in every epoch",
        ),
    ],
)
def test_subtitle_names_the_images_with_noise(config: TrainingConfig, subtitle: str) -> None:
    assert plot_data(measured_sweep({0.1: 0.9}, config=config)).caption.subtitle == subtitle


def test_background_is_white_and_curves_have_theme_colours() -> None:
    picture = Image.open(io.BytesIO(draw(plot_data(measured_sweep({0.1: 0.9, 0.5: 0.8}))))).convert("RGB")
    assert picture.size == (1200, 825)
    assert picture.getpixel((0, 0)) == (255, 255, 255)
    colours = np.unique(np.asarray(picture, int).reshape(-1, 3), axis=0)
    styles = THEMES[ThemeName.LIGHT].styles
    for style in (styles[TRAINING], styles[VALIDATION]):
        assert abs(colours - ImageColor.getrgb(style.colour)[:3]).sum(axis=1).min() <= 6


@pytest.mark.usefixtures("no_limit")
def test_several_seeds_have_a_band() -> None:
    one, two = (
        np.asarray(Image.open(io.BytesIO(draw(plot_data(measured_sweep(*curves))))).convert("RGB"), int)
        for curves in ([{0.1: 0.5, 0.5: 0.5}], [{0.1: 0.45, 0.5: 0.45}, {0.1: 0.55, 0.5: 0.55}])
    )
    # In the area between the two scales and above the curve, only the band of two seeds is drawn.
    column = slice(570, 610), slice(330, 380)
    assert one[column].min() >= 220
    assert two[column].mean() < one[column].mean() - 5


DIGITS = TrainingConfig(dataset="digits")


@pytest.mark.parametrize(("log", "positions"), [(False, (0.1, 4.0)), (True, (-1.0, np.log10(4)))])
def test_band_of_the_best_possible_accuracy_spans_the_positive_scales(
    *, log: bool, positions: tuple[float, float]
) -> None:
    (panel,) = plot_data(measured_sweep({0.1: 0.9, 4.0: 0.3}, config=DIGITS), log=log).panels
    (band,) = panel.bands
    assert (band.points[0][0], band.points[-1][0]) == pytest.approx(positions)
    assert [x for x, *_ in band.points] == sorted(x for x, *_ in band.points)
    assert band.points[0][1] > 0.95
    assert band.points[-1][2] < 0.5
    (level,) = panel.levels
    assert level.y == pytest.approx(0.1, abs=0.02)
    assert panel.notes == (
        "One seed, with 95 % interval (this network on other images).",
        "Grey band: best possible accuracy.",
        "Dotted line: chance.",
    )


@pytest.mark.parametrize(
    ("measured", "config"),
    [
        ({0.1: 0.9, 4.0: 0.3}, DIGITS.model_copy(update={"noise_on": NoiseOn.TRAIN})),
        ({0.0: 0.9}, DIGITS),
        ({0.5: 0.9}, DIGITS),
    ],
)
def test_no_band_without_noise_or_without_a_range_of_scales(
    measured: dict[float, float], config: TrainingConfig
) -> None:
    assert plot_data(measured_sweep(measured, config=config)).panels[0].bands == ()


def test_half_way_scale_is_marked_where_the_summary_has_it() -> None:
    sweep = measured_sweep({0.0: 0.9, 0.5: 0.8, 2.0: 0.2}, {0.0: 0.9, 0.5: 0.7, 2.0: 0.1})
    found = summary(sweep).half_way
    assert found
    [marks] = plot_data(sweep).panels[0].marks
    assert marks.points == ((found.scale.mean, found.level),)
    assert marks.name == f"Half-way scale {found.scale.mean:.3g}"
    assert plot_data(sweep).panels[0].notes[-1] == f"Diamond: half-way scale {found.scale.mean:.3g}."
    [marks] = plot_data(sweep, log=True).panels[0].marks
    assert marks.points == ((log10(found.scale.mean), found.level),)
    assert plot_data(measured_sweep({0.5: 0.8, 2.0: 0.2})).panels[0].marks == ()


@pytest.mark.parametrize(
    ("noise", "unit"),
    [
        ("gaussian", "standard deviation, pixel range 0 to 1"),
        ("salt_and_pepper", "share of pixels that become black or white"),
    ],
)
def test_axis_names_the_unit_of_the_noise(noise: str, unit: str) -> None:
    sweep = measured_sweep({0.5: 0.8}, config=TrainingConfig.model_validate({"noise": noise}))
    axis = plot_data(sweep).panels[0].x_axis
    assert axis
    assert axis.label == f"Noise scale ({unit})"
