"""Sentence, method and remarks of a comparison of two sweeps. They make no claim that the figures do not support."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from api.science.config_text import format_setting
from api.science.curves import Curve, crossing_segment
from api.science.numerics import REMEDY, mixed_numerics
from api.science.progress import describe_progress
from api.science.prose import format_percent, seed_count, success_count
from noisesweep.models import (
    AreaDifference,
    DifferenceMethod,
    Interval,
    ScaleDifference,
    ScaleRatio,
    Sweep,
    TrainingConfig,
)
from noisesweep.models.float32 import format_number

# Neighbours up to this factor apart give a crossing that is accurate to less than 1 %.
NEAR = 1.25
FRESH_NOISE_REMARK = (
    "The gain from fresh noise has two parts: new noise in every epoch is augmentation, and the network is overtrained "
    "less, because it cannot learn the noise of its images by heart."
)


class Subject(NamedTuple):
    """The settings that differ between sweeps A and B, in words.

    Attributes:
        first: Config of sweep A.
        second: Config of sweep B.
        differing: Names of the settings that differ.
    """

    first: TrainingConfig
    second: TrainingConfig
    differing: tuple[str, ...]

    @property
    def setting(self) -> str:
        """Return "With" and the setting of B if it is the only one that differs; otherwise ""."""
        return f"With {format_setting(self.second, self.differing[0])}" if len(self.differing) == 1 else ""

    @property
    def name(self) -> str:
        """Return the name of the difference B - A."""
        if self.differing != ("resample",):
            return "difference, B - A"
        return "gain from fresh noise" if self.second.resample else "difference without fresh noise, B - A"

    @property
    def remarks(self) -> list[str]:
        """Return what the difference is made of, if that is known."""
        return [FRESH_NOISE_REMARK] if self.differing == ("resample",) else []


def sentence(
    subject: Subject,
    scales: Sequence[ScaleDifference],
    *,
    claims: Sequence[Interval],
    ratio: ScaleRatio | None,
    images: int,
    same: Collection[float],
) -> str:
    """Return a sentence about the ratio of scales, or about the largest difference if that ratio may be 1.

    Args:
        subject: The settings that differ.
        scales: The differences by scale, ascending.
        claims: The same differences, each with an interval for the comparison at all scales. The largest one is chosen
            from all of them, so it is claimed only if that interval leaves out 0.
        ratio: The ratio of scales.
        images: Number of validation images.
        same: The scales at which both sweeps have the same networks.
    """
    if not scales:
        return "No run has succeeded in both sweeps at the same scale with the same seed."
    if len(same) == len(scales):
        return f"Sweeps A and B have the same networks ({_basis(scales, images)})."
    if ratio and _leaves_out(ratio.ratio, 1):
        of_first = "" if subject.setting else " of sweep A"
        who = f"{subject.setting} the network" if subject.setting else "Sweep B"
        bounds = f"{_digits(ratio.ratio.low)} to {_digits(ratio.ratio.high)}; {seed_count(ratio.ratio.seeds)}"
        return f"{who} takes {_digits(ratio.ratio.mean)} times the noise{of_first} ({bounds})."
    measurable = [at for at, claim in zip(scales, claims, strict=True) if _leaves_out(claim, 0)]
    if not measurable:
        return f"{_without_claim(subject)} ({_basis(scales, images)})."
    return _largest(subject, max(measurable, key=lambda at: abs(at.difference.mean)), images)


def _without_claim(subject: Subject) -> str:
    if subject.setting:
        return f"{subject.setting} the network does not differ measurably"
    return "Sweep B does not differ measurably from sweep A"


def _largest(subject: Subject, at: ScaleDifference, images: int) -> str:
    where = f"at scale {format_number(at.scale)}" if at.scale else "without noise"
    side = 1 if at.difference.mean > 0 else -1
    ends = sorted(side * end for end in (at.difference.low or 0.0, at.difference.high or 0.0))
    change = f"{_digits(100 * abs(at.difference.mean))} points {'higher' if side > 0 else 'lower'}"
    bounds = f"{_digits(100 * ends[0])} to {_digits(100 * ends[1])}; {_basis([at], images)}"
    if subject.setting:
        return f"{subject.setting} the accuracy {where} is {change} ({bounds})."
    return f"The accuracy of sweep B {where} is {change} than that of sweep A ({bounds})."


def method(scales: Sequence[ScaleDifference], images: int) -> str:
    """Describe the targets and methods of the intervals."""
    methods = {at.method for at in scales}
    several = sorted({at.difference.seeds for at in scales if at.method is DifferenceMethod.STUDENT})
    parts = []
    if several:
        seeds = f"{several[0]} seeds" if len(several) == 1 else f"{several[0]} to {several[-1]} seeds"
        parts.append(f"for the mean over all seeds, on these images: Student's t over {seeds}")
    if DifferenceMethod.TANGO in methods:
        parts.append(f"for one seed on other images: Tango's, paired image by image, from {images:,} images")
    if DifferenceMethod.NEWCOMBE in methods:
        parts.append(f"for one seed on other images: Newcombe's, which is unpaired, from {images:,} images")
    return f"95 % intervals {'; '.join(parts)}" if parts else "no intervals"


def remarks_on_sweeps(first: Sweep, second: Sweep) -> Iterator[str]:
    """Yield a remark on each way in which the sweeps are unlike or incomplete."""
    sweeps = [("A", first)] if first.id == second.id else [("A", first), ("B", second)]
    for letter, sweep in sweeps:
        if progress := describe_progress(sweep):
            yield f"Sweep {letter}: {progress}. {success_count(sweep)}. Only succeeded runs are compared."
    if mixed := mixed_numerics(run for _, sweep in sweeps for run in sweep.runs):
        yield f"{mixed} {REMEDY}"
    scales = [{run.scale for run in sweep.runs} for sweep in (first, second)]
    seeds = [{run.seed for run in sweep.runs} for sweep in (first, second)]
    for letter, own, other in (("A", 0, 1), ("B", 1, 0)):
        if only := scales[own] - scales[other]:
            yield f"Only sweep {letter} has scale {_listed(only)}: it is not compared."
        if only_seeds := sorted(seeds[own] - seeds[other]):
            yield f"Only sweep {letter} has seed {', '.join(map(str, only_seeds))}: it is not compared."


def remarks_on_figures(scales: Sequence[ScaleDifference], same: Collection[float]) -> Iterator[str]:
    """Yield a remark on each kind of missing or wide interval. See `sentence` for `same`."""
    if len(same) == len(scales):
        return
    if same:
        yield f"At scale {_listed(same)}, both sweeps have the same networks."
    if any(at.method is DifferenceMethod.NEWCOMBE for at in scales):
        yield (
            "It is unknown which images each network got right, or the images differ. The intervals of one seed treat "
            "the images of A and B as different ones, which makes them wider."
        )
    if max(at.difference.seeds for at in scales) == 1:
        yield "Only one common seed: extend both sweeps with more seeds to get intervals over seeds."
    equal = [at.scale for at in scales if at.difference.seeds > 1 and at.method is None and at.scale not in same]
    if equal:
        yield (
            f"No interval of the difference at scale {_listed(equal)}: all seeds have the same difference, so their "
            "spread is unknown."
        )


def remarks_on_curves(
    curves: Sequence[tuple[Curve, Curve]], level: float, seeds: Collection[int], *, area: AreaDifference | None
) -> Iterator[str]:
    """Yield a remark on each reason why the ratio or the areas are missing, incomplete or inaccurate.

    Args:
        curves: The curves of both sweeps, by seed.
        level: The accuracy at which the scales are compared.
        seeds: All seeds with a pair at any scale.
        area: The areas.
    """
    if not curves:
        if seeds:
            yield "No seed has succeeded at every common scale in both sweeps, so there is no ratio and no area."
        return
    if len(curves) < len(seeds):
        yield (
            f"The ratio and the areas cover {len(curves)} of {len(seeds)} common seeds: those that have succeeded at "
            "every common scale in both sweeps."
        )
    if area is None:
        yield "Fewer than two positive common scales, so there is no area."
    missing = False
    for letter, of_sweep in zip("AB", zip(*curves, strict=True), strict=True):
        low = sum(curve.val_accuracy[0] <= level for curve in of_sweep)
        high = sum(min(curve.val_accuracy) > level for curve in of_sweep)
        missing = missing or bool(low or high)
        if low:
            yield f"No ratio: {_curves(low, len(curves), letter)} not above {format_percent(level)} at the first scale."
        if high:
            yield (
                f"No ratio: {_curves(high, len(curves), letter)} above {format_percent(level)} at every common scale. "
                "Extend both sweeps with greater scales."
            )
    if not missing and (apart := _neighbours_apart(curves, level)):
        yield (
            f"The accuracy between scales {apart} is interpolated, and they are far apart: the ratio can be off by "
            "some percent, which its interval does not contain. Extend both sweeps with scales between them."
        )


def _listed(scales: Iterable[float]) -> str:
    return ", ".join(map(format_number, sorted(scales)))


def _curves(count: int, total: int, letter: str) -> str:
    if total == 1:
        return f"the curve of sweep {letter} is"
    return f"{count} of {total} curves of sweep {letter} {'is' if count == 1 else 'are'}"


def _neighbours_apart(curves: Sequence[tuple[Curve, Curve]], level: float) -> str:
    """Return the scales around the level that are further apart than NEAR, as text; "" if there are none."""
    segments = {
        (near, far)
        for both in curves
        for curve in both
        if (segment := crossing_segment(curve, level))
        for (near, _), (far, _) in [segment]
        if far > NEAR * near and both[0] != both[1]
    }
    return "; ".join(f"{format_number(near)} and {format_number(far)}" for near, far in sorted(segments))


def _leaves_out(interval: Interval, value: float) -> bool:
    """Return whether an interval is known and does not contain a value."""
    return interval.low is not None and interval.high is not None and not interval.low <= value <= interval.high


def _basis(scales: Sequence[ScaleDifference], images: int) -> str:
    """Return the number of seeds, and of images for one seed."""
    fewest, most = min(at.difference.seeds for at in scales), max(at.difference.seeds for at in scales)
    if most == 1:
        return f"one seed, {images:,} images"
    return seed_count(most) if fewest == most else f"{fewest} to {most} seeds"


def _digits(number: float | None) -> str:
    """Return a number with three significant digits: 1.20."""
    return f"{number or 0.0:#.3g}".rstrip(".")
