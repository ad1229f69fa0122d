"""Strip of sample images below an axis of noise scales."""

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from api.plots.axes import Axis, Tick, format_scale, thin_out
from api.plots.data import Samples
from api.plots.layout import Layout, set_ticks
from noisesweep.models import NoiseOn, Sweep
from shared.datasets import Dataset, to_pixels
from shared.noise import Purpose, noise_blocks
from shared.noise_kinds import add_noise

# Side of an image and gap between images, in em.
SIDE, GAP = 4.2, 0.5
STRIP_HEIGHT = SIDE + 0.3
# Greatest part of the axis beside the first and the last scale.
MAX_MARGIN = 0.4


def samples(sweep: Sweep, dataset: Dataset) -> Samples:
    """Return the first validation image with the noise of the sweep's first seed, at each scale.

    If only training images get noise, return the first training image instead.
    """
    config, seed = sweep.config, sweep.runs[0].seed
    in_training = config.noise_on is NoiseOn.TRAIN
    purpose = Purpose.TRAINING_NOISE if in_training else Purpose.VALIDATION_NOISE
    images = dataset.training_images if in_training else dataset.validation_images
    clean = to_pixels(images[:1])
    # The noise does not depend on the block size, so one row suffices.
    _, noise = next(noise_blocks(seed, purpose, (len(images), clean.shape[1]), rows_at_once=1))
    scales = sorted({run.scale for run in sweep.runs})
    return Samples(
        image_shape=dataset.facts.image_shape,
        images=tuple((scale, _grey(add_noise(clean, scale, noise, config.noise))) for scale in scales),
        note=f"Strip: {'training' if in_training else 'validation'} image 0 with "
        f"{'example noise' if in_training and config.resample else 'the noise'} of seed {seed}. "
        "Black: 0 or less; white: 1 or more.",
    )


def _grey(pixels: NDArray[np.float32]) -> bytes:
    return bytes(np.rint(pixels.clip(0, 1) * 255).astype(np.uint8))


def widen(axis: Axis, width: float) -> Axis:
    """Return an axis of scales, `width` em long, whose ends leave room for half an image beside the outer scales."""
    first, last = axis.scales[0].position, axis.scales[-1].position
    share = min(SIDE / 2 / width, MAX_MARGIN)
    margin = (last - first) * share / (1 - 2 * share)
    limits = min(axis.limits[0], first - margin), max(axis.limits[1], last + margin)
    return axis.model_copy(update={"limits": limits})


def draw_strip(layout: Layout, axes: Axes, axis: Axis, data: Samples) -> None:
    """Draw each image below the axis at its scale, and label only these scales. Omit images that would overlap."""
    box, em = axes.get_position(), layout.em
    low, high = axis.limits
    positions = {at.scale: at.position for at in axis.scales}
    across = {scale: (position - low) / (high - low) for scale, position in positions.items()}
    centres = [((box.x0 + across[scale] * box.width) * layout.width, scale, image) for scale, image in data.images]
    bottom = box.y0 * layout.height - (2.0 + SIDE) * em
    shown = thin_out(centres, lambda left, right: right[0] - left[0] >= (SIDE + GAP) * em)
    set_ticks(axes.xaxis, [Tick(position=positions[scale], label=format_scale(scale)) for _, scale, _ in shown])
    for centre, _, image in shown:
        left, width, height = (
            (centre - SIDE * em / 2) / layout.width,
            SIDE * em / layout.width,
            SIDE * em / layout.height,
        )
        strip = layout.figure.add_axes((left, bottom / layout.height, width, height))
        pixels = np.frombuffer(image, np.uint8).reshape(data.image_shape)
        strip.imshow(pixels, cmap="gray", vmin=0, vmax=255, aspect="auto", interpolation="none")
        strip.set_axis_off()
