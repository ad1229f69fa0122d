"""Images and noise on the device, and the minibatches made from them."""

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from shared.noise import Purpose, noise_blocks


class NoisyImages:
    """Images on the device with the noise of one seed, drawn once per image.

    Attributes:
        images: uint8, (n, P), values 0 to 255.
        labels: int32, (n,).
        noise: float32, (n, P), standard normal. `draw` fills it in place, so a process needs the memory only once.
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
        """Draw the noise of a seed, unless it is the current noise."""
        if seed != self._seed:
            self._seed = None  # an interrupted draw leaves a mixture of two seeds
            for rows, block in noise_blocks(seed, self._purpose, tuple(self.images.shape)):
                # Much faster than assigning to a slice, which takes milliseconds per call on a CPU.
                self.noise.scatter_update(tf.IndexedSlices(block, tf.range(rows.start, rows.stop)))
            self._seed = seed

    def minibatch(
        self, rows: tf.Tensor, scales: tf.Tensor, noise: tf.Tensor | None = None, *, clip: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return noisy inputs for K networks, (K, B, P), and labels, (K, B), of the images at `rows`.

        Args:
            rows: int32, (B,): indices of the images.
            scales: float32, (K,): the noise scale of each network.
            noise: float32, (B, P), standard normal; None for the stored noise of the images.
            clip: Whether to clip the noisy pixels to [0, 1].
        """
        clean = tf.cast(tf.gather(self.images, rows), tf.float32) / 255
        noisy = clean + scales[:, None, None] * (tf.gather(self.noise, rows) if noise is None else noise)
        if clip:
            noisy = tf.clip_by_value(noisy, 0.0, 1.0)
        labels = tf.gather(self.labels, rows)
        return noisy, tf.broadcast_to(labels, [scales.shape[0], rows.shape[0]])
