"""Sentence that describes the curve of a sweep. It makes no claim that the statistics do not support."""

from collections import Counter
from collections.abc import Callable, Sequence
from enum import Enum, auto

from api.science.curves import HalfwayCrossing, chance_level, mean_halfway
from api.science.scale_figures import accuracy_drop, final_metrics, validation_images
from noisesweep.models import Efficiency, Interval, NoiseOn, RunStatus, ScaleFigures, Sweep
from noisesweep.models.float32 import format_number

# Subject of the sentence, and the prefix of "without noise" and "at scale 4".
SUBJECT = {
    NoiseOn.BOTH: ("{images} accuracy", ""),
    NoiseOn.TRAIN: ("{images} accuracy on clean images", "after training "),
    NoiseOn.VALIDATION: ("{images} accuracy after training on clean images", ""),
}


class Trend(Enum):
    """Change of val_accuracy from one scale to another."""

    FALLS = auto()
    RISES = auto()
    SAME = auto()  # equal after rounding to 0.1 %
    UNSURE = auto()  # the interval of the change includes 0
    ONE_PAIR = auto()  # only one of several seeds has both scales
    UNPAIRED = auto()  # no seed has both scales, or the paired change has another sign than that of the means


CAVEAT = {
    Trend.UNSURE: "; between these scales, it does not differ measurably",
    Trend.ONE_PAIR: "; only one seed has both scales",
    Trend.UNPAIRED: "; the two means are over different seeds",
}


def sentence(
    sweep: Sweep,
    scales: Sequence[ScaleFigures],
    crossings: Sequence[HalfwayCrossing],
    efficiency: Efficiency | None,
) -> str:
    """Return a sentence about the curve, one about its efficiency, and one about runs that have not succeeded, if any.

    Args:
        sweep: The sweep.
        scales: The statistics by scale, ascending.
        crossings: The half-way crossings of the complete curves; empty without a clean run.
        efficiency: The efficiency, if there is one.
    """
    sentences = [f"{_curve(sweep, scales, crossings)}."] if scales else []
    sentences += [f"{_efficiency(sweep, efficiency)}."] if efficiency else []
    count = success_count(sweep)
    return " ".join([*sentences, f"{count}."] if count else sentences)


def _curve(sweep: Sweep, scales: Sequence[ScaleFigures], crossings: Sequence[HalfwayCrossing]) -> str:
    subject = SUBJECT[sweep.config.noise_on][0].format(images=sweep.config.final_images.capitalize())
    first, last, half = scales[0], scales[-1], mean_halfway(crossings)
    trend = _trend(sweep, first, last)
    change = f"is {_figure(sweep, last)}" if first is last else _change(sweep, first, last, trend)
    # One interval keeps the sentence short. The statistics have all of them.
    if half:
        halfway = f"; it is half-way to chance at scale {_scale(half.scale.mean)}{_basis(sweep, half.scale, _scale)}"
    else:
        halfway = _missing_halfway(sweep, crossings, trend)
    notes, caveat = f"{_chance_note(sweep, last)}{_extremes(sweep, scales)}", CAVEAT.get(trend, "")
    if not half and trend is Trend.UNSURE:
        caveat += _basis(sweep, last.val_accuracy, None)
    elif not half:
        change += _basis(sweep, last.val_accuracy, format_percent)
    return f"{subject} {change}{notes}{caveat}{halfway}"


def _change(sweep: Sweep, first: ScaleFigures, last: ScaleFigures, trend: Trend) -> str:
    """Connect the first and the last accuracy with a verb that the interval of the change supports."""
    start, at_first = format_percent(first.val_accuracy.mean), _at(sweep, first)
    end, at_last = format_percent(last.val_accuracy.mean), _at(sweep, last)
    match trend:
        case Trend.FALLS:
            return f"falls from {start} {at_first} to {end} {at_last}"
        case Trend.RISES:
            return f"rises from {start} {at_first} to {end} {at_last}"
        case Trend.SAME:
            return f"is {start} both {at_first} and {at_last}"
        case Trend.UNSURE | Trend.ONE_PAIR | Trend.UNPAIRED:
            return f"is {start} {at_first} and {end} {at_last}"


def _trend(sweep: Sweep, first: ScaleFigures, last: ScaleFigures, comparisons: int = 1) -> Trend:
    before, after = first.val_accuracy.mean, last.val_accuracy.mean
    if format_percent(before) == format_percent(after):
        return Trend.SAME
    final = final_metrics(sweep)
    change = accuracy_drop(final[first.scale], final[last.scale], validation_images(sweep), comparisons)
    if change is None or change.mean * (before - after) <= 0:
        return Trend.UNPAIRED
    if change.seeds == 1 and len({run.seed for run in sweep.runs}) > 1:
        return Trend.ONE_PAIR
    if change.low is None or change.high is None or change.low <= 0 <= change.high:
        return Trend.UNSURE
    return Trend.FALLS if before > after else Trend.RISES


def _extremes(sweep: Sweep, scales: Sequence[ScaleFigures]) -> str:
    """Describe the lowest and highest points of the curve if they are outside the range of its two ends.

    Each is selected from all scales, so its differences from the ends are judged at a level for that many comparisons.
    """
    found = []
    for word, choose, trend in (("lowest", min, Trend.FALLS), ("highest", max, Trend.RISES)):
        extreme = choose(scales, key=lambda scale: scale.val_accuracy.mean)
        if all(_trend(sweep, end, extreme, len(scales)) is trend for end in (scales[0], scales[-1])):
            found.append(f"{word} {_at(sweep, extreme)} with {format_percent(extreme.val_accuracy.mean)}")
    return f", and is {' and '.join(found)}" if found else ""


def _chance_note(sweep: Sweep, figures: ScaleFigures) -> str:
    val_accuracy, chance = figures.val_accuracy, chance_level(sweep)
    if val_accuracy.mean <= chance:
        return f", which is not better than chance ({format_percent(chance)})"
    if val_accuracy.low is not None and val_accuracy.low <= chance:
        return f", which {seed_count(val_accuracy.seeds)} cannot distinguish from chance ({format_percent(chance)})"
    return ""


def _efficiency(sweep: Sweep, found: Efficiency) -> str:
    limit, share = _range(found.limit_from, found.limit_to, _scale), _range(found.low, found.high, format_percent)
    bounds = found.interval.model_dump() if found.interval else {}
    basis = _basis(sweep, Interval(mean=found.low, seeds=found.scale.seeds, **bounds), format_percent)
    level = f"{format_percent(found.level)} at scale {_scale(found.scale.mean)}"
    return f"It falls to {level}, and the best possible accuracy at scale {limit}: an efficiency of {share}{basis}"


def _range(low: float, high: float, format_value: Callable[[float], str]) -> str:
    return " to ".join(dict.fromkeys([format_value(low), format_value(high)]))


def _missing_halfway(sweep: Sweep, crossings: Sequence[HalfwayCrossing], trend: Trend) -> str:
    crossed = sum(crossing.scale is not None for crossing in crossings)
    if crossed:
        return f"; {crossed} of {len(crossings)} seeds {'falls' if crossed == 1 else 'fall'} half-way to chance"
    # A seed with an incomplete curve may have crossed at a missing scale.
    complete = len(crossings) == len({seed for runs in final_metrics(sweep).values() for seed in runs})
    above = all(crossing.clean > crossing.level for crossing in crossings)
    if crossings and complete and above and trend is Trend.FALLS:
        return "; it does not fall half-way to chance"
    return ""


def success_count(sweep: Sweep) -> str | None:
    """Return the number of succeeded runs and the status of the others as text; None if all have succeeded."""
    counts = Counter(run.status for run in sweep.runs)
    succeeded, runs = counts.pop(RunStatus.SUCCEEDED, 0), len(sweep.runs)
    if succeeded == runs:
        return None
    others = ", ".join(f"{counts[status]} {status}" for status in RunStatus if counts[status])
    if not succeeded:
        return f"No run has succeeded{'' if sweep.status.is_final else ' yet'}: {others}"
    so_far = f"{succeeded} of {runs} runs {'has' if succeeded == 1 else 'have'} succeeded: {others}"
    return so_far if sweep.status.is_final else f"So far {so_far}"


def _figure(sweep: Sweep, figures: ScaleFigures) -> str:
    return f"{format_percent(figures.val_accuracy.mean)} {_at(sweep, figures)}"


def _at(sweep: Sweep, figures: ScaleFigures) -> str:
    _, before = SUBJECT[sweep.config.noise_on]
    return f"{before}{f'at scale {format_number(figures.scale)}' if figures.scale else 'without noise'}"


def _basis(sweep: Sweep, interval: Interval, format_value: Callable[[float], str] | None) -> str:
    """Return the number of seeds in brackets: with their interval if a format is given, and with the images if one."""
    if interval.seeds == 1:
        return f" (one seed, {validation_images(sweep):,} images)"
    seeds = seed_count(interval.seeds)
    if format_value is None or interval.low is None or interval.high is None:
        return f" ({seeds})"
    return f" (95 % interval {format_value(interval.low)} to {format_value(interval.high)}, {seeds})"


def seed_count(count: int) -> str:
    """Return a number of seeds as text."""
    return "one seed" if count == 1 else f"{count} seeds"


def format_percent(fraction: float) -> str:
    """Return a fraction as a percentage, rounded to 0.1 %."""
    return f"{round(100 * fraction, 1) + 0.0:.1f} %"  # + 0.0 turns -0.0 into 0.0


def _scale(scale: float) -> str:
    """Return a scale with three significant digits, without an exponent if possible: 1000, not 1e+03."""
    return f"{float(f'{scale:.3g}'):g}"
