"""Layers of a network, computed from its options and the shape of the images."""

from collections.abc import Iterator
from math import prod
from typing import NamedTuple

from noisesweep.models import ConvolutionalNetwork, MultilayerPerceptron

# Images per evaluation batch: large enough for fast matrix products, small enough for CPU caches, and for the memory of
# a GPU, which holds the patches of convolutions of all runs.
EVALUATION_BATCHES = {"mlp": 1000, "cnn": 200}


class ConvolutionShape(NamedTuple):
    """Shape of a convolution without padding and with stride 1, which is followed by 2x2 max pooling.

    Attributes:
        kernel: Height and width of the kernel, channels of the input, and number of filters.
        outputs: Height and width of the outputs before pooling, and number of filters.
    """

    kernel: tuple[int, int, int, int]
    outputs: tuple[int, int, int]

    @property
    def pooled(self) -> tuple[int, int, int]:
        """Return height, width and channels after pooling. A last odd row or column is left out."""
        height, width, filters = self.outputs
        return height // 2, width // 2, filters


class DenseShape(NamedTuple):
    """Shape of a dense layer: the kernel is (inputs, units)."""

    kernel: tuple[int, int]

    @property
    def outputs(self) -> tuple[int]:
        """Return the number of units."""
        return self.kernel[1:]


LayerShape = ConvolutionShape | DenseShape


def layer_shapes(
    model: MultilayerPerceptron | ConvolutionalNetwork, image_shape: tuple[int, int], classes: int
) -> list[LayerShape]:
    """Return the layers from the input to the output.

    The images need at least `model.smallest_image` pixels in height and width.
    """
    return list(_layer_shapes(model, image_shape, classes))


def _layer_shapes(
    model: MultilayerPerceptron | ConvolutionalNetwork, image_shape: tuple[int, int], classes: int
) -> Iterator[LayerShape]:
    height, width, channels = *image_shape, 1
    if isinstance(model, ConvolutionalNetwork):
        for filters in model.filters:
            size = model.kernel_size
            layer = ConvolutionShape((size, size, channels, filters), (height - size + 1, width - size + 1, filters))
            yield layer
            height, width, channels = layer.pooled
    inputs = height * width * channels
    for units in [*model.dense_units, classes]:
        yield DenseShape((inputs, units))
        inputs = units


def parameters(layer: LayerShape) -> int:
    """Return the number of weights and biases."""
    return prod(layer.kernel) + layer.kernel[-1]


def multiply_adds(layer: LayerShape) -> int:
    """Return the number of multiply-adds of a forward pass for one image."""
    positions = prod(layer.outputs[:-1])
    return positions * prod(layer.kernel)
