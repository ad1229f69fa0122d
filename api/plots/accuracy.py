"""Plot of accuracy against noise scale, as in the notebook."""

from operator import attrgetter

from api.plots.axes import ScaleAxis
from api.plots.caption import caption, describe_intervals, progress_note
from api.plots.data import Band, Curve, Level, Panel, PlotData, Point, Samples, fraction_axis
from api.plots.theme import CHANCE, LIMIT, TRAINING, VALIDATION
from api.science.limit import limit_of, limit_table
from api.science.scale_figures import figures, last_epochs
from noisesweep.models import Sweep, TrainingConfig

TITLE = "Accuracy of Model With Increasing Noise"
CURVES = (("Train", TRAINING, "accuracy"), ("Validation", VALIDATION, "val_accuracy"))
BAND_NOTE = "Band: the best possible accuracy on images like the training images lies between its ends."


def best_possible(config: TrainingConfig, axis: ScaleAxis) -> tuple[tuple[Band, ...], tuple[Level, ...]]:
    """Return the band of the best possible accuracy and the level of chance, over the scales of an axis.

    There is no band if the limit is unknown: the validation images have no noise, or noise of another kind.
    """
    limits, limit = limit_table().get(config.dataset), limit_of(config)
    if limits is None:
        return (), ()
    levels = (Level(name="Chance", style=CHANCE, y=limits.commonest),)
    first = axis.scales[0] or (axis.scales[1] if axis.log and len(axis.scales) > 1 else 0)
    last = axis.scales[-1]
    if limit is None or first >= last:
        return (), levels
    scales = [first, *(at.scale for at in limit.ends if first < at.scale < last), last]
    points = tuple((axis.position(at.scale), at.lower, at.upper) for at in map(limit.at, scales))
    return (Band(name="Best possible", style=LIMIT, points=points),), levels


def plot_data(sweep: Sweep, samples: Samples | None = None, *, log: bool = False) -> PlotData:
    """Return the training and validation curves of the runs that have succeeded so far."""
    axis = ScaleAxis(tuple(sorted({run.scale for run in sweep.runs})), log)
    by_scale, ends = figures(sweep), last_epochs(sweep)
    notes = [describe_intervals([at.val_accuracy for at in by_scale])] if by_scale else []
    notes += ["Faint: each seed."] if any(at.val_accuracy.seeds > 1 for at in by_scale) else []
    notes += [samples.note] if samples else []
    curves = [
        Curve(
            name=name,
            style=style,
            points=tuple(Point.from_interval(axis.position(at.scale), getattr(at, field)) for at in by_scale),
            starts_apart=log and by_scale[0].scale == 0,
            each_seed=tuple(
                (axis.position(scale), value)
                for scale, by_seed in ends.items()
                if len(by_seed) > 1
                for value in map(attrgetter(field), by_seed.values())
            ),
        )
        for name, style, field in (CURVES if by_scale else ())
    ]
    bands, levels = best_possible(sweep.config, axis) if curves else ((), ())
    notes += [BAND_NOTE] if bands else []
    return PlotData(
        caption=caption(sweep, TITLE, *notes),
        panels=(
            Panel(
                x_axis=axis.axis,
                y_axis=fraction_axis("Accuracy"),
                curves=tuple(curves),
                bands=bands,
                levels=levels,
            ),
        ),
        remark=progress_note(sweep),
        samples=samples,
        size=(8, 5.5),
    )
