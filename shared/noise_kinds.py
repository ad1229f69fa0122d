"""Kinds of noise: functions of the clean pixels, of one standard normal number per pixel, and of the scale.

All kinds share the draws, so two runs of one seed can differ only in the kind. A kind that needs a probability derives
it from the number. Its tail on both sides, P(|N| > |n|) = erfc(|n| / sqrt(2)), is accurate where the probability below
n is almost 0 or 1, so no draw gives an infinite pixel.

The functions work on arrays of NumPy and of TensorFlow. `Arrays` has the operations whose names differ between them.
A product with an array has no third factor: TensorFlow would change the order, but not if several scales share a part
of the product, and a run would have other bits alone and in a stack.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from noisesweep.models import NoiseKind

# Array of NumPy or TensorFlow.
Array = Any
# Number of entries in a row of the table for shot noise, a power of 2 for the search. Larger counts do not occur: their
# mean is at most 1 / 0.05^2 = 400, and 8 standard deviations above it are 570.
TABLE_ROW = 1024
PIXEL_VALUES = 256


class Arrays(NamedTuple):
    """Operations of an array library.

    Attributes:
        where: Choose elements by a condition.
        absolute: Absolute values.
        erf: Error function.
        erfc: Complementary error function.
        integers: Convert to int32, rounded towards 0.
        floats: Convert to float32.
        zeros_like: Zeros in the shape of an array.
        take: Elements of a table's last axis at indices. Leading axes of the table are also those of the indices.
    """

    where: Callable[..., Array]
    absolute: Callable[[Array], Array]
    erf: Callable[[Array], Array]
    erfc: Callable[[Array], Array]
    integers: Callable[[Array], Array]
    floats: Callable[[Array], Array]
    zeros_like: Callable[[Array], Array]
    take: Callable[[Array, Array], Array]


NUMPY = Arrays(
    np.where,
    np.abs,
    special.erf,
    special.erfc,
    lambda array: array.astype(np.int32),
    lambda array: array.astype(np.float32),
    np.zeros_like,
    np.take,
)


class Level(NamedTuple):
    """Noise scale, and the table that shot noise needs at this scale.

    Attributes:
        scale: Float32 scales, in a shape that can be broadcast with the images.
        table: Float32, (..., n): see `shot_table`; n is 0 for other kinds.
    """

    scale: Array
    table: Array


def level_of(kind: NoiseKind, scale: float) -> Level:
    """Return the level of a kind of noise at a scale."""
    return Level(np.float32(scale), shot_table(scale) if kind is NoiseKind.SHOT else np.zeros(0, np.float32))


def table_size(kind: NoiseKind) -> int:
    """Return the number of entries in the table of a level."""
    return PIXEL_VALUES * TABLE_ROW if kind is NoiseKind.SHOT else 0


@lru_cache(maxsize=16)  # one entry takes 1 MiB
def shot_table(scale: float) -> NDArray[np.float32]:
    """Return the limits between photon counts, for each of the 256 pixel values, as standard normal numbers.

    A pixel value v has the mean v / 255 / scale^2 of photons. Entry k of its row is the number z with P(N <= z) =
    P(count <= k), so the count for a standard normal number n is the number of entries below n.

    Returns:
        Float32, shape (256 * 1024,), read-only. Entries are infinite where the count cannot be larger.
    """
    means = np.arange(PIXEL_VALUES)[:, None] / 255 / scale**2 if scale else np.zeros((PIXEL_VALUES, 1))
    counts = np.arange(TABLE_ROW)
    at_most, more = special.pdtr(counts, means), special.pdtrc(counts, means)
    # The smaller of the two probabilities is accurate.
    normal = np.where(at_most < more, special.ndtri(at_most), -special.ndtri(more))
    limits: NDArray[np.float32] = normal.astype(np.float32).reshape(-1)
    limits.setflags(write=False)
    return limits


def _gaussian(clean: Array, numbers: Array, level: Level, _: Arrays) -> Array:
    return clean + level.scale * numbers


def _uniform(clean: Array, numbers: Array, level: Level, arrays: Arrays) -> Array:
    """Add a number from -sqrt(3) s to sqrt(3) s, whose standard deviation is s: erf(n / sqrt(2)) is 2 P(N <= n) - 1."""
    half_width = level.scale * np.float32(np.sqrt(3))
    return clean + half_width * arrays.erf(numbers * np.float32(np.sqrt(0.5)))


def _salt_and_pepper(clean: Array, numbers: Array, level: Level, arrays: Arrays) -> Array:
    """Replace the share s of the pixels, those with the most extreme numbers: low ones by 0, high ones by 1."""
    tails = arrays.erfc(arrays.absolute(numbers) * np.float32(np.sqrt(0.5)))
    # A tail is 0 in float32 only above 13, so scale 0 changes no pixel, and scale 1 changes all.
    return arrays.where(tails <= level.scale, arrays.where(numbers > 0, np.float32(1), np.float32(0)), clean)


def _speckle(clean: Array, numbers: Array, level: Level, _: Arrays) -> Array:
    return clean * (np.float32(1) + level.scale * numbers)


def _shot(clean: Array, numbers: Array, level: Level, arrays: Arrays) -> Array:
    """Return s^2 times a Poisson number of mean x / s^2. The search for it halves the row of the table in each step."""
    row = TABLE_ROW * arrays.integers(clean * np.float32(255) + np.float32(0.5))
    count = arrays.zeros_like(arrays.integers(clean + level.scale))
    step = TABLE_ROW // 2
    while step:
        beyond = numbers > arrays.take(level.table, row + count + (step - 1))
        count = arrays.where(beyond, count + step, count)
        step //= 2
    return arrays.where(level.scale > 0, level.scale**2 * arrays.floats(count), clean)


_FUNCTIONS: dict[NoiseKind, Callable[[Array, Array, Level, Arrays], Array]] = {
    NoiseKind.GAUSSIAN: _gaussian,
    NoiseKind.UNIFORM: _uniform,
    NoiseKind.SALT_AND_PEPPER: _salt_and_pepper,
    NoiseKind.SPECKLE: _speckle,
    NoiseKind.SHOT: _shot,
}


def noisy_images(kind: NoiseKind, clean: Array, numbers: Array, level: Level, arrays: Arrays = NUMPY) -> Array:
    """Return noisy images. Values are not clipped to [0, 1], as in the notebook.

    Args:
        kind: The kind of noise.
        clean: Pixels in [0, 1]. For shot noise, they are multiples of 1 / 255.
        numbers: Standard normal numbers, one per pixel.
        level: The scale, and the table of the kind.
        arrays: Operations of the library that the arrays belong to.
    """
    return _FUNCTIONS[kind](clean, numbers, level, arrays)


def add_noise(
    clean: NDArray[np.float32], scale: float, numbers: NDArray[np.float32], kind: NoiseKind = NoiseKind.GAUSSIAN
) -> NDArray[np.float32]:
    """Return the noisy images at one scale, float32, from NumPy arrays; see `noisy_images`."""
    noisy: NDArray[np.float32] = noisy_images(kind, clean, numbers, level_of(kind, scale))
    return noisy
