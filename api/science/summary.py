"""Summary of a sweep: statistics by scale, half-way scale, area, a sentence, and remarks on missing results."""

from collections.abc import Iterator, Sequence

from api.science.curves import HalfwayCrossing, area, curves, halfway_crossings, mean_halfway
from api.science.efficiency import efficiency, missing_efficiency
from api.science.limit import Limit, exceeds_limit, limit_of
from api.science.numerics import REMEDY, mixed_numerics
from api.science.prose import sentence
from api.science.scale_figures import figures, validation_images
from noisesweep.models import Evaluation, ScaleFigures, Summary, Sweep
from noisesweep.models.float32 import format_number

# Smaller differences between the noise of the training and fresh noise are not worth a remark.
NOTICEABLE_GAP = 0.01


def summary(sweep: Sweep, evaluations: Sequence[Evaluation | None] = ()) -> Summary:
    """Summarize the runs that have succeeded so far.

    Args:
        sweep: The sweep.
        evaluations: See `figures`.
    """
    scales, complete, crossings = figures(sweep, evaluations), curves(sweep), halfway_crossings(sweep)
    limit = limit_of(sweep.config)
    found_efficiency = efficiency(sweep, limit)
    return Summary(
        sweep_id=sweep.id,
        sentence=sentence(sweep, scales, crossings, found_efficiency),
        scales=scales,
        area=area(complete),
        half_way=mean_halfway(crossings),
        efficiency=found_efficiency,
        method=_method(sweep, scales),
        remarks=[
            *_remarks(sweep, len(complete), crossings),
            *_withheld(scales),
            *missing_efficiency(sweep, limit),
            *_above_limit(sweep, scales, limit),
            *(() if sweep.config.resample else _learned_noise(scales)),
        ],
    )


def _method(sweep: Sweep, scales: Sequence[ScaleFigures]) -> str:
    """Describe the targets and methods of the intervals."""
    if not scales:
        return "no results yet"
    several = sorted({at.val_accuracy.seeds for at in scales} - {1})
    parts = []
    if several:
        seeds = f"{several[0]} seeds" if len(several) == 1 else f"{several[0]} to {several[-1]} seeds"
        parts.append(
            f"for the mean over all seeds, on these {sweep.config.final_images} images: Student's t over {seeds}"
        )
    if any(at.val_accuracy.seeds == 1 for at in scales):
        one = "for this network on other images" if not several else "at scales with one seed, for it on other images"
        parts.append(f"{one}: Wilson's and Newcombe's, from {validation_images(sweep):,} images")
    return f"95 % intervals {'; '.join(parts)}"


def _remarks(sweep: Sweep, complete: int, crossings: Sequence[HalfwayCrossing]) -> Iterator[str]:
    """Yield a remark on mixed results, and for each missing part of the summary, with a way to obtain it."""
    if mixed := mixed_numerics(sweep.runs):
        yield f"{mixed} {REMEDY}"
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
        yield "Only one seed: extend the sweep with more seeds, or submit with repeats, to get intervals over seeds."


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


def _above_limit(sweep: Sweep, scales: Sequence[ScaleFigures], limit: Limit | None) -> Iterator[str]:
    """Name the scales where the accuracy is above the best possible one."""
    images, name = validation_images(sweep), sweep.config.final_images
    above = [
        format_number(at.scale)
        for at in scales
        if limit
        and at.scale
        and exceeds_limit(limit.at(at.scale), limit.images, at.val_accuracy.mean, images, len(scales))
    ]
    if above:
        yield (
            f"The {name} accuracy at scale {', '.join(above)} is above the best possible one: the {name} "
            "images are easier than the training images, or the networks have seen them in training."
        )


def _learned_noise(scales: Sequence[ScaleFigures]) -> Iterator[str]:
    """Name the scale where the networks have learned most of their training noise by heart, if they have."""
    gaps = [(at.noise_gap, at.scale) for at in scales if at.noise_gap]
    if not gaps:
        return
    gap, scale = max(gaps, key=lambda each: each[0].mean)
    if gap.mean >= NOTICEABLE_GAP and (gap.low is None or gap.low > 0):
        yield (
            f"The networks have learned noise by heart. At scale {format_number(scale)}, their accuracy on training "
            f"images is {100 * gap.mean:.1f} percentage points lower with fresh noise. The curve may therefore be "
            "lower than necessary. Repeat the sweep with fresh noise to measure by how much."
        )


def _withheld(scales: Sequence[ScaleFigures]) -> Iterator[str]:
    """Explain missing intervals of scales with several seeds."""
    equal = [format_number(at.scale) for at in scales if at.val_accuracy.seeds > 1 and not at.val_accuracy.target]
    if equal:
        yield (
            f"No interval of the accuracy at scale {', '.join(equal)}: all seeds have the same accuracy, so "
            "their spread is unknown. Extend the sweep with more seeds."
        )
