"""Band of the best possible accuracy, and the level of chance, in a plot of accuracy against noise scale."""

from collections.abc import Sequence
from typing import NamedTuple

from api.plots.axes import ScaleAxis
from api.plots.data import Band, Level
from api.plots.theme import CHANCE, LIMIT
from api.science.limit import limit_of
from noisesweep.models import TrainingConfig
from shared.datasets import facts_of

BAND_NOTE = "Band: the best possible accuracy on images like the training images lies between its ends."
BAND_READING, LEVEL_READING = "Grey band: best possible accuracy.", "Dotted line: chance."


class Background(NamedTuple):
    """Areas and lines behind the curves of a panel.

    Attributes:
        bands: The best possible accuracy, if it is known.
        levels: The level of chance, if all curves have the same.
        notes: Sentences that explain both where no legend does.
    """

    bands: tuple[Band, ...] = ()
    levels: tuple[Level, ...] = ()
    notes: tuple[str, ...] = ()


def best_possible(configs: Sequence[TrainingConfig], axis: ScaleAxis) -> Background:
    """Return the band and the level of the sweeps with these configs, over the scales of an axis.

    There is no band if the limit is unknown, because the validation images have no noise, or noise of another kind.
    There is none either if the sweeps have different limits.
    """
    data, limit = facts_of(configs[0]), limit_of(configs[0])
    if any(facts_of(config).content != data.content for config in configs):
        return Background()
    # The accuracy of a classifier that always names the commonest class.
    levels = (Level(name="Chance", style=CHANCE, y=max(data.validation_counts) / data.validation_images),)
    first = axis.scales[0] or (axis.scales[1] if axis.log and len(axis.scales) > 1 else 0)
    last = axis.scales[-1]
    if limit is None or first >= last or any(limit_of(config) != limit for config in configs):
        return Background((), levels, (LEVEL_READING,))
    scales = [first, *(at.scale for at in limit.ends if first < at.scale < last), last]
    points = tuple((axis.position(at.scale), at.lower, at.upper) for at in map(limit.at, scales))
    band = Band(name="Best possible", style=LIMIT, points=points)
    return Background((band,), levels, (BAND_READING, LEVEL_READING))
