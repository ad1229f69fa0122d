"""Description of the kinds of noise."""

from collections.abc import Iterable, Sequence
from urllib.parse import urlencode

import numpy as np

from api.science.noise_preview import changes, preview_noise
from noisesweep.models import IMAGENET_C_SCALES, NoiseKind, NoiseKindInfo, NoiseKindList, RmsChange
from shared.datasets import Dataset, to_pixels
from shared.noise import Purpose

# The scales of the reference notebook.
DEFAULT_SCALES = (0.1, 0.5, 1.0, 2.0, 4.0)
# Images that the size of a change is measured on.
IMAGES = 100

SYMBOLS = {
    "x": "clean pixel, from 0 (black) to 1 (white)",
    "s": "scale",
    "n": "standard normal random number",
    "u": "uniform random number from 0 to 1",
    "Poisson(m)": "random count with mean m",
}
FORMULAS = {
    NoiseKind.GAUSSIAN: "x + s n",
    NoiseKind.UNIFORM: "x + s sqrt(3) (2 u - 1)",
    NoiseKind.SALT_AND_PEPPER: "0 with probability s / 2, 1 with probability s / 2, otherwise x",
    NoiseKind.SPECKLE: "x + x s n",
    NoiseKind.SHOT: "s^2 Poisson(x / s^2)",
}
SCALE_MEANINGS = {
    NoiseKind.GAUSSIAN: "Standard deviation of the noise",
    NoiseKind.UNIFORM: "Standard deviation of the noise",
    NoiseKind.SALT_AND_PEPPER: "Share of the pixels that become black or white",
    NoiseKind.SPECKLE: "Standard deviation of the noise relative to the pixel",
    NoiseKind.SHOT: "Standard deviation of the noise on a white pixel, which has 1 / s^2 photons on average",
}
# Units of the scales, for the axes of plots.
_DEVIATION = "standard deviation, pixel range 0 to 1"
UNITS = {
    NoiseKind.GAUSSIAN: _DEVIATION,
    NoiseKind.UNIFORM: _DEVIATION,
    NoiseKind.SALT_AND_PEPPER: "share of pixels that become black or white",
    NoiseKind.SPECKLE: "standard deviation relative to the pixel",
    NoiseKind.SHOT: "standard deviation on a white pixel, pixel range 0 to 1",
}
REMARKS = {
    NoiseKind.GAUSSIAN: "Clipped noise is much smaller at large scales.",
    NoiseKind.UNIFORM: "No pixel changes by more than 1.73 times the scale, so black and white cannot be confused up "
    "to scale 0.28.",
    NoiseKind.SALT_AND_PEPPER: "At scale 1, nothing of the image is left. Noise of a larger scale contains that of a "
    "smaller one. Clipping changes nothing.",
    NoiseKind.SPECKLE: "Black pixels stay black: a dark background stays clean, and accuracy may never fall to chance.",
    NoiseKind.SHOT: "Black pixels stay black. Brightness has only multiples of s^2, so beyond scale 1, clipped pixels "
    "are black or white.",
}


def default_levels(kinds: Sequence[NoiseKind], pixel_range: int = 1) -> list[tuple[NoiseKind, float]]:
    """Return each kind with the default scales that it accepts, in units of the pixel range."""
    return [(kind, scale * pixel_range) for kind in kinds for scale in DEFAULT_SCALES if kind.accepts(scale)]


def axis_label(kinds: Iterable[NoiseKind]) -> str:
    """Return the label of an axis of noise scales; with the unit, if all kinds of noise have the same."""
    units = {UNITS[kind] for kind in kinds}
    return f"Noise scale ({units.pop()})" if len(units) == 1 else "Noise scale (of the kind of noise of each sweep)"


def describe_kinds(dataset: Dataset) -> NoiseKindList:
    """Return the description of each kind of noise, with the size of the change on images of a data set."""
    return NoiseKindList(dataset=dataset.name, symbols=SYMBOLS, kinds=[_describe(kind, dataset) for kind in NoiseKind])


def _describe(kind: NoiseKind, dataset: Dataset) -> NoiseKindInfo:
    low, high = kind.scale_limits
    return NoiseKindInfo(
        name=kind,
        formula=FORMULAS[kind],
        scale_meaning=SCALE_MEANINGS[kind],
        remark=REMARKS[kind],
        minimum_scale=low,
        maximum_scale=high,
        imagenet_c_scales=list(IMAGENET_C_SCALES.get(kind, ())),
        rms_changes=[
            RmsChange(scale=scale, change=_change(kind, scale, dataset)) for _, scale in default_levels([kind])
        ],
        example=f"/noise/plot?{urlencode({'dataset': dataset.name, 'noise': kind})}",
    )


def _change(kind: NoiseKind, scale: float, dataset: Dataset) -> float:
    shape = dataset.facts.image_shape
    clean = to_pixels(dataset.training_images[:IMAGES]).reshape(-1, *shape)
    count = len(dataset.training_images)
    numbers = preview_noise(0, Purpose.TRAINING_NOISE, count, shape, tuple(range(len(clean))))
    return float(np.sqrt(np.mean(changes(clean, numbers, scale, kind) ** 2)))
