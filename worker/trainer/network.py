"""The network's mathematics, as functions of their arguments.

The letters in shapes are defined in worker/trainer/operations.py; P is the number of pixels in an image. All tensors
are float32 unless stated otherwise.
"""

from collections.abc import Iterator, Sequence
from math import prod

import numpy as np
import tensorflow as tf

from noisesweep.models import Precision, TrainingConfig
from noisesweep.models.float32 import DROPOUT_STEP
from shared.architecture import ConvolutionShape, LayerShape
from shared.noise import Purpose, generator
from worker.trainer.operations import Activation, Convolution, Dense, MaxPooling, Operation, Reshape
from worker.trainer.state import Array

# Keras's defaults for RMSprop. Epsilon is inside the square root, as in keras/src/optimizers/rmsprop.py.
RHO = 0.9
EPSILON = 1e-7
# Number of values of a dropout decision, which uses 16 random bits.
DECISIONS = round(1 / DROPOUT_STEP)
# Size of the buffer of dropout masks, in numbers, in addition to the masks of one minibatch.
MASK_BUFFER_SIZE = 2**21


def initial_weights(layers: Sequence[LayerShape], seed: int) -> list[Array]:
    """Return kernel and bias of each layer, from the input to the output, in the shapes of `operations`.

    Kernels are uniform in +-sqrt(6 / (inputs + outputs)) of a unit, biases zero (Glorot and Bengio 2010, equation 16).
    For a convolution, these numbers count all positions of its kernel, as in Keras.
    """
    draws = generator(seed, Purpose.WEIGHTS)
    weights: list[Array] = []
    for layer in layers:
        *positions, inputs, units = layer.kernel
        limit = np.sqrt(6 / (prod(positions) * (inputs + units)))
        weights += [draws.uniform(-limit, limit, layer.kernel).astype(np.float32), np.zeros(units, np.float32)]
    return weights


def mask_buffer(config: TrainingConfig, seed: int, epoch: int) -> Array:
    """Return the numbers from which the dropout masks of an epoch are cut, without dropout an empty array.

    A number is 0 where an output is dropped and 1 / (1 - rate) elsewhere, with the rounded rate.
    """
    if config.dropout == 0:
        return np.zeros(0, np.float32)
    dropped = round(config.dropout * DECISIONS)
    size = MASK_BUFFER_SIZE + config.batch_size * sum(config.model.dense_units)
    words = generator(seed, Purpose.DROPOUT, epoch).integers(2**64, size=-(-size // 4), dtype=np.uint64)
    kept = words.astype("<u8", copy=False).view("<u2")[:size] >= dropped
    return kept * np.float32(DECISIONS / (DECISIONS - dropped))


def dropout_masks(config: TrainingConfig, images: int, buffer: tf.Tensor, offset: tf.Tensor) -> list[tf.Tensor] | None:
    """Return a slice of the buffer as mask (B, U) for each hidden dense layer; return None if the dropout rate is 0.

    All runs share the masks.
    """
    if config.dropout == 0:
        return None
    masks = []
    for units in config.model.dense_units:
        masks.append(tf.reshape(tf.slice(buffer, [offset], [images * units]), [images, units]))
        offset += images * units
    return masks


def dtype_of(precision: Precision) -> tf.DType:
    """Return the type of the operands and results of matrix products and convolutions."""
    return tf.bfloat16 if precision is Precision.MIXED_BFLOAT16 else tf.float32


def operations(
    layers: Sequence[LayerShape],
    weights: Sequence[tf.Tensor],
    image_shape: tuple[int, int],
    masks: Sequence[tf.Tensor] | None = None,
) -> list[Operation]:
    """Return the operations of the network, from images (..., B, P) to the logits (..., B, classes).

    Pooling precedes the ReLU. That is the same function as in the usual order, as both keep the order of numbers, and
    it needs a quarter of the ReLUs.

    Args:
        layers: The layers.
        weights: Kernel and bias of each layer, in the type of the products.
        image_shape: Height and width of the images.
        masks: Dropout mask (B, U) of each hidden dense layer; None without dropout.
    """
    return list(_operations(layers, weights, image_shape, masks))


def _operations(
    layers: Sequence[LayerShape],
    weights: Sequence[tf.Tensor],
    image_shape: tuple[int, int],
    masks: Sequence[tf.Tensor] | None,
) -> Iterator[Operation]:
    remaining_masks = iter(masks or ())
    shape: tuple[int, ...] = (prod(image_shape),)
    for layer, kernel, bias in zip(layers, weights[::2], weights[1::2], strict=True):
        if isinstance(layer, ConvolutionShape):
            if len(shape) == 1:
                yield Reshape(1, (*image_shape, 1))
            yield from (Convolution(kernel, bias), MaxPooling(), Activation())
            shape = layer.pooled
        else:
            if len(shape) > 1:
                yield Reshape(len(shape), (prod(shape),))
            yield Dense(kernel, bias)
            shape = layer.outputs
            if layer is not layers[-1]:
                yield Activation(next(remaining_masks, None))


def forward(operations: Sequence[Operation], images: tf.Tensor) -> list[tf.Tensor]:
    """Return the inputs of all operations, and last the logits, for images (..., B, P) in the type of the weights."""
    values = [images]
    for operation in operations:
        values.append(operation.outputs(values[-1]))
    return values


def losses_and_gradients(
    operations: Sequence[Operation], values: Sequence[tf.Tensor], labels: tf.Tensor
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """Compute the loss of each image, (..., B), in nats, and the gradients of each run's mean loss, by backpropagation.

    The values are those of `forward`; labels are (B,). The gradients are float32, in the order of the weights.
    """
    logits = values[-1]
    losses, upstream = cross_entropy(logits, labels)
    upstream = tf.cast(upstream / labels.shape[0], logits.dtype)
    gradients: list[tf.Tensor] = []
    for index in reversed(range(len(operations))):
        operation, inputs, outputs = operations[index], values[index], values[index + 1]
        gradients[:0] = [tf.cast(gradient, tf.float32) for gradient in operation.weight_gradients(inputs, upstream)]
        if any(isinstance(before, Dense | Convolution) for before in operations[:index]):
            upstream = operation.input_gradient(inputs, outputs, upstream)
    return losses, gradients


def cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Compute the loss of each image, (..., B), in nats, and its gradient with respect to the logits.

    Logits and gradient are (..., B, classes). The result is float32.
    """
    logits = tf.cast(logits, tf.float32)
    runs_and_batch = logits.shape[:-1]
    labels = tf.reshape(tf.broadcast_to(labels, runs_and_batch), [-1])
    losses, gradient = tf.raw_ops.SparseSoftmaxCrossEntropyWithLogits(
        features=tf.reshape(logits, [-1, logits.shape[-1]]), labels=labels
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
    """Count each run's correctly classified images, (...), from logits (..., B, classes) and labels (B,)."""
    return tf.reduce_sum(tf.cast(tf.equal(classify(logits), labels), tf.float32), axis=-1)


def classify(logits: tf.Tensor) -> tf.Tensor:
    """Return the predicted class of each image, int32 (..., B), from logits (..., B, classes)."""
    return tf.argmax(logits, axis=-1, output_type=tf.int32)
