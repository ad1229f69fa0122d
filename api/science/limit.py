"""The best possible accuracy on the built-in data sets: a table of both ends by scale, and interpolation in it."""

import json
from collections.abc import Sequence
from functools import cache
from math import hypot, sqrt
from operator import attrgetter
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy.interpolate import PchipInterpolator
from scipy.special import ndtri

from api.science.intervals import CONFIDENCE, wilson
from noisesweep.models import DatasetLimit, Ends, NoiseKind, TrainingConfig

PATH = Path(__file__).parent / "limit.json"
# Neighbours differ by a factor of 1.22, so that an interpolated value is accurate.
SCALES = [float(f"{scale:.3g}") for scale in np.geomspace(0.02, 50, 40)]
CLIPPED_SCALES = [float(f"{scale:.3g}") for scale in np.geomspace(0.05, 20, 12)]


# Variance of the accuracy between blocks of 100 images by one writer, relative to that of independent images: 1.3 to
# 1.9 on MNIST.
WRITER_VARIANCE = 1.9
_VALUES = ("lower", "upper", "upper_error", "held_out")


class UnknownLimitError(Exception):
    """The best possible accuracy on a data set has not been computed."""


class LimitCrossing(NamedTuple):
    """Scale at which an end falls to an accuracy, and its standard error in log(scale)."""

    scale: float
    error: float


class LimitCrossings(NamedTuple):
    """Crossings of the lower and of the upper end."""

    lower: LimitCrossing
    upper: LimitCrossing


class Limit(BaseModel):
    """Both ends by scale, for noise that is clipped or not.

    Attributes:
        images: Number of training images that the ends were measured on.
        ends: By ascending scale.
    """

    model_config = ConfigDict(frozen=True)

    images: int
    ends: tuple[Ends, ...]

    def at(self, scale: float) -> Ends:
        """Return the ends at a scale, interpolated between the scales of the table.

        The interpolation is monotone and cubic in log(scale) (Fritsch and Carlson 1980). Outside the table, the ends
        are those of its first or last scale. Where noise hides nearly everything, both ends are equal up to their
        sampling errors. A measured lower end above the upper end, which has the smaller error, is replaced by it.
        """
        first, last = self.ends[0].scale, self.ends[-1].scale
        values = _interpolator(self.ends)(np.log(min(max(scale, first), last)))
        at = dict(zip(_VALUES, map(float, values), strict=True))
        return Ends(scale=scale, **at | {"lower": min(at["lower"], at["upper"])})

    def crossings(self, level: float) -> LimitCrossings | None:
        """Return where both ends first fall to an accuracy; None if one does not within the scales of the table.

        The standard error of a scale is that of the end's accuracy, divided by the slope of its curve. The lower end
        falls first; if sampling errors make the measured ends cross, both scales are that of the upper end. See `at`.
        """
        lower, upper = (self._crossing(end, level) for end in ("lower", "upper"))
        if not lower or not upper:
            return None
        return LimitCrossings(lower._replace(scale=min(lower.scale, upper.scale)), upper)

    def _crossing(self, end: Literal["lower", "upper"], level: float) -> LimitCrossing | None:
        curve = PchipInterpolator(
            [np.log(each.scale) for each in self.ends], [getattr(each, end) for each in self.ends]
        )
        roots = curve.solve(level, extrapolate=False)
        if not len(roots):
            return None
        scale = float(np.exp(roots[0]))
        error = sqrt(level * (1 - level) / self.images) if end == "lower" else self.at(scale).upper_error
        return LimitCrossing(scale, error / abs(float(curve(roots[0], 1))))


class DatasetLimits(BaseModel):
    """Limits of a data set, with what they were computed from.

    Attributes:
        sha256: SHA-256 of the data set, as in GET /datasets.
        version: Version of the program that computed the table.
        seed: Seed of the noise and of the choice of images.
        commonest: Share of the commonest class among the validation images: the accuracy of always naming it.
        unclipped: Limit for noise that is not clipped.
        clipped: Limit for noisy pixels clipped to [0, 1].
    """

    model_config = ConfigDict(frozen=True)

    sha256: str
    version: str
    seed: int
    commonest: float
    unclipped: Limit
    clipped: Limit

    def of(self, *, clip: bool) -> Limit:
        """Return the limit for noise that is clipped or not."""
        return self.clipped if clip else self.unclipped


@cache
def _interpolator(ends: tuple[Ends, ...]) -> PchipInterpolator:
    return PchipInterpolator([np.log(each.scale) for each in ends], list(map(attrgetter(*_VALUES), ends)))


@cache
def limit_table() -> dict[str, DatasetLimits]:
    """Return the limits by the name of the data set."""
    return {name: DatasetLimits.model_validate(table) for name, table in json.loads(PATH.read_text()).items()}


def limit_of(config: TrainingConfig) -> Limit | None:
    """Return the limit for the validation images of a config; None if unknown, or if they have no Gaussian noise."""
    limits = limit_table().get(config.dataset)
    if limits is None or config.noise is not NoiseKind.GAUSSIAN or config.validation_scale(1) == 0:
        return None
    return limits.of(clip=config.clip)


def exceeds_limit(at: Ends, training_images: int, accuracy: float, images: int, comparisons: int = 1) -> bool:
    """Return whether an accuracy on validation images is above the best possible one, without a reason in the images.

    It is if it exceeds the upper end by more than both errors together allow, and if the ideal observer itself is not
    better on these validation images than on the training images. Otherwise the validation images are easier. The error
    over images is that of Wilson's interval for fewer images, because images by one writer are alike.

    Args:
        at: Both ends at the scale of the accuracy.
        training_images: Number of images that the ends were measured on.
        accuracy: Accuracy in [0, 1].
        images: Number of validation images.
        comparisons: Number of accuracies that are tested at once (Bonferroni).
    """
    independent = max(round(images / WRITER_VARIANCE), 1)
    error = accuracy - wilson(accuracy, independent, comparisons)[0]
    quantile = float(ndtri(1 - (1 - CONFIDENCE) / 2 / comparisons))
    above = accuracy - at.upper > hypot(error, quantile * at.upper_error)
    left_out, held_out = (
        wilson(fraction, count) for fraction, count in ((at.lower, training_images), (at.held_out, independent))
    )
    easier = at.held_out - at.lower > hypot(left_out[1] - at.lower, at.held_out - held_out[0])
    return above and not easier


def dataset_limit(name: str, scales: Sequence[float], *, clip: bool) -> DatasetLimit:
    """Return the best possible accuracy on a data set at each scale; at the scales of the table if none is given.

    Raises:
        UnknownLimitError: The table does not contain the data set.
    """
    limits = limit_table().get(name)
    if limits is None:
        raise UnknownLimitError(f"The limit of {name} has not been computed. Known: {', '.join(limit_table())}.")
    limit = limits.of(clip=clip)
    return DatasetLimit(
        dataset=name,
        clip=clip,
        images=limit.images,
        chance=limits.commonest,
        ends=[limit.at(scale) for scale in scales] or list(limit.ends),
    )
