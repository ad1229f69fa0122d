"""Images and noise on the device, and the minibatches made from them."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from noisesweep.models import NoiseKind
from shared.noise import Purpose, generator, noise_blocks
from shared.noise_kinds import Arrays, Level, noisy_images

# Size of the buffer of resampled noise, in numbers, in addition to the noise of one minibatch.
NOISE_BUFFER_SIZE = 2**23
# Offsets in a buffer are multiples of this number: TensorFlow slices at multiples of 64 bytes without a copy.
ALIGNMENT = 32


TENSORS = Arrays(
    tf.where,
    tf.abs,
    tf.math.erf,
    tf.math.erfc,
    lambda tensor: tf.cast(tensor, tf.int32),
    lambda tensor: tf.cast(tensor, tf.float32),
    tf.zeros_like,
    lambda table, indices: tf.gather(table, indices, axis=-1, batch_dims=len(table.shape) - 1),
)


class Minibatch(NamedTuple):
    """Images without noise, (B, P), pixels in [0, 1]; their standard normal noise, (B, P); labels, int32, (B,)."""

    clean: tf.Tensor
    noise: tf.Tensor
    labels: tf.Tensor

    def noisy(self, kind: NoiseKind, level: Level, *, clip: bool) -> tf.Tensor:
        """Return the images with noise, float32 (..., B, P), from scales (...) and tables (..., n).

        `clip` limits the pixels to [0, 1].
        """
        level = level._replace(scale=level.scale[..., None, None])
        # Without these copies, TensorFlow could merge products of the noise with those that made the pixels and the
        # noise. It does so in a stack of one run only, and the bits would differ.
        clean, noise = (tf.raw_ops.Snapshot(input=each) for each in (self.clean, self.noise))
        noisy = noisy_images(kind, clean, noise, level, TENSORS)
        return tf.clip_by_value(noisy, 0.0, 1.0) if clip else noisy


class NoisyImages:
    """Images on the device with the noise of one seed, drawn once per image.

    Args:
        images: uint8, (N, height, width), values 0 to 255.
        labels: uint8, (N,).
        purpose: Purpose of the noise.
        rows: The images to use, ascending; all if None. An image has the same noise with and without the others.

    Attributes:
        image_shape: Height and width of an image.
        images: uint8, (n, P), values 0 to 255.
        labels: int32, (n,).
        noise: float32, (n, P), standard normal. `draw` fills it in place, so a process needs the memory only once.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.uint8],
        purpose: Purpose,
        rows: NDArray[np.int64] | None = None,
    ) -> None:
        self.image_shape: tuple[int, int] = images.shape[1:]
        self._drawn = len(images)
        self._rows = np.arange(len(images)) if rows is None else rows
        self.images = tf.constant(images.reshape(len(images), -1)[self._rows])
        self.labels = tf.constant(labels[self._rows].astype(np.int32))
        self.noise = tf.Variable(tf.zeros(self.images.shape))
        self._purpose = purpose
        self._seed: int | None = None

    def __len__(self) -> int:
        return int(self.images.shape[0])

    def draw(self, seed: int) -> None:
        """Draw the noise of a seed, unless it is the current noise."""
        if seed != self._seed:
            self._seed = None  # an interrupted draw leaves a mixture of two seeds
            for drawn, block in noise_blocks(seed, self._purpose, (self._drawn, int(self.images.shape[1]))):
                first, last = np.searchsorted(self._rows, (drawn.start, drawn.stop))
                used = block[self._rows[first:last] - drawn.start]
                # Much faster than assigning to a slice, which takes milliseconds per call on a CPU.
                self.noise.scatter_update(tf.IndexedSlices(used, tf.range(first, last)))
            tf.raw_ops.DisableCopyOnRead(resource=self.noise.handle)  # after scatter_update, reads would copy the noise
            self._seed = seed

    def gather(self, rows: tf.Tensor, noise: tf.Tensor | None = None) -> Minibatch:
        """Return the images at `rows`, int32 (B,), with noise (B, P), or with their own noise if it is None."""
        noise = tf.gather(self.noise, rows) if noise is None else noise
        return Minibatch(_to_pixels(tf.gather(self.images, rows)), noise, tf.gather(self.labels, rows))

    def batches(self, seed: int, size: int) -> Iterator["Batch"]:
        """Yield all images with the noise of a seed, in batches of this size."""
        self.draw(seed)
        for first in range(0, len(self), size):
            rows = slice(first, first + size)
            yield Batch(self.images[rows], self.noise[rows], self.labels[rows])


class Batch(NamedTuple):
    """Images to evaluate: uint8 (B, P); their standard normal noise, float32 (B, P); labels, int32 (B,)."""

    images: tf.Tensor
    noise: tf.Tensor
    labels: tf.Tensor

    def minibatch(self) -> Minibatch:
        """Return the images as pixels in [0, 1], with noise and labels."""
        return Minibatch(_to_pixels(self.images), self.noise, self.labels)


def _to_pixels(images: tf.Tensor) -> tf.Tensor:
    return tf.cast(images, tf.float32) / 255


class NoiseBuffer:
    """Standard normal numbers on the device, from which the training noise of `resample` is cut.

    The noise of a minibatch is the sum of two slices at random offsets, divided by the square root of 2. Networks
    memorize a limited set of noise images, but not this noise: the offsets are not aligned to images, and a pair of
    slices practically never occurs again.

    Args:
        images: Number of images in a minibatch.
        pixels: Number of pixels in an image.
    """

    def __init__(self, images: int, pixels: int) -> None:
        self._pixels = pixels
        self.numbers = tf.Variable(tf.zeros([NOISE_BUFFER_SIZE + images * pixels]))
        self._seed: int | None = None

    def draw(self, seed: int) -> None:
        """Draw the numbers of a seed, unless they are the current ones."""
        if seed != self._seed:
            draws = generator(seed, Purpose.RESAMPLED_NOISE)
            self.numbers.assign(draws.standard_normal(self.numbers.shape[0], dtype=np.float32))
            self._seed = seed

    def noise(self, images: int, offsets: tf.Tensor) -> tf.Tensor:
        """Return the noise of a minibatch, (images, P), from two offsets of slices."""
        numbers = self.numbers.read_value()
        first, second = (tf.slice(numbers, [offsets[index]], [images * self._pixels]) for index in range(2))
        return tf.reshape((first + second) * np.sqrt(np.float32(0.5)), [images, self._pixels])


def draw_offsets(seed: int, purpose: Purpose, epoch: int, size: int, shape: tuple[int, ...]) -> tf.Tensor:
    """Draw offsets of slices in a buffer: int32, multiples of ALIGNMENT from 0 to `size` - ALIGNMENT."""
    draws = generator(seed, purpose, epoch, step=1)  # step 0 draws the numbers in the buffer
    return tf.constant(ALIGNMENT * draws.integers(size // ALIGNMENT, size=shape), tf.int32)
