"""Plot of a class."""

import pytest

from api.plots.classes import plot_data
from api.plots.data import Curve, PlotData
from api.plots.half_way import HALF_WAY_NOTE
from api.plots.options import FileFormat, PlotOptions
from api.plots.picture import draw
from api.plots.theme import MEAN, MEMBER, THEMES
from api.science.classes import pool
from noisesweep.models import RunStatus, Sweep, TrainingConfig
from tests.support.class_sweeps import member_sweep

DIGITS = TrainingConfig(dataset="digits")
SWEEPS = [
    member_sweep(1, "ada", {1: {0.0: 0.9, 1.0: 0.5}}, DIGITS),
    member_sweep(2, "ben", {2: {0.0: 0.8, 1.0: 0.7}, 3: {0.0: 0.7, 1.0: 0.6}}, DIGITS),
    member_sweep(3, "cem", {1: {0.0: 0.1, 1.0: 0.1}}, TrainingConfig(dataset="digits", dropout=0.5)),
]


def plot(sweeps: list[Sweep], *, log: bool = False) -> PlotData:
    return plot_data("course:ml-101", pool(sweeps), log=log)


def curves(data: PlotData) -> tuple[Curve, ...]:
    return data.panels[0].curves


def test_mean_comes_before_a_thin_line_for_each_pooled_sweep() -> None:
    data = plot(SWEEPS)
    mean, *lines = curves(data)
    assert (mean.style, mean.sweep_id) == (MEAN, None)
    assert [(point.x, point.seeds) for point in mean.points] == [(0.0, 3), (1.0, 3)]
    assert [point.mean for point in mean.points] == pytest.approx([0.8, 0.6])
    assert all(point.low is not None for point in mean.points)
    assert [(line.style, line.sweep_id) for line in lines] == [(MEMBER, SWEEPS[1].id), (MEMBER, SWEEPS[0].id)]
    assert [line.label for line in lines] == [f"{SWEEPS[1].id}, ben", f"{SWEEPS[0].id}, ada"]
    assert data.panels[0].notes == (
        *data.caption.notes[:2],
        "Grey band: best possible accuracy.",
        "Dotted line: chance.",
    )
    assert [point.mean for point in lines[0].points] == pytest.approx([0.75, 0.65])
    assert {point.low for line in lines for point in line.points} == {None}
    assert data.legend == {
        "Mean over all seeds": MEAN, "Each sweep": MEMBER, "Best possible": "limit", "Chance": "chance"
    }  # fmt: skip


def test_half_way_scale_of_the_mean_is_marked_in_its_colour() -> None:
    pooled = pool([*SWEEPS[:1], member_sweep(2, "ben", {2: {0.0: 0.8, 1.0: 0.2}}, DIGITS)])
    assert pooled.half_way
    data = plot_data("course:ml-101", pooled)
    [mark] = data.panels[0].marks
    assert (mark.points, mark.curve) == (((pooled.half_way.scale.mean, pooled.half_way.level),), MEAN)
    assert mark.name == f"Half-way scale {pooled.half_way.scale.mean:.3g}"
    assert data.panels[0].notes[-1] == f"Diamond: half-way scale {pooled.half_way.scale.mean:.3g}."
    assert HALF_WAY_NOTE in data.caption.notes
    assert plot(SWEEPS).panels[0].marks == ()  # one seed stays above


def test_caption_names_the_class_and_what_is_not_shown() -> None:
    caption = plot(SWEEPS).caption
    assert caption.title == "Validation Accuracy of the Class course:ml-101"
    assert caption.source == "2 sweeps with the tag course:ml-101"
    assert caption.notes[0] == "Mean of 3 seeds, with 95 % interval (other seeds on these images)."
    assert caption.notes[-1] == "Not shown: 1 sweep with other settings."
    assert "digits" in caption.settings
    assert plot(SWEEPS[:2]).caption.notes[-1] != caption.notes[-1]


def test_clean_points_are_apart_on_a_logarithmic_axis() -> None:
    assert {curve.starts_apart for curve in curves(plot(SWEEPS, log=True))} == {True}
    assert {curve.starts_apart for curve in curves(plot(SWEEPS))} == {False}


def test_sweep_without_results_has_no_line() -> None:
    waiting = member_sweep(4, "dina", {4: {0.0: RunStatus.QUEUED, 2.0: RunStatus.RUNNING}}, DIGITS)
    data = plot([*SWEEPS, waiting])
    assert [curve.sweep_id for curve in curves(data)] == [None, SWEEPS[1].id, SWEEPS[0].id]
    assert data.panels[0].x_axis
    assert [at.scale for at in data.panels[0].x_axis.scales] == [0.0, 1.0, 2.0]
    alone = plot([waiting])
    assert (curves(alone), alone.remark) == ((), "No run has succeeded yet.")


def test_class_without_sweeps_has_no_panels() -> None:
    data = plot([])
    assert (data.panels, data.remark) == ((), "No sweep has the tag course:ml-101 yet.")
    assert draw(data)


def test_thin_lines_are_those_of_members_only() -> None:
    for theme in THEMES.values():
        assert [name for name, style in theme.styles.items() if style.thin] == [MEMBER]


@pytest.mark.parametrize("file_format", [FileFormat.PNG, FileFormat.SVG, FileFormat.PDF])
def test_any_characters_in_a_tag_can_be_drawn(file_format: FileFormat) -> None:
    data = plot_data("week:$\\frac{ 漢字 😀 \u200b <b>", pool(SWEEPS))
    assert draw(data, PlotOptions(file_format=file_format))


def test_thin_line_is_fainter_than_the_mean() -> None:
    picture = draw(plot(SWEEPS), PlotOptions(file_format=FileFormat.SVG)).decode()
    theme = THEMES[PlotOptions().theme]
    thin, mean = (theme.styles[style].colour for style in (MEMBER, MEAN))
    assert f"stroke: {thin}; stroke-opacity: 0.5; stroke-width: 0.75" in picture
    assert f"stroke: {mean}; stroke-width: 1.5" in picture
