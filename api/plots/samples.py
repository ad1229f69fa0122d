"""What each scale does to an image: the strip under an axis of scales."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from api.plots.box import Box
from api.plots.layout import SMALL, Panel
from api.plots.scales import ScaleAxis, words_of_scale
from api.plots.ticks import thinned
from noisesweep.models import NoiseOn, Sweep
from shared.datasets import IMAGE_SHAPE, Dataset, to_pixels
from shared.noise import Purpose, add_noise, noise_blocks

# In em.
SIDE, BETWEEN = 4.2, 0.5
STRIP_HEIGHT = SIDE + 1.5


@dataclass(frozen=True)
class Samples:
    """One image at each scale of a sweep.

    Attributes:
        scales: Ascending.
        images: For each of them 28 x 28 grey values in row-major order, 0 for a pixel of 0 or less and 255 for one of
            1 or more.
        note: Which image it is, and with which noise.
    """

    scales: tuple[float, ...]
    images: tuple[bytes, ...]
    note: str


def samples(sweep: Sweep, dataset: Dataset) -> Samples:
    """The first validation image as the runs of the sweep's first seed see it.

    Where the noise is on the training images alone, it is the first training image.
    """
    config, seed = sweep.config, sweep.runs[0].seed
    in_training = config.noise_on is NoiseOn.TRAIN
    purpose = Purpose.TRAINING_NOISE if in_training else Purpose.VALIDATION_NOISE
    images = dataset.training_images if in_training else dataset.validation_images
    clean = to_pixels(images[:1])
    # No size of the blocks changes the noise, so that one row is enough of all.
    _, noise = next(noise_blocks(seed, purpose, (len(images), clean.shape[1]), rows_at_once=1))
    scales = tuple(sorted({run.scale for run in sweep.runs}))
    return Samples(
        scales=scales,
        images=tuple(_grey(add_noise(clean, scale, noise)) for scale in scales),
        note=f"Strip: {'training' if in_training else 'validation'} image 0 with "
        f"{'noise such as' if in_training and config.resample else 'the noise'} of seed {seed}; "
        "black is 0 or less, white 1 or more.",
    )


def _grey(pixels: NDArray[np.float32]) -> bytes:
    return bytes(np.rint(pixels.clip(0, 1) * 255).astype(np.uint8))


def draw_strip(panel: Panel, axis: ScaleAxis, data: Samples) -> None:
    """Draw the images below a panel's tick labels, each under its scale, as many as stand side by side."""
    sheet, side = panel.sheet, SIDE * panel.sheet.em
    centres = [
        (panel.x(axis.place(scale)), scale, image) for scale, image in zip(data.scales, data.images, strict=True)
    ]
    top = panel.box.bottom - 2.0 * sheet.em
    for centre, scale, image in thinned(centres, lambda left, right: right[0] - left[0] >= side + BETWEEN * sheet.em):
        box = Box(centre - side / 2, top - side, centre + side / 2, top)
        pixels = np.frombuffer(image, np.uint8).reshape(IMAGE_SHAPE)
        sheet.panel(box, (-0.5, IMAGE_SHAPE[1] - 0.5), (IMAGE_SHAPE[0] - 0.5, -0.5)).image(pixels, 0, 255)
        sheet.text(centre, box.bottom - 0.3 * sheet.em, words_of_scale(scale), size=SMALL, ha="center", va="top")
