"""Summary of a sweep: statistics by scale, half-way scale, area, a sentence, and remarks on missing results."""

from collections.abc import Iterator, Sequence

from api.science.curves import HalfwayCrossing, area, chance_level, curves, halfway_crossing, mean_halfway
from api.science.prose import sentence
from api.science.scale_figures import figures
from noisesweep.models import ScaleFigures, Summary, Sweep


def summary(sweep: Sweep) -> Summary:
    """Summarize the runs that have succeeded so far."""
    scales, complete = figures(sweep), curves(sweep)
    crossings = [found for curve in complete if (found := halfway_crossing(curve, chance_level(sweep)))]
    return Summary(
        sweep_id=sweep.id,
        sentence=sentence(sweep, scales, crossings),
        scales=scales,
        area=area(complete),
        half_way=mean_halfway(crossings),
        method=_method(sweep, scales),
        remarks=list(_remarks(sweep, len(complete), crossings)),
    )


def _method(sweep: Sweep, scales: Sequence[ScaleFigures]) -> str:
    """Describe the method of the intervals and the number of seeds."""
    if not scales:
        return "no results yet"
    counts = {figures.val_accuracy.seeds for figures in scales}
    several = sorted(counts - {1})
    if not several:
        return f"no intervals: one seed{' at each scale so far' if len(sweep.seeds) > 1 else ''}"
    seeds = f"{several[0]} seeds" if len(several) == 1 else f"{several[0]} to {several[-1]} seeds"
    return f"95 % intervals: Student's t over {seeds}{'; none at scales with one seed' if 1 in counts else ''}"


def _remarks(sweep: Sweep, complete: int, crossings: Sequence[HalfwayCrossing]) -> Iterator[str]:
    """Yield a remark for each missing part of the summary, with a way to obtain it."""
    scales, seeds = {run.scale for run in sweep.runs}, {run.seed for run in sweep.runs}
    yield from _missing_from_grid(scales, seeds)
    if len(scales) > 1:
        yield from _incomplete_seeds(sweep, complete, len(seeds))
    yield from _missing_halfway(crossings)


def _missing_from_grid(scales: set[float], seeds: set[int]) -> Iterator[str]:
    if 0 not in scales:
        yield (
            "No run at scale 0: extend the sweep with scale 0, or submit with include_clean, to get the half-way scale "
            "and the accuracy drop."
        )
    if len(scales - {0}) < 2:  # noqa: PLR2004 - an interval has two ends
        yield "Fewer than two positive scales: extend the sweep with more scales to get the area."
    if len(seeds) == 1:
        yield "Only one seed: extend the sweep with more seeds, or submit with repeats, to get intervals."


def _incomplete_seeds(sweep: Sweep, complete: int, seeds: int) -> Iterator[str]:
    if complete < seeds:
        advice = "Retry the sweep to complete the others" if sweep.status.is_final else "The others have not ended yet"
        yield (
            f"The half-way scale and the area cover {complete} of {seeds} seeds: those that have succeeded at every "
            f"scale. {advice}."
        )


def _missing_halfway(crossings: Sequence[HalfwayCrossing]) -> Iterator[str]:
    """Explain a missing half-way scale of curves that have a clean run."""
    crossed = sum(crossing.scale is not None for crossing in crossings)
    if crossed == len(crossings):
        return
    if any(crossing.clean <= crossing.level for crossing in crossings):
        yield "A clean run is not better than chance, so there is no half-way scale. Train for more epochs."
    elif crossed:
        yield (
            f"Only {crossed} of {len(crossings)} seeds {'falls' if crossed == 1 else 'fall'} half-way from clean to "
            "chance, and a mean over only these would be too low. Extend the sweep with greater scales to get the "
            "half-way scale."
        )
    else:
        yield (
            "No curve falls half-way from clean to chance. Extend the sweep with greater scales to get the half-way "
            "scale."
        )
