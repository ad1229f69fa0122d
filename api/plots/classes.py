"""Plot of a class: the curve of each sweep, and the pooled mean."""

from statistics import fmean

from api.plots.axes import ScaleAxis
from api.plots.best_possible import BAND_NOTE, Background, best_possible
from api.plots.caption import Caption, describe_intervals, format_config, format_noise
from api.plots.data import Curve, Panel, PlotData, Point, fraction_axis
from api.plots.half_way import mark_half_way
from api.plots.theme import MEAN, MEMBER
from api.science.classes import Pool
from api.science.config_text import pluralize
from api.science.noise_kinds import axis_label
from api.science.scale_figures import final_metrics
from noisesweep.models import Sweep

MEMBER_NOTE = "Thin lines: the sweeps of the class, each the mean of its seeds."
SIZE = (8, 5.5)


def plot_data(tag: str, pool: Pool, *, log: bool = False) -> PlotData:
    """Return the mean of the pooled sweeps, and then the curve of each, from the runs that have succeeded so far.

    There are no panels without a sweep.
    """
    if pool.config is None:
        empty = Caption(title=f"Class {tag}", subtitle="", notes=(), settings="", source="", config="{}")
        return PlotData(caption=empty, panels=(), remark=f"No sweep has the tag {tag} yet.", size=SIZE)
    scales = tuple(sorted({run.scale for sweep in pool.sweeps for run in sweep.runs}))
    axis = ScaleAxis(scales, log, axis_label([pool.config.noise]))
    curves = [curve for sweep in pool.sweeps if (curve := _curve(sweep, axis)).points]
    if pool.scales:
        mean = tuple(Point.from_interval(axis.position(at.scale), at.val_accuracy) for at in pool.scales)
        apart = log and pool.scales[0].scale == 0
        curves.insert(0, Curve(name="Mean over all seeds", style=MEAN, points=mean, starts_apart=apart))
    background = best_possible([pool.config], axis) if pool.scales else Background()
    images = pool.config.final_images.capitalize()
    reading = [describe_intervals([at.val_accuracy for at in pool.scales]), MEMBER_NOTE] if pool.scales else []
    halves = mark_half_way(pool.half_way, axis, MEAN)
    notes = [*reading, *([BAND_NOTE] if background.bands else []), *halves.captions]
    if pool.others:
        notes.append(f"Not shown: {pluralize(len(pool.others), 'sweep')} with other settings.")
    return PlotData(
        caption=Caption(
            title=f"{images} Accuracy of the Class {tag}",
            subtitle=format_noise(pool.config),
            notes=tuple(notes),
            settings=format_config(pool.config),
            source=f"{pluralize(len(pool.sweeps), 'sweep')} with the tag {tag}",
            config=pool.config.model_dump_json(),
        ),
        panels=(
            Panel(
                x_axis=axis.axis,
                y_axis=fraction_axis(f"{images} accuracy"),
                curves=tuple(curves),
                bands=background.bands,
                levels=background.levels,
                marks=halves.marks,
                notes=(*reading, *background.notes, *halves.notes),
            ),
        ),
        remark=None if pool.scales else "No run has succeeded yet.",
        size=SIZE,
    )


def _curve(sweep: Sweep, axis: ScaleAxis) -> Curve:
    """Return the curve of a sweep without intervals, which would hide each other."""
    final = final_metrics(sweep)
    points = tuple(
        Point(x=axis.position(scale), mean=fmean(end.val_accuracy for end in runs.values()), seeds=len(runs))
        for scale, runs in final.items()
    )
    apart = axis.log and 0 in final
    label = ", ".join(filter(None, (sweep.name or sweep.id, sweep.submitter)))
    return Curve(name="Each sweep", label=label, style=MEMBER, points=points, starts_apart=apart, sweep_id=sweep.id)
