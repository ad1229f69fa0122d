"""Accuracy against noise scale: the notebook's picture."""

from dataclasses import dataclass

from api.plots.caption import Imprint, imprint, remark, words_of_mean
from api.plots.curves import draw_curve
from api.plots.layout import SMALL, Sheet
from api.plots.options import PLAIN, Options
from api.plots.picture import render
from api.plots.samples import STRIP_HEIGHT, Samples, draw_strip
from api.plots.scales import ScaleAxis
from api.plots.ticks import FRACTION_LIMITS, FRACTIONS
from api.science.scale_figures import figures, last_epochs
from noisesweep.models import Interval, Sweep

TITLE = "Accuracy of Model With Increasing Noise"


@dataclass(frozen=True)
class AccuracyCurve:
    """The points of the curve and what is to be said beside it.

    Attributes:
        scales: The scales with a succeeded run, ascending.
        accuracy: Training accuracy at the last epoch for each of them, over its succeeded seeds.
        val_accuracy: Validation accuracy likewise.
        seeds: Scale, accuracy and val_accuracy of each of these runs.
        axis: Every scale of the sweep, also where no run has succeeded.
        samples: What each scale does to an image; None to leave it out.
        imprint: The picture's words.
        remark: What is still to come or went wrong; None where every run succeeded.
    """

    scales: tuple[float, ...]
    accuracy: tuple[Interval, ...]
    val_accuracy: tuple[Interval, ...]
    seeds: tuple[tuple[float, float, float], ...]
    axis: ScaleAxis
    samples: Samples | None
    imprint: Imprint
    remark: str | None


def curve(sweep: Sweep, samples: Samples | None = None, *, log: bool = False) -> AccuracyCurve:
    """The curve of the runs that have succeeded so far."""
    by_scale = figures(sweep)
    seeds = [at.accuracy.seeds for at in by_scale]
    notes = [words_of_mean(min(seeds), max(seeds))] if seeds else []
    notes += [samples.note] if samples else []
    return AccuracyCurve(
        scales=tuple(at.scale for at in by_scale),
        accuracy=tuple(at.accuracy for at in by_scale),
        val_accuracy=tuple(at.val_accuracy for at in by_scale),
        seeds=tuple(
            (scale, metrics.accuracy, metrics.val_accuracy)
            for scale, by_seed in last_epochs(sweep).items()
            if len(by_seed) > 1
            for metrics in by_seed.values()
        ),
        axis=ScaleAxis(tuple(sorted({run.scale for run in sweep.runs})), log),
        samples=samples,
        imprint=imprint(sweep, TITLE, *notes),
        remark=remark(sweep),
    )


def draw(data: AccuracyCurve, options: Options = PLAIN) -> bytes:
    """The curve, by default as a PNG of 1200 x 825 pixels; with no point yet, the axes and the remark."""
    return render(_draw, data, options, width=8, height=5.5)


def _draw(sheet: Sheet, data: AccuracyCurve) -> None:
    em, theme = sheet.em, sheet.theme
    if data.scales:
        sheet.legend([("Train", theme.training), ("Validation", theme.validation)])
    strip = STRIP_HEIGHT * em if data.samples else 0
    box = sheet.body.inset(left=5 * em, bottom=3.6 * em + strip)
    panel = sheet.panel(box, data.axis.limits, FRACTION_LIMITS, least_height=5)
    panel.x_axis(data.axis.ticks(panel.characters))
    panel.y_axis(FRACTIONS, "Accuracy")
    panel.frame()
    sheet.text((box.left + box.right) / 2, box.bottom - 2.1 * em - strip, "Scale", ha="center", va="top")
    if data.samples:
        draw_strip(panel, data.axis, data.samples)
    for curve, look in ((data.accuracy, theme.training), (data.val_accuracy, theme.validation)):
        draw_curve(panel, data.axis, list(zip(data.scales, curve, strict=True)), look)
    if data.seeds:
        places = [data.axis.place(scale) for scale, _, _ in data.seeds]
        for which, look in ((1, theme.training), (2, theme.validation)):
            # Wider than the mean's marker, which would hide them.
            dash = look._replace(marker="_", dashes="none")
            panel.line(places, [seed[which] for seed in data.seeds], dash, strength=2.2, alpha=0.45)
    if data.remark and data.scales:
        sheet.text(box.left + em, box.bottom + 0.8 * em, data.remark, size=SMALL, color=theme.faint_ink)
    elif data.remark:
        sheet.remark(data.remark)
