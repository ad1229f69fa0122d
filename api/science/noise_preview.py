"""Noise previews: the exact noise that a run will use, on chosen images, before anything is trained."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from noisesweep.models import Images, NoiseSample, NoiseSamples, NoiseStatistics, NoisyImage, PixelRange
from shared.datasets import CATALOGUE, IMAGE_SHAPE, Dataset, DatasetName, to_pixels
from shared.noise import Purpose, add_noise, noise_blocks

Array = NDArray[np.float32]

# The noise of twelve images takes 38 kB. Drawing that of MNIST's last image takes a second.
CACHED_NOISES = 64
PURPOSES = {Images.TRAINING: Purpose.TRAINING_NOISE, Images.VALIDATION: Purpose.VALIDATION_NOISE}


class ImageNotFoundError(Exception):
    """An index is beyond the images of a data set."""


@dataclass(frozen=True)
class NoisePreview:
    """The images, scales and seed of a noise preview.

    Attributes:
        dataset: The data set.
        images: Training or validation images.
        indices: Indices of these images, from 0; negative ones count from the end.
        scales: Standard deviations of the noise, in the unit of `pixel_range`.
        seed: The seed of the runs that use this noise.
        clip: Whether noisy pixels are clipped to the range.
        pixel_range: The value of white, 1 or 255: the unit of the scales and of all returned numbers.
    """

    dataset: DatasetName
    images: Images
    indices: tuple[int, ...]
    scales: tuple[float, ...]
    seed: int
    clip: bool
    pixel_range: PixelRange


@dataclass(frozen=True)
class ChosenImages:
    """The images of a noise preview.

    Attributes:
        count: Number of images to choose from, n; noise is drawn for them in sequence.
        indices: Indices of the chosen ones, 0 to n - 1.
        labels: 0 to 9.
        clean: float32, shape (len(indices), 28, 28), in [0, 1].
    """

    count: int
    indices: tuple[int, ...]
    labels: tuple[int, ...]
    clean: Array


def choose(dataset: Dataset, preview: NoisePreview) -> ChosenImages:
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
                f"{dataset.name} has {count:,} {preview.images} images, and none at {index}: "
                f"indices are {-count} to {count - 1}."
            )
    indices = tuple(index % count for index in preview.indices)
    chosen = list(indices)
    clean = to_pixels(images[chosen]).reshape(-1, *IMAGE_SHAPE)
    return ChosenImages(count, indices, tuple(map(int, labels[chosen])), clean)


@lru_cache(maxsize=CACHED_NOISES)
def preview_noise(seed: int, purpose: Purpose, count: int, indices: tuple[int, ...]) -> Array:
    """Return the noise of a run of that seed on the images at `indices` of `count`, before multiplication by the scale.

    All images before the last index are drawn too, because the draws are sequential: up to a second for MNIST.

    Returns:
        Standard normal numbers, float32, shape (len(indices), 28, 28); cached, so read-only.
    """
    pixels = IMAGE_SHAPE[0] * IMAGE_SHAPE[1]
    noise = np.empty((len(indices), pixels), np.float32)
    for rows, block in noise_blocks(seed, purpose, (count, pixels)):
        for position, index in enumerate(indices):
            if index in rows:
                noise[position] = block[index - rows.start]
        if rows.stop > max(indices):
            break
    noise.setflags(write=False)
    return noise.reshape(-1, *IMAGE_SHAPE)


def noisy_images(clean: Array, noise: Array, scale: float, *, clip: bool) -> Array:
    """Return the network's input, clean + scale * noise, clipped to [0, 1] if `clip`; in units of the pixel range."""
    noisy = add_noise(clean, scale, noise)
    return noisy.clip(0, 1) if clip else noisy


def statistics(clean: Array, noise: Array, scale: float, pixel_range: float = 1) -> NoiseStatistics:
    """Return statistics of the noise of a scale, over all pixels of the images.

    The signal-to-noise ratio is a ratio of powers, 10 log10(mean(clean^2) / mean((scale * noise)^2)): it falls by 6 dB
    when the scale doubles.

    Args:
        clean: Pixels in [0, 1].
        noise: Standard normal numbers, one for each pixel.
        scale: In the unit of `pixel_range`, as are the mean and the standard deviation.
        pixel_range: The value of white.
    """
    added = noise.astype(np.float64) * scale
    signal_power = np.mean((clean.astype(np.float64) * pixel_range) ** 2)
    noisy = noisy_images(clean, noise, scale / pixel_range, clip=False)
    return NoiseStatistics(
        scale=scale,
        mean=added.mean(),
        standard_deviation=added.std(),
        signal_to_noise_db=_decibels(float(signal_power), float(np.mean(added**2))),
        outside_range=np.mean((noisy < 0) | (noisy > 1)),
    )


def _decibels(signal_power: float, noise_power: float) -> float | None:
    """Return 10 log10(signal / noise), as a difference of logarithms to avoid overflow; None if either power is 0."""
    if signal_power == 0 or noise_power == 0:
        return None
    return 10 * (math.log10(signal_power) - math.log10(noise_power))


def samples(chosen: ChosenImages, noise: Array, preview: NoisePreview, rows: slice, columns: slice) -> NoiseSamples:
    """Return the selected rows and columns of each image, and statistics of the whole images."""
    white, clip = preview.pixel_range, preview.clip
    class_names = CATALOGUE[preview.dataset].class_names

    def selected(pixels: Array, position: int) -> list[list[float]]:
        return numbers(pixels[position, rows, columns] * np.float32(white))

    with_noise: list[list[NoisyImage]] = [[] for _ in chosen.indices]
    for scale in preview.scales:
        added = noisy_images(np.zeros_like(noise), noise, scale / white, clip=False)
        noisy = noisy_images(chosen.clean, noise, scale / white, clip=clip)
        for position, of_image in enumerate(with_noise):
            of_image.append(NoisyImage(scale=scale, noise=selected(added, position), noisy=selected(noisy, position)))
    return NoiseSamples(
        dataset=preview.dataset,
        images=preview.images,
        seed=preview.seed,
        clip=clip,
        pixel_range=white,
        samples=[
            NoiseSample(
                index=index,
                label=label,
                class_name=class_names[label],
                clean=selected(chosen.clean, position),
                scales=with_noise[position],
            )
            for position, (index, label) in enumerate(zip(chosen.indices, chosen.labels, strict=True))
        ],
        statistics=[statistics(chosen.clean, noise, scale, white) for scale in preview.scales],
    )


def numbers(pixels: Array) -> list[list[float]]:
    """Return the pixels in rows, each as the shortest decimal number that reads back as the same float32."""
    rows: list[list[float]] = pixels.astype(str).astype(np.float64).tolist()
    return rows
