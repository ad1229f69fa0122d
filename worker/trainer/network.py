"""The network's mathematics for K runs side by side, as functions of their arguments.

Every weight has a leading axis K, one entry per run of a stack. In shapes, K is the number of runs, B the images in a
minibatch, P the pixels in an image and U the units in a layer. All tensors are float32 unless stated otherwise.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from noisesweep.models import Precision, TrainingConfig
from shared.datasets import CLASSES
from shared.noise import Purpose, generator
from worker.trainer.state import Array

# Keras's defaults for RMSprop. Epsilon is inside the square root, as in keras/src/optimizers/rmsprop.py.
RHO = 0.9
EPSILON = 1e-7
# A dropout decision uses 16 random bits, so the rate is rounded to a multiple of 1 / 65536.
DECISIONS = 2**16

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


def fresh_noise(images: int, pixels: int, key: tf.Tensor) -> tf.Tensor:
    """Draw standard normal noise for a minibatch, (B, P), from a key of two integers. All runs share the noise."""
    return tf.random.stateless_normal([images, pixels], key, alg="philox")


def dropout_masks(config: TrainingConfig, images: int, key: tf.Tensor) -> list[tf.Tensor] | None:
    """Draw a mask (B, U) for each hidden layer from a key of two integers; return None if the dropout rate is 0.

    An entry is 0 where an output is dropped and 1 / (1 - rate) elsewhere, with the rounded rate. All runs share the
    masks.
    """
    rate, units = config.dropout, config.hidden_units
    if rate == 0:
        return None
    dropped = min(round(rate * DECISIONS), DECISIONS - 1)
    words = -(-images * sum(units) // 2)
    bits = tf.random.stateless_uniform([words], key, None, None, tf.uint32, alg="philox")
    decisions = tf.reshape(tf.bitcast(bits, tf.uint16), [-1])[: images * sum(units)]
    kept = tf.cast(decisions >= dropped, tf.float32) * (DECISIONS / (DECISIONS - dropped))
    return [tf.reshape(mask, [images, -1]) for mask in tf.split(kept, [images * layer for layer in units])]


def logits(
    config: TrainingConfig, weights: Sequence[tf.Variable], images: tf.Tensor, masks: Sequence[tf.Tensor] | None = None
) -> tf.Tensor:
    """Compute logits (K, B, 10) of images (K, B, P). Dropout masks (B, U), if given, apply after each ReLU."""
    layers = list(zip(weights[::2], weights[1::2], strict=True))
    outputs = images
    for layer, (kernel, bias) in enumerate(layers[:-1]):
        outputs = tf.nn.relu(add_bias(_product(outputs, kernel, config.precision), bias))
        if masks:
            outputs *= masks[layer]
    kernel, bias = layers[-1]
    return add_bias(_product(outputs, kernel, config.precision), bias)


def _product(a: tf.Tensor, b: tf.Tensor, precision: Precision) -> tf.Tensor:
    """Multiply matrices in the given precision, in the forward and the backward pass; return float32."""
    dtype = tf.bfloat16 if precision is Precision.MIXED_BFLOAT16 else tf.float32
    return tf.cast(tf.matmul(tf.cast(a, dtype), tf.cast(b, dtype)), tf.float32)


@tf.custom_gradient  # type: ignore[untyped-decorator]
def add_bias(
    outputs: tf.Tensor, bias: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]]:
    """Add bias (K, U) to outputs (K, B, U); compute the gradient of the bias as a matrix product.

    The usual sum over the minibatch adds in an order that depends on where the run's units are in the vector lanes
    among all K * U units. The last bits of a run would then depend on its position in the stack. A matrix product is
    computed separately for each run.
    """

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        runs, batch, _ = upstream.shape
        return upstream, tf.squeeze(tf.matmul(tf.ones([runs, 1, batch]), upstream), axis=1)

    return outputs + bias[:, None], gradient


def losses(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Compute the cross-entropy of each image, (K, B), in nats, from logits (K, B, 10) and labels (K, B)."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)


def rmsprop(
    weights: Sequence[tf.Variable],
    mean_squares: Sequence[tf.Variable],
    momenta: Sequence[tf.Variable],
    gradients: Sequence[tf.Tensor],
    learning_rate: float,
) -> None:
    """Apply RMSprop in place, in one operation per weight.

    It computes s = rho s + (1 - rho) g^2, then w = w - learning_rate g / sqrt(s + epsilon). The operation requires
    variables for the momentum. As the momentum is 0, the previous content of `momenta` has no effect.
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
    """Count each run's correctly classified images, (K,), from logits (K, B, 10) and labels (K, B)."""
    hits = tf.equal(tf.argmax(logits, axis=2, output_type=tf.int32), labels)
    return tf.reduce_sum(tf.cast(hits, tf.float32), axis=1)


def count_confusion(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Count images by label and predicted class, (K, 10, 10), from logits (K, B, 10) and labels (K, B)."""
    predicted = tf.one_hot(tf.argmax(logits, axis=2), CLASSES)
    return tf.matmul(tf.one_hot(labels, CLASSES), predicted, transpose_a=True)  # integers, exact in float32


def accuracy_of(confusion: NDArray[np.int64]) -> Float64Array:
    """Return the fraction of correctly classified images, (K,), from confusion counts (K, 10, 10)."""
    accuracy: Float64Array = np.trace(confusion, axis1=1, axis2=2) / confusion.sum(axis=(1, 2))
    return accuracy
