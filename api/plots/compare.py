"""Validation accuracy of several sweeps against the scale, in one plot."""

import json
from collections.abc import Sequence

from api.plots.axes import ScaleAxis
from api.plots.caption import Caption, remark, words_of_noise, words_of_seeds, words_of_settings
from api.plots.data import Curve, Panel, PlotData, Point, fraction_axis
from api.plots.theme import sweep_style
from api.science.scale_figures import figures
from noisesweep.models import Sweep

MOST_SWEEPS = 8


def plot_data(sweeps: Sequence[Sweep], *, log: bool = False) -> PlotData:
    """Return the curves of 1 to 8 different sweeps, of the runs that have succeeded so far.

    A curve is named by the sweep's name and settings, except what all sweeps have in common.
    """
    words = [{"name": _printable(sweep.name or "").strip()} | _words(sweep) for sweep in sweeps]
    common = {key: said for key, said in words[0].items() if all(other[key] == said for other in words)}
    labels = [", ".join(said for key, said in each.items() if said and key not in common) for each in words]
    axis = ScaleAxis(tuple(sorted({run.scale for sweep in sweeps for run in sweep.runs})), log)
    by_sweep = [figures(sweep) for sweep in sweeps]
    curves = tuple(
        Curve(
            name=label,
            style=sweep_style(index),
            points=tuple(Point.of(axis.position(at.scale), at.val_accuracy) for at in by_scale),
            starts_apart=log and bool(by_scale) and by_scale[0].scale == 0,
        )
        for index, (label, by_scale) in enumerate(zip(_told_apart(labels, sweeps), by_sweep, strict=True))
    )
    most_seeds = max((point.seeds for curve in curves for point in curve.points), default=0)
    notes = ["One seed: no interval."] if most_seeds == 1 else []
    if most_seeds > 1:
        notes = ["Mean over seeds with its 95 % interval (Student's t over seeds); of one seed there is none."]
    notes += [f"Sweep {sweep.id}: {standing}." for sweep in sweeps if (standing := remark(sweep))]
    noise = common.pop("noise", "noise as the legend says")
    common.pop("name", None)
    return PlotData(
        caption=Caption(
            title="Validation Accuracy With Increasing Noise",
            subtitle=noise,
            notes=tuple(notes),
            settings=", ".join(common.values()),
            source=f"{'sweep' if len(sweeps) == 1 else 'sweeps'} {', '.join(sweep.id for sweep in sweeps)}",
            config=json.dumps({sweep.id: sweep.config.model_dump(mode="json") for sweep in sweeps}),
        ),
        panels=(Panel(x_axis=axis.axis, y_axis=fraction_axis("Validation accuracy"), curves=curves),),
        size=(8, 5.5 + 0.2 * len(curves)),
    )


def _printable(name: str) -> str:
    """Return the name without characters that the font lacks or XML forbids."""
    return "".join(character if character.isprintable() else " " for character in name)


def _words(sweep: Sweep) -> dict[str, str]:
    """Return all settings that may differ between sweeps."""
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
