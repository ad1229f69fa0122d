"""The summary of a sweep: figures by scale, half-way scale, area, a sentence, and remarks on what is missing."""

from collections.abc import Iterator, Sequence

from api.science.curves import HalfwayCrossing, area, chance_level, curves, half_way, halfway_crossing
from api.science.prose import sentence
from api.science.scale_figures import figures
from noisesweep.models import ScaleFigures, Summary, Sweep


def summary(sweep: Sweep) -> Summary:
    """Return the summary of the runs that have succeeded so far."""
    scales, complete = figures(sweep), curves(sweep)
    crossings = [found for curve in complete if (found := halfway_crossing(curve, chance_level(sweep)))]
    return Summary(
        sweep_id=sweep.id,
        sentence=sentence(sweep, scales, crossings),
        scales=scales,
        area=area(complete),
        half_way=half_way(crossings),
        method=_method(sweep, scales),
        remarks=list(_remarks(sweep, len(complete), crossings)),
    )


def _method(sweep: Sweep, scales: Sequence[ScaleFigures]) -> str:
    """Describe how the intervals over seeds are computed, and from how many seeds."""
    if not scales:
        return "no figures yet"
    counts = {figures.val_accuracy.seeds for figures in scales}
    several = sorted(counts - {1})
    if not several:
        return f"one seed{' at each scale so far' if len(sweep.seeds) > 1 else ''}: no intervals"
    seeds = f"{several[0]} seeds" if len(several) == 1 else f"{several[0]} to {several[-1]} seeds"
    return f"95 % intervals: Student's t over {seeds}{'; none at scales with one' if 1 in counts else ''}"


def _remarks(sweep: Sweep, complete: int, crossings: Sequence[HalfwayCrossing]) -> Iterator[str]:
    """Yield what is missing from the summary, and how to get it."""
    scales, seeds = {run.scale for run in sweep.runs}, {run.seed for run in sweep.runs}
    yield from _not_asked_for(scales, seeds)
    if len(scales) > 1:
        yield from _not_complete(sweep, complete, len(seeds))
    yield from _no_crossing(crossings)


def _not_asked_for(scales: set[float], seeds: set[int]) -> Iterator[str]:
    if 0 not in scales:
        yield (
            "No run at scale 0: extend the sweep with scale 0, or submit with include_clean, to have the half-way "
            "scale and the drop."
        )
    if len(scales - {0}) < 2:  # noqa: PLR2004 - a width has two ends
        yield "Fewer than two positive scales: extend the sweep with scales to have the area."
    if len(seeds) == 1:
        yield "One seed: extend the sweep with seeds, or submit with repeats, to have intervals."


def _not_complete(sweep: Sweep, complete: int, seeds: int) -> Iterator[str]:
    if complete < seeds:
        advice = "retry the sweep to have the others" if sweep.status.is_final else "the others are still to come"
        count = f"{complete} of {seeds}"
        yield f"Half-way scale and area are of the seeds that have succeeded at every scale, {count}: {advice}."


def _no_crossing(crossings: Sequence[HalfwayCrossing]) -> Iterator[str]:
    """Explain why there is no half-way scale although there are curves with a clean run."""
    down = sum(crossing.scale is not None for crossing in crossings)
    if down == len(crossings):
        return
    if any(crossing.clean <= crossing.level for crossing in crossings):
        yield (
            "A clean run is no better than chance, and from there is no way down: train for more epochs to have the "
            "half-way scale."
        )
    elif down:
        yield (
            f"{down} of {len(crossings)} seeds {'comes' if down == 1 else 'come'} half of the way down from clean to "
            "chance, and a mean over those alone would be too low: extend the sweep with greater scales to have the "
            "half-way scale."
        )
    else:
        yield (
            "No curve comes half of the way down from clean to chance: extend the sweep with greater scales to have "
            "the half-way scale."
        )
