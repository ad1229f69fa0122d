"""Operations of a network with their gradients, as functions of their arguments.

All axes are counted from the end, so the same operations compute one run, or K runs side by side with a leading axis K.
In shapes, "..." is this axis or none, B the images in a minibatch, H and W their height and width, C their channels, S
the size of a kernel, F the filters of a convolution and U the units of a dense layer.
"""

# ruff: noqa: ARG002, D102 - the methods are those of Operation, which describes them

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import tensorflow as tf

# Number of axes of images (B, H, W, C), and of a kernel (S, S, C, F), of one run.
ONE_RUN = 4


class Operation(ABC):
    """Step of a forward pass. In all methods, `inputs` and `outputs` are those of one forward pass."""

    @abstractmethod
    def outputs(self, inputs: tf.Tensor) -> tf.Tensor:
        """Compute the outputs."""

    def weight_gradients(self, inputs: tf.Tensor, upstream: tf.Tensor) -> list[tf.Tensor]:
        """Compute the gradients of kernel and bias from that of the outputs; an empty list without weights."""
        return []

    @abstractmethod
    def input_gradient(self, inputs: tf.Tensor, outputs: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
        """Compute the gradient of the inputs from that of the outputs."""


@dataclass(frozen=True)
class Dense(Operation):
    """Dense layer with kernel (..., inputs, U) and bias (..., U), on inputs (..., B, inputs)."""

    kernel: tf.Tensor
    bias: tf.Tensor

    def outputs(self, inputs: tf.Tensor) -> tf.Tensor:
        return _add_bias(tf.matmul(inputs, self.kernel), self.bias)

    def weight_gradients(self, inputs: tf.Tensor, upstream: tf.Tensor) -> list[tf.Tensor]:
        return [tf.matmul(inputs, upstream, transpose_a=True), _bias_gradient(upstream)]

    def input_gradient(self, inputs: tf.Tensor, outputs: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
        return tf.matmul(upstream, self.kernel, transpose_b=True)


@dataclass(frozen=True)
class Convolution(Operation):
    """Convolution without padding and with stride 1: kernel (..., S, S, C, F), bias (..., F), images (..., B, H, W, C).

    TensorFlow's own convolution has no leading axis for runs side by side. They are computed as the product of patches
    and kernel, which is separate for each run, so its bits do not depend on the other runs. One run is computed with
    TensorFlow's convolution, which is faster on a CPU.
    """

    kernel: tf.Tensor
    bias: tf.Tensor

    @property
    def _is_one_run(self) -> bool:
        return bool(self.kernel.shape.rank == ONE_RUN)

    @property
    def _matrix(self) -> tf.Tensor:
        """Return the kernel as (..., S * S * C, F)."""
        *runs, height, width, channels, filters = self.kernel.shape
        return tf.reshape(self.kernel, [*runs, height * width * channels, filters])

    def outputs(self, inputs: tf.Tensor) -> tf.Tensor:
        if self._is_one_run:
            return _add_bias(tf.nn.conv2d(inputs, self.kernel, strides=1, padding="VALID"), self.bias)
        products = _add_bias(tf.matmul(_patches(inputs, self.kernel.shape[-4]), self._matrix), self.bias)
        *runs_and_batch, height, width, _ = inputs.shape
        lost = self.kernel.shape[-4] - 1
        return tf.reshape(products, [*runs_and_batch, height - lost, width - lost, self.kernel.shape[-1]])

    def weight_gradients(self, inputs: tf.Tensor, upstream: tf.Tensor) -> list[tf.Tensor]:
        rows = _rows(upstream)
        if self._is_one_run:
            kernel_gradient = tf.raw_ops.Conv2DBackpropFilter(
                input=inputs,
                filter_sizes=self.kernel.shape,
                out_backprop=upstream,
                strides=[1, 1, 1, 1],
                padding="VALID",
            )
        else:
            patches = _patches(inputs, self.kernel.shape[-4])
            kernel_gradient = tf.reshape(tf.matmul(patches, rows, transpose_a=True), self.kernel.shape)
        return [kernel_gradient, _bias_gradient(rows)]

    def input_gradient(self, inputs: tf.Tensor, outputs: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
        if self._is_one_run:
            return tf.raw_ops.Conv2DBackpropInput(
                input_sizes=inputs.shape,
                filter=self.kernel,
                out_backprop=upstream,
                strides=[1, 1, 1, 1],
                padding="VALID",
            )
        patches = tf.matmul(_rows(upstream), self._matrix, transpose_b=True)
        size, channels = self.kernel.shape[-4], self.kernel.shape[-2]
        parts = tf.split(tf.reshape(patches, [*upstream.shape[:-1], size**2 * channels]), size**2, axis=-1)
        around = [[0, 0]] * (inputs.shape.rank - 3)
        return tf.add_n(
            [
                tf.pad(part, [*around, [top, size - 1 - top], [left, size - 1 - left], [0, 0]])
                for (top, left), part in zip(_offsets(size), parts, strict=True)
            ]
        )


@dataclass(frozen=True)
class MaxPooling(Operation):
    """Maximum of each 2x2 block of images (..., B, H, W, C). A last odd row or column is left out."""

    def outputs(self, inputs: tf.Tensor) -> tf.Tensor:
        outputs = tf.nn.max_pool2d(_one_batch(inputs), ksize=2, strides=2, padding="VALID")
        return _as_batches_of(inputs, outputs)

    def input_gradient(self, inputs: tf.Tensor, outputs: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
        gradient = tf.raw_ops.MaxPoolGrad(
            orig_input=_one_batch(inputs),
            orig_output=_one_batch(outputs),
            grad=_one_batch(upstream),
            ksize=[1, 2, 2, 1],
            strides=[1, 2, 2, 1],
            padding="VALID",
        )
        return _as_batches_of(inputs, gradient)


@dataclass(frozen=True)
class Activation(Operation):
    """ReLU, then dropout if there is a mask."""

    mask: tf.Tensor | None = None

    def outputs(self, inputs: tf.Tensor) -> tf.Tensor:
        outputs = tf.nn.relu(inputs)
        return outputs if self.mask is None else outputs * self.mask

    def input_gradient(self, inputs: tf.Tensor, outputs: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
        upstream = upstream if self.mask is None else upstream * self.mask
        return tf.raw_ops.ReluGrad(gradients=upstream, features=outputs)


@dataclass(frozen=True)
class Reshape(Operation):
    """Reshape each image from a number of axes to a shape."""

    axes: int
    shape: tuple[int, ...]

    def outputs(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.reshape(inputs, [*inputs.shape[: -self.axes], *self.shape])

    def input_gradient(self, inputs: tf.Tensor, outputs: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
        return tf.reshape(upstream, inputs.shape)


def _add_bias(outputs: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    if bias.shape.rank == 1:
        return tf.nn.bias_add(outputs, bias)  # TensorFlow fuses it with the product and the ReLU
    return outputs + bias[:, None]


def _bias_gradient(upstream: tf.Tensor) -> tf.Tensor:
    """Sum (..., rows, U) over the rows with a matrix product, which is computed separately for each run.

    XLA computes a sum in an order that depends on where the run's units are in the vector lanes among all K * U units.
    The last bits of a run would then depend on its position in the stack.
    """
    ones = tf.ones([*upstream.shape[:-2], 1, upstream.shape[-2]], upstream.dtype)
    return tf.squeeze(tf.matmul(ones, upstream), axis=-2)


def _patches(images: tf.Tensor, size: int) -> tf.Tensor:
    """Return the patches (..., B * positions, size * size * C) of images (..., B, H, W, C)."""
    height, width = images.shape[-3] - size + 1, images.shape[-2] - size + 1
    shifted = [images[..., top : top + height, left : left + width, :] for top, left in _offsets(size)]
    return _rows(tf.concat(shifted, axis=-1))


def _rows(images: tf.Tensor) -> tf.Tensor:
    """Return the channels of all positions, (..., B * H * W, C), of images (..., B, H, W, C)."""
    *runs, batch, height, width, channels = images.shape
    return tf.reshape(images, [*runs, batch * height * width, channels])


def _one_batch(images: tf.Tensor) -> tf.Tensor:
    """Join the runs and images of (..., B, H, W, C) to one axis."""
    # TensorFlow computes pooling and its gradient much faster if nothing is between them.
    return images if images.shape.rank == ONE_RUN else tf.reshape(images, [-1, *images.shape[-3:]])


def _as_batches_of(images: tf.Tensor, batch: tf.Tensor) -> tf.Tensor:
    """Return a result of `_one_batch(images)` with the first axes of these images."""
    return batch if images.shape.rank == ONE_RUN else tf.reshape(batch, [*images.shape[:-3], *batch.shape[1:]])


def _offsets(size: int) -> Iterator[tuple[int, int]]:
    """Yield row and column of each position in a kernel."""
    return ((top, left) for top in range(size) for left in range(size))
