"""Accuracy against noise scale: the notebook's plot."""

from operator import attrgetter

from api.plots.axes import ScaleAxis
from api.plots.caption import caption, remark, words_of_mean
from api.plots.data import Curve, Panel, PlotData, Point, Samples, fraction_axis
from api.plots.theme import TRAINING, VALIDATION
from api.science.scale_figures import figures, last_epochs
from noisesweep.models import Sweep

TITLE = "Accuracy of Model With Increasing Noise"
SIDES = (("Train", TRAINING, "accuracy"), ("Validation", VALIDATION, "val_accuracy"))


def plot_data(sweep: Sweep, samples: Samples | None = None, *, log: bool = False) -> PlotData:
    """Return the training and the validation curve of the runs that have succeeded so far."""
    axis = ScaleAxis(tuple(sorted({run.scale for run in sweep.runs})), log)
    by_scale, ends = figures(sweep), last_epochs(sweep)
    seeds = [at.accuracy.seeds for at in by_scale]
    notes = [words_of_mean(min(seeds), max(seeds))] if seeds else []
    notes += [samples.note] if samples else []
    curves = [
        Curve(
            name=name,
            style=style,
            points=tuple(Point.of(axis.position(at.scale), getattr(at, side)) for at in by_scale),
            starts_apart=log and by_scale[0].scale == 0,
            each_seed=tuple(
                (axis.position(scale), value)
                for scale, by_seed in ends.items()
                if len(by_seed) > 1
                for value in map(attrgetter(side), by_seed.values())
            ),
        )
        for name, style, side in (SIDES if by_scale else ())
    ]
    return PlotData(
        caption=caption(sweep, TITLE, *notes),
        panels=(Panel(x_axis=axis.axis, y_axis=fraction_axis("Accuracy"), curves=tuple(curves)),),
        remark=remark(sweep),
        samples=samples,
        size=(8, 5.5),
    )
