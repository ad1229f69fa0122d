"""Validation accuracy of several sweeps against the scale, in one picture."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from api.plots.caption import Imprint, remark, words_of_noise, words_of_seeds, words_of_settings
from api.plots.curves import draw_curve
from api.plots.layout import Sheet
from api.plots.options import PLAIN, Options
from api.plots.picture import render
from api.plots.scales import ScaleAxis
from api.plots.ticks import FRACTION_LIMITS, FRACTIONS
from api.science.scale_figures import figures
from noisesweep.models import Interval, Sweep

MOST_SWEEPS = 8


@dataclass(frozen=True)
class ComparedCurve:
    """The curve of one sweep.

    Attributes:
        label: Its name and its settings, as far as the others have not the same.
        points: Scale and val_accuracy at the last epoch, over the succeeded seeds, by ascending scale.
    """

    label: str
    points: tuple[tuple[float, Interval], ...]


@dataclass(frozen=True)
class Comparison:
    """What is drawn of several sweeps.

    Attributes:
        curves: One for each, in the order asked for.
        axis: The scales of all.
        imprint: The picture's words: what all have in common.
    """

    curves: tuple[ComparedCurve, ...]
    axis: ScaleAxis
    imprint: Imprint


def comparison(sweeps: Sequence[Sweep], *, log: bool = False) -> Comparison:
    """The curves of sweeps, 1 to 8 different ones, of the runs that have succeeded so far."""
    words = [{"name": _printable(sweep.name or "").strip()} | _words(sweep) for sweep in sweeps]
    common = {key: said for key, said in words[0].items() if all(other[key] == said for other in words)}
    labels = [", ".join(said for key, said in each.items() if said and key not in common) for each in words]
    axis = ScaleAxis(tuple(sorted({run.scale for sweep in sweeps for run in sweep.runs})), log)
    curves = tuple(
        ComparedCurve(label, tuple((at.scale, at.val_accuracy) for at in figures(sweep)))
        for label, sweep in zip(_told_apart(labels, sweeps), sweeps, strict=True)
    )
    most_seeds = max((point.seeds for curve in curves for _, point in curve.points), default=0)
    notes = ["One seed: no interval."] if most_seeds == 1 else []
    if most_seeds > 1:
        notes = ["Mean over seeds with its 95 % interval (Student's t over seeds); of one seed there is none."]
    notes += [f"Sweep {sweep.id}: {standing}." for sweep in sweeps if (standing := remark(sweep))]
    noise = common.pop("noise", "noise as the legend says")
    common.pop("name", None)
    return Comparison(
        curves=curves,
        axis=axis,
        imprint=Imprint(
            title="Validation Accuracy With Increasing Noise",
            subtitle=noise,
            notes=tuple(notes),
            settings=", ".join(common.values()),
            source=f"{'sweep' if len(sweeps) == 1 else 'sweeps'} {', '.join(sweep.id for sweep in sweeps)}",
            config=json.dumps({sweep.id: sweep.config.model_dump(mode="json") for sweep in sweeps}),
        ),
    )


def _printable(name: str) -> str:
    """A name without what no type has, and what no XML may have."""
    return "".join(character if character.isprintable() else " " for character in name)


def _words(sweep: Sweep) -> dict[str, str]:
    """All settings that may differ between sweeps."""
    return {
        **words_of_settings(sweep.config),
        "noise": words_of_noise(sweep.config),
        "seeds": words_of_seeds(sorted({run.seed for run in sweep.runs})),
    }


def _told_apart(labels: Sequence[str], sweeps: Sequence[Sweep]) -> list[str]:
    """The labels, with the id where two are the same."""
    return [
        label if labels.count(label) == 1 and label else ", ".join(filter(None, (label, sweep.id)))
        for label, sweep in zip(labels, sweeps, strict=True)
    ]


def draw(data: Comparison, options: Options = PLAIN) -> bytes:
    """The curves over each other; of a sweep that has no point yet there is the label alone."""
    return render(_draw, data, options, width=8, height=5.5 + 0.2 * len(data.curves))


def _draw(sheet: Sheet, data: Comparison) -> None:
    em, looks = sheet.em, sheet.theme.several
    sheet.legend([(curve.label, look) for curve, look in zip(data.curves, looks, strict=False)])
    panel = sheet.panel(
        sheet.body.inset(left=5 * em, bottom=3.6 * em), data.axis.limits, FRACTION_LIMITS, least_height=11
    )
    panel.x_axis(data.axis.ticks(panel.characters), "Scale")
    panel.y_axis(FRACTIONS, "Validation accuracy")
    panel.frame()
    for curve, look in zip(data.curves, looks, strict=False):
        draw_curve(panel, data.axis, curve.points, look)
