"""TensorFlow variables of runs, and the random draws of an epoch.

The letters in shapes are defined in worker/trainer/operations.py.
"""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from shared.noise_kinds import Level


class Draws(NamedTuple):
    """Random draws of an epoch.

    Attributes:
        order: int32, (n,): indices of the training images in training order.
        masks: Buffer of dropout masks, in the type of the matrix products.
        mask_offsets: int32, (steps,): offset of each step's dropout masks in the buffer.
        noise_offsets: int32, (steps, 2): offsets of each step's noise in the `NoiseBuffer`, used with `resample`.
    """

    order: tf.Tensor
    masks: tf.Tensor
    mask_offsets: tf.Tensor
    noise_offsets: tf.Tensor


class Variables:
    """Variables of one run, or of several runs side by side with a leading axis. In shapes, "..." is this axis or none.

    Attributes:
        level: Scale of the training noise, (...), and its table, (..., n).
        weights: Kernel and bias of each layer, float32.
        mean_squares: RMSprop's running mean of each weight's squared gradient, in the same shapes.
        momenta: RMSprop's momentum of each weight, in the same shapes; see `network.rmsprop`.
        loss_sum: Sum of the losses of this epoch so far, (...).
        correct: Number of images classified correctly in this epoch so far, (...).
    """

    def __init__(self, axis: list[int], shapes: Sequence[tuple[int, ...]], table_size: int) -> None:
        self.level = Level(tf.Variable(tf.zeros(axis)), tf.Variable(tf.zeros([*axis, table_size])))
        self.loss_sum, self.correct = (tf.Variable(tf.zeros(axis)) for _ in range(2))
        self.weights, self.mean_squares, self.momenta = (
            [tf.Variable(tf.zeros([*axis, *shape])) for shape in shapes] for _ in range(3)
        )

    @property
    def state(self) -> list[tf.Variable]:
        """Return the variables of `RunState`, in its order."""
        return [*self.weights, *self.mean_squares, self.loss_sum, self.correct]
