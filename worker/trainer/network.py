"""The network's mathematics, as functions of their arguments.

All axes are counted from the end, so the same functions compute one run, or K runs side by side with a leading axis K.
In shapes, "..." is this axis or none, B the images in a minibatch, P the pixels in an image and U the units in a layer.
All tensors are float32 unless stated otherwise.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from noisesweep.models import Precision, TrainingConfig
from noisesweep.models.float32 import DROPOUT_STEP
from shared.datasets import CLASSES
from shared.noise import Purpose, generator
from worker.trainer.state import Array

# Keras's defaults for RMSprop. Epsilon is inside the square root, as in keras/src/optimizers/rmsprop.py.
RHO = 0.9
EPSILON = 1e-7
# Number of values of a dropout decision, which uses 16 random bits.
DECISIONS = round(1 / DROPOUT_STEP)
# Size of the buffer of dropout masks, in numbers, in addition to the masks of one minibatch.
MASK_BUFFER_SIZE = 2**21

Float64Array = NDArray[np.float64]


def initial_weights(config: TrainingConfig, pixels: int, seed: int) -> list[Array]:
    """Return kernel (inputs, U) and bias (U,) of each layer, from the input to the output.

    Kernels are uniform in +-sqrt(6 / (inputs + U)) (Glorot and Bengio 2010, equation 16), biases zero.
    """
    draws = generator(seed, Purpose.WEIGHTS)
    weights: list[Array] = []
    for inputs, units in pairwise([pixels, *config.hidden_units, CLASSES]):
        limit = np.sqrt(6 / (inputs + units))
        weights += [draws.uniform(-limit, limit, (inputs, units)).astype(np.float32), np.zeros(units, np.float32)]
    return weights


def mask_buffer(config: TrainingConfig, seed: int, epoch: int) -> Array:
    """Return the numbers from which the dropout masks of an epoch are cut, without dropout an empty array.

    A number is 0 where an output is dropped and 1 / (1 - rate) elsewhere, with the rounded rate.
    """
    if config.dropout == 0:
        return np.zeros(0, np.float32)
    dropped = round(config.dropout * DECISIONS)
    size = MASK_BUFFER_SIZE + config.batch_size * sum(config.hidden_units)
    words = generator(seed, Purpose.DROPOUT, epoch).integers(2**64, size=-(-size // 4), dtype=np.uint64)
    kept = words.astype("<u8", copy=False).view("<u2")[:size] >= dropped
    return kept * np.float32(DECISIONS / (DECISIONS - dropped))


def dropout_masks(config: TrainingConfig, images: int, buffer: tf.Tensor, offset: tf.Tensor) -> list[tf.Tensor] | None:
    """Return a slice of the buffer as mask (B, U) for each hidden layer; return None if the dropout rate is 0.

    All runs share the masks.
    """
    if config.dropout == 0:
        return None
    masks = []
    for units in config.hidden_units:
        masks.append(tf.reshape(tf.slice(buffer, [offset], [images * units]), [images, units]))
        offset += images * units
    return masks


class Layer(NamedTuple):
    """Kernel (..., inputs, U) and bias (..., U) of a layer, in the precision of the matrix products."""

    kernel: tf.Tensor
    bias: tf.Tensor


def layers_of(config: TrainingConfig, weights: Sequence[tf.Variable]) -> list[Layer]:
    """Read the layers, from the input to the output."""
    dtype = dtype_of(config.precision)
    return [
        Layer(tf.cast(kernel, dtype), tf.cast(bias, dtype))
        for kernel, bias in zip(weights[::2], weights[1::2], strict=True)
    ]


def dtype_of(precision: Precision) -> tf.DType:
    """Return the type of the operands and results of matrix products."""
    return tf.bfloat16 if precision is Precision.MIXED_BFLOAT16 else tf.float32


def forward(layers: Sequence[Layer], images: tf.Tensor, masks: Sequence[tf.Tensor] | None = None) -> list[tf.Tensor]:
    """Return the inputs of the layers, and last the logits (..., B, 10), for images (..., B, P).

    Dropout masks (B, U), if given, apply after each ReLU. The logits are float32, and the inputs have the type of the
    layers.
    """
    inputs = [tf.cast(images, layers[0].kernel.dtype)]
    for layer, mask in zip(layers[:-1], masks or [None] * (len(layers) - 1), strict=True):
        outputs = tf.nn.relu(_affine(inputs[-1], layer))
        inputs.append(outputs if mask is None else outputs * mask)
    return [*inputs, tf.cast(_affine(inputs[-1], layers[-1]), tf.float32)]


def _affine(inputs: tf.Tensor, layer: Layer) -> tf.Tensor:
    outputs = tf.matmul(inputs, layer.kernel)
    if layer.bias.shape.rank == 1:
        return tf.nn.bias_add(outputs, layer.bias)  # TensorFlow fuses it with the product and the ReLU
    return outputs + layer.bias[:, None]


def losses_and_gradients(
    layers: Sequence[Layer],
    inputs: Sequence[tf.Tensor],
    logits: tf.Tensor,
    labels: tf.Tensor,
    masks: Sequence[tf.Tensor] | None = None,
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """Compute the loss of each image, (..., B), in nats, and the gradients of each run's mean loss, by backpropagation.

    Inputs, logits and masks are those of `forward`; labels are (B,). The gradients are in the order of the weights.
    """
    losses, upstream = cross_entropy(logits, labels)
    upstream = tf.cast(upstream / labels.shape[0], layers[0].kernel.dtype)
    gradients: list[tf.Tensor] = []
    for index in reversed(range(len(layers))):
        kernel_gradient = tf.matmul(inputs[index], upstream, transpose_a=True)
        gradients[:0] = [tf.cast(gradient, tf.float32) for gradient in (kernel_gradient, _bias_gradient(upstream))]
        if index:
            upstream = tf.matmul(upstream, layers[index].kernel, transpose_b=True)
            upstream = upstream if masks is None else upstream * masks[index - 1]
            upstream = tf.raw_ops.ReluGrad(gradients=upstream, features=inputs[index])
    return losses, gradients


def _bias_gradient(upstream: tf.Tensor) -> tf.Tensor:
    """Sum (..., B, U) over the minibatch with a matrix product, which is computed separately for each run.

    XLA computes a sum in an order that depends on where the run's units are in the vector lanes among all K * U units.
    The last bits of a run would then depend on its position in the stack.
    """
    ones = tf.ones([*upstream.shape[:-2], 1, upstream.shape[-2]], upstream.dtype)
    return tf.squeeze(tf.matmul(ones, upstream), axis=-2)


def cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Compute the loss of each image, (..., B), in nats, and its gradient with respect to the logits (..., B, 10)."""
    runs_and_batch = logits.shape[:-1]
    labels = tf.reshape(tf.broadcast_to(labels, runs_and_batch), [-1])
    losses, gradient = tf.raw_ops.SparseSoftmaxCrossEntropyWithLogits(
        features=tf.reshape(logits, [-1, CLASSES]), labels=labels
    )
    return tf.reshape(losses, runs_and_batch), tf.reshape(gradient, logits.shape)


def rmsprop(
    weights: Sequence[tf.Variable],
    mean_squares: Sequence[tf.Variable],
    momenta: Sequence[tf.Variable],
    gradients: Sequence[tf.Tensor],
    learning_rate: float,
) -> None:
    """Apply RMSprop in place, in one operation per weight.

    It computes s = rho s + (1 - rho) g^2, then w = w - learning_rate g / sqrt(s + epsilon). The operation requires
    variables for the momentum. As the momentum is 0, the previous content of `momenta` has no effect if it is finite.

    On a CPU, the time is that of the square root and the division, not of memory. An update in blocks that fit into the
    L2 cache takes as long, and so does a composition of operations with a reciprocal square root. An update row by row
    with `ResourceSparseApplyRMSProp` takes 8 times as long.
    """
    for weight, mean_square, momentum, gradient in zip(weights, mean_squares, momenta, gradients, strict=True):
        tf.raw_ops.ResourceApplyRMSProp(
            var=weight.handle,
            ms=mean_square.handle,
            mom=momentum.handle,
            lr=learning_rate,
            rho=RHO,
            momentum=0.0,
            epsilon=EPSILON,
            grad=gradient,
        )


def count_correct(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Count each run's correctly classified images, (...), from logits (..., B, 10) and labels (B,)."""
    return tf.reduce_sum(tf.cast(tf.equal(classify(logits), labels), tf.float32), axis=-1)


def classify(logits: tf.Tensor) -> tf.Tensor:
    """Return the predicted class of each image, int32 (..., B), from logits (..., B, 10)."""
    return tf.argmax(logits, axis=-1, output_type=tf.int32)


class Predictions(NamedTuple):
    """Predictions of K networks on n images.

    Attributes:
        loss: Mean loss in nats, (K,).
        predicted: Predicted class of each image, (K, n).
        labels: True class of each image, (n,).
    """

    loss: Array
    predicted: NDArray[np.int32]
    labels: NDArray[np.int32]

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Return whether each image was classified correctly, (K, n)."""
        correct: NDArray[np.bool_] = self.predicted == self.labels
        return correct

    @property
    def accuracy(self) -> Float64Array:
        """Return the fraction of correctly classified images, (K,)."""
        accuracy: Float64Array = self.correct.mean(axis=1)
        return accuracy

    def confusion(self, run: int) -> NDArray[np.int64]:
        """Return a network's number of images by true and predicted class, (10, 10)."""
        counts = np.bincount(CLASSES * self.labels + self.predicted[run], minlength=CLASSES**2)
        return counts.reshape(CLASSES, CLASSES)
