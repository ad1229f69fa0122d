"""A sweep's figures as a sentence of plain English that claims no more than the figures show."""

from collections import Counter
from collections.abc import Callable, Sequence
from enum import Enum, auto

from api.science.curves import HalfwayCrossing, chance_level, half_way
from api.science.scale_figures import accuracy_drop, last_epochs
from noisesweep.models import Interval, NoiseOn, RunStatus, ScaleFigures, Sweep

# What the sentence is about, and what stands before "without noise" and "at scale 4".
SUBJECT = {
    NoiseOn.BOTH: ("Validation accuracy", ""),
    NoiseOn.TRAIN: ("Validation accuracy on clean images", "after training "),
    NoiseOn.VALIDATION: ("Validation accuracy after training on clean images", ""),
}


class Trend(Enum):
    """The change of val_accuracy from one scale to another."""

    FALLS = auto()
    RISES = auto()
    SAME = auto()  # as it is written, to a tenth of a percent
    UNSURE = auto()  # the interval of its change holds 0
    ONE_PAIR = auto()  # a single seed of several has both
    UNPAIRED = auto()  # no seed has both, or those that have go another way than the means


CAVEAT = {
    Trend.UNSURE: "; its seeds do not tell the two ends apart",
    Trend.ONE_PAIR: "; a single seed has both ends",
    Trend.UNPAIRED: "; the two ends are of different seeds",
}


def sentence(sweep: Sweep, scales: Sequence[ScaleFigures], crossings: Sequence[HalfwayCrossing]) -> str:
    """Return a sentence on the curve, and a second one on the runs that have not succeeded, if any.

    Args:
        sweep: The sweep.
        scales: Its figures, by ascending scale.
        crossings: The half-way crossings of its complete curves; empty if there is no clean run.
    """
    sentences = [f"{_curve(sweep, scales, crossings)}."] if scales else []
    count = success_count(sweep)
    return " ".join([*sentences, f"{count}."] if count else sentences)


def _curve(sweep: Sweep, scales: Sequence[ScaleFigures], crossings: Sequence[HalfwayCrossing]) -> str:
    subject, _ = SUBJECT[sweep.config.noise_on]
    first, last, half = scales[0], scales[-1], half_way(crossings)
    trend = _trend(sweep, first, last)
    way = f"is {_figure(sweep, last)}" if first is last else _way(sweep, first, last, trend)
    # One interval is enough to read; all stand among the figures.
    seeds = "" if half else _over_seeds(sweep, last.val_accuracy, _percent)
    if half:
        at_half = f"at scale {_scale(half.scale.mean)}{_over_seeds(sweep, half.scale, _scale)}"
        down = f"; half of the way down to chance {at_half}"
    else:
        down = _not_half_way(sweep, crossings, trend)
    return f"{subject} {way}{seeds}{_beside_chance(sweep, last)}{_turns(sweep, scales)}{CAVEAT.get(trend, '')}{down}"


def _way(sweep: Sweep, first: ScaleFigures, last: ScaleFigures, trend: Trend) -> str:
    """Join the first and the last figure by a verb that the seeds support."""
    start, there = _percent(first.val_accuracy.mean), _at(sweep, first)
    end, here = _percent(last.val_accuracy.mean), _at(sweep, last)
    match trend:
        case Trend.FALLS:
            return f"falls from {start} {there} to {end} {here}"
        case Trend.RISES:
            return f"rises from {start} {there} to {end} {here}"
        case Trend.SAME:
            return f"is {start} both {there} and {here}"
        case Trend.UNSURE | Trend.ONE_PAIR | Trend.UNPAIRED:
            return f"is {start} {there} and {end} {here}"


def _trend(sweep: Sweep, first: ScaleFigures, last: ScaleFigures) -> Trend:
    before, after = first.val_accuracy.mean, last.val_accuracy.mean
    if _percent(before) == _percent(after):
        return Trend.SAME
    ends = last_epochs(sweep)
    change = accuracy_drop(ends[first.scale], ends[last.scale])
    if change is None or change.mean * (before - after) <= 0:
        return Trend.UNPAIRED
    if change.seeds == 1 and len({run.seed for run in sweep.runs}) > 1:
        return Trend.ONE_PAIR
    if change.low is not None and change.high is not None and change.low <= 0 <= change.high:
        return Trend.UNSURE
    return Trend.FALLS if before > after else Trend.RISES


def _turns(sweep: Sweep, scales: Sequence[ScaleFigures]) -> str:
    """Name the scales at which the curve leaves the range of its two ends."""
    turns = []
    for word, choose, trend in (("lowest", min, Trend.FALLS), ("highest", max, Trend.RISES)):
        extreme = choose(scales, key=lambda scale: scale.val_accuracy.mean)
        if all(_trend(sweep, end, extreme) is trend for end in (scales[0], scales[-1])):
            turns.append(f"{word} {_at(sweep, extreme)} with {_percent(extreme.val_accuracy.mean)}")
    return f", and is {' and '.join(turns)}" if turns else ""


def _beside_chance(sweep: Sweep, figures: ScaleFigures) -> str:
    val_accuracy, chance = figures.val_accuracy, chance_level(sweep)
    if val_accuracy.mean <= chance:
        return f", which is no better than chance ({_percent(chance)})"
    if val_accuracy.low is not None and val_accuracy.low <= chance:
        return f", which {val_accuracy.seeds} seeds do not tell from chance ({_percent(chance)})"
    return ""


def _not_half_way(sweep: Sweep, crossings: Sequence[HalfwayCrossing], trend: Trend) -> str:
    down = sum(crossing.scale is not None for crossing in crossings)
    if down:
        return f"; {down} of {len(crossings)} seeds {'comes' if down == 1 else 'come'} half of the way down to chance"
    # Of a seed whose curve has a hole it is not known.
    known = len(crossings) == len({seed for runs in last_epochs(sweep).values() for seed in runs})
    above = all(crossing.clean > crossing.level for crossing in crossings)
    if crossings and known and above and trend is Trend.FALLS:
        return "; it stays above half of the way down to chance"
    return ""


def success_count(sweep: Sweep) -> str | None:
    """Return how many runs have succeeded and where the others stand; None if all have succeeded."""
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
    return f"{_percent(figures.val_accuracy.mean)} {_at(sweep, figures)}"


def _at(sweep: Sweep, figures: ScaleFigures) -> str:
    _, before = SUBJECT[sweep.config.noise_on]
    return f"{before}{f'at scale {figures.scale:g}' if figures.scale else 'without noise'}"


def _over_seeds(sweep: Sweep, interval: Interval, written: Callable[[float], str]) -> str:
    if interval.low is None or interval.high is None:
        return " (one seed)" if len(sweep.seeds) > 1 else ""
    return f" (95 % interval {written(interval.low)} to {written(interval.high)}, {interval.seeds} seeds)"


def _percent(fraction: float) -> str:
    return f"{round(100 * fraction, 1) + 0.0:.1f} %"  # + 0.0: none is written -0.0


def _scale(scale: float) -> str:
    """Write a scale with three significant digits and without an exponent where possible: 1000, not 1e+03."""
    return f"{float(f'{scale:.3g}'):g}"
