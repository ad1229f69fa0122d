"""Previews of the exact noise that a run will use, on selected images."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from noisesweep.models import (
    DatasetFacts,
    Images,
    NoiseKind,
    NoiseSample,
    NoiseSamples,
    NoiseStatistics,
    NoisyImage,
    PixelRange,
)
from shared.datasets import Dataset, to_pixels
from shared.noise import Purpose, noise_blocks
from shared.noise_kinds import Level, add_noise, level_of
from shared.noise_kinds import noisy_images as apply

Array = NDArray[np.float32]

# One entry for twelve images takes 38 kB. Without the cache, the noise of the last MNIST image takes a second.
CACHE_SIZE = 64
PURPOSES = {Images.TRAINING: Purpose.TRAINING_NOISE, Images.VALIDATION: Purpose.VALIDATION_NOISE}


class ImageNotFoundError(Exception):
    """An image index is out of range."""


@dataclass(frozen=True)
class NoisePreview:
    """Request for a noise preview.

    Attributes:
        dataset: Content of the data set.
        images: Training or validation images.
        indices: Indices of these images, from 0. Negative indices count from the end.
        levels: Kinds and scales of the noise, the scales in the unit of `pixel_range`.
        seed: The seed of the run whose noise is shown.
        clip: Whether noisy pixels are clipped to the range.
        pixel_range: The value of white, 1 or 255. Scales and returned pixels are in this range.
    """

    dataset: DatasetFacts
    images: Images
    indices: tuple[int, ...]
    levels: tuple[tuple[NoiseKind, float], ...]
    seed: int
    clip: bool
    pixel_range: PixelRange


@dataclass(frozen=True)
class SelectedImages:
    """Images of a noise preview.

    Attributes:
        count: Number of all training or validation images of the data set, n. Noise is drawn for them in sequence.
        indices: Indices of the selected images, from 0 to n - 1.
        labels: Labels of the selected images, from 0.
        clean: Pixels of the selected images in [0, 1], float32, shape (len(indices), height, width).
    """

    count: int
    indices: tuple[int, ...]
    labels: tuple[int, ...]
    clean: Array


def select_images(dataset: Dataset, preview: NoisePreview) -> SelectedImages:
    """Return the images of a noise preview.

    Raises:
        ImageNotFoundError: An index is out of range.
    """
    training = preview.images is Images.TRAINING
    images = dataset.training_images if training else dataset.validation_images
    labels = dataset.training_labels if training else dataset.validation_labels
    count = len(images)
    for index in preview.indices:
        if not -count <= index < count:
            raise ImageNotFoundError(
                f"indices: expected numbers from {-count} to {count - 1} for the {preview.images} images of "
                f"{dataset.name}, received {index}."
            )
    indices = tuple(index % count for index in preview.indices)
    selected = list(indices)
    clean = to_pixels(images[selected]).reshape(-1, *dataset.facts.image_shape)
    return SelectedImages(count, indices, tuple(map(int, labels[selected])), clean)


@lru_cache(maxsize=CACHE_SIZE)
def preview_noise(
    seed: int, purpose: Purpose, count: int, image_shape: tuple[int, int], indices: tuple[int, ...]
) -> Array:
    """Return the noise of selected images in a run with this seed, before multiplication by the scale.

    The draws are sequential, so the noise of all images up to the largest index is drawn. This takes up to a second for
    MNIST.

    Args:
        seed: The seed of the run.
        purpose: Training or validation noise.
        count: Number of images of the data set.
        image_shape: Height and width of an image.
        indices: Indices of the selected images, from 0 to count - 1.

    Returns:
        Standard normal numbers, float32, shape (len(indices), height, width); cached, so read-only.
    """
    pixels = math.prod(image_shape)
    noise = np.empty((len(indices), pixels), np.float32)
    for rows, block in noise_blocks(seed, purpose, (count, pixels)):
        for position, index in enumerate(indices):
            if index in rows:
                noise[position] = block[index - rows.start]
        if rows.stop > max(indices):
            break
    noise.setflags(write=False)
    return noise.reshape(-1, *image_shape)


def noisy_images(
    clean: Array, noise: Array, scale: float, kind: NoiseKind = NoiseKind.GAUSSIAN, *, clip: bool
) -> Array:
    """Return the input of the network, made from standard normal numbers, clipped to [0, 1] if `clip`."""
    noisy = add_noise(clean, scale, noise, kind)
    return noisy.clip(0, 1) if clip else noisy


def changes(clean: Array, noise: Array, scale: float, kind: NoiseKind = NoiseKind.GAUSSIAN) -> NDArray[np.float64]:
    """Return noisy - clean before clipping. It is computed in float64, so for Gaussian noise it is scale * noise."""
    level = Level(np.float64(scale), level_of(kind, scale).table)
    pixels = clean.astype(np.float64)
    changed: NDArray[np.float64] = apply(kind, pixels, noise.astype(np.float64), level) - pixels
    return changed


def statistics(
    clean: Array, noise: Array, scale: float, pixel_range: float = 1, kind: NoiseKind = NoiseKind.GAUSSIAN
) -> NoiseStatistics:
    """Return statistics of the noise at one scale, over all pixels of the images.

    The signal-to-noise ratio is a ratio of powers: 10 log10(mean(clean^2) / mean((noisy - clean)^2)). With Gaussian
    noise, it falls by 6 dB when the scale doubles.

    Args:
        clean: Pixels in [0, 1].
        noise: Standard normal numbers, one per pixel.
        scale: The scale in units of `pixel_range`. The returned mean and standard deviation have the same unit.
        pixel_range: The value of white.
        kind: The kind of noise.
    """
    changed = changes(clean, noise, scale / pixel_range, kind) * pixel_range
    signal_power = np.mean((clean.astype(np.float64) * pixel_range) ** 2)
    noisy = noisy_images(clean, noise, scale / pixel_range, kind, clip=False)
    return NoiseStatistics(
        kind=kind,
        scale=scale,
        mean=changed.mean(),
        standard_deviation=changed.std(),
        signal_to_noise_db=_decibels(float(signal_power), float(np.mean(changed**2))),
        outside_range=np.mean((noisy < 0) | (noisy > 1)),
    )


def _decibels(signal_power: float, noise_power: float) -> float | None:
    """Return 10 log10(signal / noise); None if either power is 0. A difference of logarithms avoids overflow."""
    if signal_power == 0 or noise_power == 0:
        return None
    return 10 * (math.log10(signal_power) - math.log10(noise_power))


def samples(selected: SelectedImages, noise: Array, preview: NoisePreview, rows: slice, columns: slice) -> NoiseSamples:
    """Return the pixels of the given rows and columns of each image, and statistics over the whole images."""
    white, clip = preview.pixel_range, preview.clip
    class_names = preview.dataset.class_names

    def cropped(pixels: Array, position: int) -> list[list[float]]:
        return shortest_decimals(pixels[position, rows, columns] * np.float32(white))

    with_noise: list[list[NoisyImage]] = [[] for _ in selected.indices]
    for kind, scale in preview.levels:
        changed = changes(selected.clean, noise, float(np.float32(scale / white)), kind).astype(np.float32)
        noisy = noisy_images(selected.clean, noise, scale / white, kind, clip=clip)
        for position, of_image in enumerate(with_noise):
            of_image.append(
                NoisyImage(kind=kind, scale=scale, noise=cropped(changed, position), noisy=cropped(noisy, position))
            )
    return NoiseSamples(
        dataset=preview.dataset.name,
        images=preview.images,
        seed=preview.seed,
        clip=clip,
        pixel_range=white,
        samples=[
            NoiseSample(
                index=index,
                label=label,
                class_name=class_names[label],
                clean=cropped(selected.clean, position),
                scales=with_noise[position],
            )
            for position, (index, label) in enumerate(zip(selected.indices, selected.labels, strict=True))
        ],
        statistics=[statistics(selected.clean, noise, scale, white, kind) for kind, scale in preview.levels],
    )


def shortest_decimals(pixels: Array) -> list[list[float]]:
    """Return each pixel as the shortest decimal that rounds to the same float32, in nested lists of rows."""
    rows: list[list[float]] = pixels.astype(str).astype(np.float64).tolist()
    return rows
