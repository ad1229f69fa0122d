"""Plot of validation accuracy against noise scale for several sweeps."""

import json
from collections.abc import Iterator, Sequence

from api.plots.axes import ScaleAxis
from api.plots.best_possible import BAND_NOTE, Background, best_possible
from api.plots.caption import Caption, describe_intervals, format_seeds, progress_note
from api.plots.data import Curve, Panel, PlotData, Point, fraction_axis
from api.plots.half_way import mark_each_half_way
from api.plots.theme import sweep_style
from api.science.config_text import format_setting, format_settings
from api.science.curves import half_way
from api.science.noise_kinds import axis_label
from api.science.numerics import mixed_numerics
from api.science.progress import describe_progress
from api.science.scale_figures import figures
from noisesweep.models import RunStatus, Sweep, TrainingConfig
from shared.datasets import facts_of

MAX_SWEEPS = 8
NOISE_SETTINGS = ("noise", "noise_on", "clip", "resample")


def plot_data(sweeps: Sequence[Sweep], *, log: bool = False) -> PlotData:
    """Return one curve for each of 1 to 8 different sweeps, from the runs that have succeeded so far.

    The name of a curve contains the sweep's name and those settings that differ between the sweeps.
    """
    texts = [{"name": _printable(sweep.name or "").strip()} | _settings(sweep) for sweep in sweeps]
    common = {key: text for key, text in texts[0].items() if all(other[key] == text for other in texts)}
    labels = _distinct_labels(
        [", ".join(text for key, text in each.items() if text and key not in common) for each in texts], sweeps
    )
    marked = [_mark(label, sweep) for label, sweep in zip(labels, sweeps, strict=True)]
    scales = tuple(sorted({run.scale for sweep in sweeps for run in sweep.runs}))
    axis = ScaleAxis(scales, log, axis_label(sweep.config.noise for sweep in sweeps))
    by_sweep = [figures(sweep) for sweep in sweeps]
    curves = tuple(
        Curve(
            name=label,
            style=sweep_style(index),
            points=tuple(Point.from_interval(axis.position(at.scale), at.val_accuracy) for at in by_scale),
            starts_apart=log and bool(by_scale) and by_scale[0].scale == 0,
            sweep_id=sweep.id,
        )
        for index, (label, by_scale, sweep) in enumerate(zip(marked, by_sweep, sweeps, strict=True))
    )
    intervals = [at.val_accuracy for by_scale in by_sweep for at in by_scale]
    reading = [describe_intervals(intervals)] if intervals else []
    background = best_possible([sweep.config for sweep in sweeps], axis) if intervals else Background()
    halves = mark_each_half_way(
        [(curve.style, curve.name, half_way(sweep)) for curve, sweep in zip(curves, sweeps, strict=True)], axis
    )
    notes = [*reading, *([BAND_NOTE] if background.bands else []), *halves.captions]
    notes += [f"Sweep {sweep.id}: {progress}." for sweep in sweeps if (progress := progress_note(sweep))]
    judged = {sweep.config.final_images.capitalize() for sweep in sweeps}
    images = "Test" if len(judged) > 1 else judged.pop()
    noise = {name: common.pop(name) for name in NOISE_SETTINGS if name in common}
    default = TrainingConfig()
    changed = [
        text
        for name, text in noise.items()
        if name == "noise_on" or getattr(sweeps[0].config, name) != getattr(default, name)
    ]
    for unsaid in ("name", "numerics"):
        common.pop(unsaid, None)
    return PlotData(
        caption=Caption(
            title=f"{images} Accuracy With Increasing Noise",
            subtitle=", ".join(changed) if "noise_on" in noise else "noise: see the legend",
            warnings=tuple(_warnings(sweeps)),
            notes=tuple(notes),
            settings=", ".join(filter(None, common.values())),
            source=f"{'sweep' if len(sweeps) == 1 else 'sweeps'} {', '.join(sweep.id for sweep in sweeps)}",
            config=json.dumps({sweep.id: sweep.config.model_dump(mode="json") for sweep in sweeps}),
        ),
        panels=(
            Panel(
                x_axis=axis.axis,
                y_axis=fraction_axis(f"{images} accuracy"),
                curves=curves,
                bands=background.bands,
                levels=background.levels,
                marks=halves.marks,
                notes=(*reading, *background.notes, *halves.notes),
            ),
        ),
        size=(8, 5.8 + 0.2 * (len(curves) + len(background.bands) + len(background.levels) + bool(halves.marks))),
    )


def _mark(label: str, sweep: Sweep) -> str:
    """Return the label, marked if the sweep has not succeeded."""
    progress = describe_progress(sweep)
    return f"{label} ({progress})" if progress else label


def _warnings(sweeps: Sequence[Sweep]) -> Iterator[str]:
    """Yield each reason why the curves of the sweeps cannot be compared as they are."""
    if len({facts_of(sweep.config).content for sweep in sweeps}) > 1:
        names = ", ".join(dict.fromkeys(sweep.config.dataset for sweep in sweeps))
        yield f"The sweeps have different data sets ({names}): their accuracies cannot be compared."
    if len({sweep.config.noise for sweep in sweeps}) > 1:
        yield "The sweeps have different kinds of noise: the same scale is not the same amount for all."
    if len({sweep.config.final_images for sweep in sweeps}) > 1:
        yield "Sweeps with a holdout show their test accuracy, the others their validation accuracy on the same images."
    # Without the epochs of a running sweep, because clients do not read the data again at each of them.
    unfinished = [
        f"{_printable(sweep.name or sweep.id)} ({describe_progress(sweep) if sweep.status.is_final else sweep.status})"
        for sweep in sweeps
        if sweep.status is not RunStatus.SUCCEEDED
    ]
    if unfinished:
        yield f"Only runs that have succeeded are shown: {', '.join(unfinished)}."
    if mixed := mixed_numerics(run for sweep in sweeps for run in sweep.runs):
        yield mixed


def _printable(name: str) -> str:
    """Return the name with a space for each non-printable character. XML, and so SVG, forbids some of them."""
    return "".join(character if character.isprintable() else " " for character in name)


def _settings(sweep: Sweep) -> dict[str, str]:
    """Return the text of all settings that may differ between sweeps, by name."""
    return {
        **format_settings(sweep.config),
        **{name: format_setting(sweep.config, name) for name in NOISE_SETTINGS},
        "seeds": format_seeds(sorted({run.seed for run in sweep.runs})),
        "numerics": f"numerics {' and '.join(map(str, sweep.numerics))}" if sweep.numerics else "",
    }


def _distinct_labels(labels: Sequence[str], sweeps: Sequence[Sweep]) -> list[str]:
    """Return the labels, with the sweep's id appended to duplicates and in place of empty labels."""
    return [
        label if labels.count(label) == 1 and label else ", ".join(filter(None, (label, sweep.id)))
        for label, sweep in zip(labels, sweeps, strict=True)
    ]
