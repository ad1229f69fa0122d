"""Plot of accuracy against noise scale, as in the notebook."""

from operator import attrgetter

from api.plots.axes import ScaleAxis
from api.plots.best_possible import BAND_NOTE, Background, best_possible
from api.plots.caption import caption, describe_intervals, progress_note
from api.plots.data import Curve, Panel, PlotData, Point, Samples, fraction_axis
from api.plots.half_way import mark_half_way
from api.plots.theme import TRAINING, VALIDATION
from api.science.curves import half_way
from api.science.noise_kinds import axis_label
from api.science.scale_figures import figures, final_metrics
from noisesweep.models import Sweep

TITLE = "Accuracy of Model With Increasing Noise"


def plot_data(sweep: Sweep, samples: Samples | None = None, *, log: bool = False) -> PlotData:
    """Return the curves of the training, and the validation or test accuracy, of the runs that have succeeded."""
    axis = ScaleAxis(tuple(sorted({run.scale for run in sweep.runs})), log, axis_label([sweep.config.noise]))
    by_scale, ends = figures(sweep), final_metrics(sweep)
    intervals = [describe_intervals([at.val_accuracy for at in by_scale])] if by_scale else []
    notes = [*intervals]
    notes += ["Faint: each seed."] if any(at.val_accuracy.seeds > 1 for at in by_scale) else []
    notes += [samples.note] if samples else []
    curves = [
        Curve(
            name=name,
            style=style,
            points=tuple(Point.from_interval(axis.position(at.scale), getattr(at, field)) for at in by_scale),
            starts_apart=log and bool(by_scale) and by_scale[0].scale == 0,
            each_seed=tuple(
                (axis.position(scale), value)
                for scale, by_seed in ends.items()
                if len(by_seed) > 1
                for value in map(attrgetter(field), by_seed.values())
            ),
        )
        for name, style, field in (
            ("Train", TRAINING, "accuracy"),
            (sweep.config.final_images.capitalize(), VALIDATION, "val_accuracy"),
        )
    ]
    background = best_possible([sweep.config], axis) if by_scale else Background()
    notes += [BAND_NOTE] if background.bands else []
    halves = mark_half_way(half_way(sweep), axis)
    notes += halves.captions
    return PlotData(
        caption=caption(sweep, TITLE, *notes),
        panels=(
            Panel(
                x_axis=axis.axis,
                y_axis=fraction_axis("Accuracy"),
                curves=tuple(curves),
                bands=background.bands,
                levels=background.levels,
                marks=halves.marks,
                notes=(*intervals, *background.notes, *halves.notes),
            ),
        ),
        remark=progress_note(sweep),
        samples=samples,
        size=(8, 5.5),
    )
