"""Looking at noise before anything is trained on it: the very draws of a run, in numbers, as pure functions."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from noisesweep.models import Images, NoiseSample, NoiseSamples, NoiseStatistics, NoisyImage, PixelRange
from shared.datasets import CATALOGUE, IMAGE_SHAPE, Dataset, DatasetName, to_pixels
from shared.errors import ImageNotFoundError
from shared.noise import Purpose, add_noise, noise_blocks

Array = NDArray[np.float32]

# Noise of twelve images takes 38 kB, and that of the last of MNIST's a second to draw.
KEPT = 64
PURPOSES = {Images.TRAINING: Purpose.TRAINING_NOISE, Images.VALIDATION: Purpose.VALIDATION_NOISE}


@dataclass(frozen=True)
class Inspection:
    """What is to be looked at.

    Attributes:
        dataset: The data set.
        images: Which of its images.
        indices: Places among these images, from 0; negative ones count from the end.
        scales: Standard deviations of the noise, in the unit of `pixel_range`.
        seed: That of the runs whose noise it is.
        clip: Whether noisy pixels are clipped to the range.
        pixel_range: What white is, 1 or 255: the unit of the scales and of all numbers answered.
    """

    dataset: DatasetName
    images: Images
    indices: tuple[int, ...]
    scales: tuple[float, ...]
    seed: int
    clip: bool
    pixel_range: PixelRange


@dataclass(frozen=True)
class Chosen:
    """The images that an inspection is of.

    Attributes:
        count: How many there are to choose from, n; noise is drawn for them in sequence.
        indices: Places among these, 0 to n - 1.
        labels: 0 to 9.
        clean: float32, shape (len(indices), 28, 28), in [0, 1].
    """

    count: int
    indices: tuple[int, ...]
    labels: tuple[int, ...]
    clean: Array


def choose(dataset: Dataset, inspection: Inspection) -> Chosen:
    """The images that an inspection is of.

    Raises:
        ImageNotFoundError: There are not so many.
    """
    training = inspection.images is Images.TRAINING
    images = dataset.training_images if training else dataset.validation_images
    labels = dataset.training_labels if training else dataset.validation_labels
    count = len(images)
    for index in inspection.indices:
        if not -count <= index < count:
            raise ImageNotFoundError(
                f"{dataset.name} has {count:,} {inspection.images} images, and none at {index}: "
                f"indices are {-count} to {count - 1}."
            )
    indices = tuple(index % count for index in inspection.indices)
    chosen = list(indices)
    clean = to_pixels(images[chosen]).reshape(-1, *IMAGE_SHAPE)
    return Chosen(count, indices, tuple(map(int, labels[chosen])), clean)


@lru_cache(maxsize=KEPT)
def noise_of(seed: int, purpose: Purpose, count: int, indices: tuple[int, ...]) -> Array:
    """The noise that a run of that seed has on the images at `indices` of `count`, before the scale multiplies it.

    The draws of all images before an image are made to come to its own, up to a second for the last of MNIST's.

    Returns:
        Standard normal numbers, float32, shape (len(indices), 28, 28); shared by all who ask, so read-only.
    """
    pixels = IMAGE_SHAPE[0] * IMAGE_SHAPE[1]
    noise = np.empty((len(indices), pixels), np.float32)
    for rows, block in noise_blocks(seed, purpose, (count, pixels)):
        for place, index in enumerate(indices):
            if index in rows:
                noise[place] = block[index - rows.start]
        if rows.stop > max(indices):
            break
    noise.setflags(write=False)
    return noise.reshape(-1, *IMAGE_SHAPE)


def noisy_images(clean: Array, noise: Array, scale: float, *, clip: bool) -> Array:
    """What a network sees, clean + scale * noise, in [0, 1] if clipped; all in units of the pixel range."""
    noisy = add_noise(clean, scale, noise)
    return noisy.clip(0, 1) if clip else noisy


def statistics(clean: Array, noise: Array, scale: float, pixel_range: float = 1) -> NoiseStatistics:
    """What the noise of a scale is like, over all pixels of the images.

    The signal-to-noise ratio is that of powers, 10 log10(mean(clean^2) / mean((scale * noise)^2)): it falls by 6 dB
    when the scale doubles.

    Args:
        clean: Pixels in [0, 1].
        noise: Standard normal numbers, one for each pixel.
        scale: In the unit of `pixel_range`, as are the mean and the standard deviation.
        pixel_range: What white is.
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
    """10 log10(signal / noise), as a difference of logarithms, whose range no ratio leaves; None where one is 0."""
    if signal_power == 0 or noise_power == 0:
        return None
    return 10 * (math.log10(signal_power) - math.log10(noise_power))


def correlations(noise: Array) -> NDArray[np.float64]:
    """Pearson's correlation of each two images' noise over their pixels, shape (n, n), in [-1, 1]."""
    return np.atleast_2d(np.corrcoef(noise.reshape(len(noise), -1), dtype=np.float64))


def samples(chosen: Chosen, noise: Array, inspection: Inspection, rows: slice, columns: slice) -> NoiseSamples:
    """The answer in numbers: the selected rows and columns of each image, and figures of the whole images."""
    white, clip = inspection.pixel_range, inspection.clip
    class_names = CATALOGUE[inspection.dataset].class_names

    def selected(pixels: Array, place: int) -> list[list[float]]:
        return numbers(pixels[place, rows, columns] * np.float32(white))

    with_noise: list[list[NoisyImage]] = [[] for _ in chosen.indices]
    for scale in inspection.scales:
        added = noisy_images(np.zeros_like(noise), noise, scale / white, clip=False)
        noisy = noisy_images(chosen.clean, noise, scale / white, clip=clip)
        for place, of_image in enumerate(with_noise):
            of_image.append(NoisyImage(scale=scale, noise=selected(added, place), noisy=selected(noisy, place)))
    return NoiseSamples(
        dataset=inspection.dataset,
        images=inspection.images,
        seed=inspection.seed,
        clip=clip,
        pixel_range=white,
        samples=[
            NoiseSample(
                index=index,
                label=label,
                class_name=class_names[label],
                clean=selected(chosen.clean, place),
                scales=with_noise[place],
            )
            for place, (index, label) in enumerate(zip(chosen.indices, chosen.labels, strict=True))
        ],
        statistics=[statistics(chosen.clean, noise, scale, white) for scale in inspection.scales],
        correlations=correlations(noise).tolist(),
    )


def numbers(pixels: Array) -> list[list[float]]:
    """The pixels in rows, each as the shortest decimal number that is read back as the same float32."""
    rows: list[list[float]] = pixels.astype(str).astype(np.float64).tolist()
    return rows
