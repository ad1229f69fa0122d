"""Images on the device, and what the networks see of them."""

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from shared.noise import Purpose, noise_blocks


class NoisyImages:
    """Images on the device, and beside them the noise of one seed, drawn once per image.

    Attributes:
        images: uint8, (n, P).
        labels: int32, (n,).
        noise: float32, (n, P), standard normal; `draw` fills it in place, so that a process holds it once.
    """

    def __init__(self, images: NDArray[np.uint8], labels: NDArray[np.uint8], purpose: Purpose) -> None:
        self.images = tf.constant(images.reshape(len(images), -1))
        self.labels = tf.constant(labels.astype(np.int32))
        self.noise = tf.Variable(tf.zeros(self.images.shape))
        self._purpose = purpose
        self._seed: int | None = None

    def __len__(self) -> int:
        return int(self.images.shape[0])

    def draw(self, seed: int) -> None:
        """Fill in the noise of a seed, unless it is there already."""
        if seed != self._seed:
            self._seed = None  # a draw that is broken off leaves the noise of no seed
            for rows, block in noise_blocks(seed, self._purpose, tuple(self.images.shape)):
                # Far quicker than assigning to a slice, which on a CPU costs milliseconds a call.
                self.noise.scatter_update(tf.IndexedSlices(block, tf.range(rows.start, rows.stop)))
            self._seed = seed

    def minibatch(
        self, rows: tf.Tensor, scales: tf.Tensor, noise: tf.Tensor | None = None, *, clip: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the K networks' inputs for the images at `rows`, (K, B, P), and their labels, (K, B).

        The noise is that of the images unless another is given, standard normal, (B, P).
        """
        clean = tf.cast(tf.gather(self.images, rows), tf.float32) / 255
        noisy = clean + scales[:, None, None] * (tf.gather(self.noise, rows) if noise is None else noise)
        if clip:
            noisy = tf.clip_by_value(noisy, 0.0, 1.0)
        labels = tf.gather(self.labels, rows)
        return noisy, tf.broadcast_to(labels, [scales.shape[0], rows.shape[0]])
