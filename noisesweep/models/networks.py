"""Networks that a run can train."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def as_integer(value: object) -> object:
    """Convert whole floats to integers, because JSON has one number type and 20.0 equals 20."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class NetworkKind(StrEnum):
    """Kind of network."""

    MLP = "mlp"
    CNN = "cnn"

    @property
    def text(self) -> str:
        """Return the name in a sentence."""
        return "multilayer perceptron" if self is NetworkKind.MLP else "convolutional network"


Units = Annotated[int, Field(ge=1, le=4096), BeforeValidator(as_integer)]
Filters = Annotated[int, Field(ge=1, le=1024), BeforeValidator(as_integer)]


class MultilayerPerceptron(BaseModel):
    """Dense layers with ReLU and dropout, then a dense layer with one output per class, and softmax."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    kind: Literal["mlp"] = Field(description="Multilayer perceptron.", examples=["mlp"])
    hidden_units: list[Units] = Field(
        default=[512, 512],
        min_length=1,
        max_length=8,
        description="Units of each hidden layer, from input to output: 1 to 8 layers of 1 to 4096 units.",
        examples=[[512, 512]],
    )

    @property
    def text(self) -> str:
        """Return the text that follows the word "with"."""
        return f"hidden units {_join(self.hidden_units)}"

    @property
    def dense_units(self) -> list[int]:
        """Return the units of each dense layer except the last one, which has one output per class."""
        return self.hidden_units

    @property
    def smallest_image(self) -> int:
        """Return the smallest height and width, in pixels, of images that the network accepts."""
        return 1


class ConvolutionalNetwork(BaseModel):
    """Convolutions, each with ReLU and pooling, then the dense layers of a multilayer perceptron.

    The convolutions have stride 1 and no padding. The pooling takes the maximum of each 2x2 block. The default is the
    variant of LeNet (LeCun et al. 1998) in Caffe's examples: 431,080 parameters with 28x28 pixels and 10 classes.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    kind: Literal["cnn"] = Field(description="Convolutional network.", examples=["cnn"])
    filters: list[Filters] = Field(
        default=[20, 50],
        min_length=1,
        max_length=4,
        description="Filters of each convolution, from input to output: 1 to 4 convolutions of 1 to 1024 filters. "
        "Each is followed by ReLU and 2x2 max pooling.",
        examples=[[20, 50]],
    )
    kernel_size: Annotated[int, Field(ge=1, le=15), BeforeValidator(as_integer)] = Field(
        default=5, description="Height and width of all kernels, in pixels.", examples=[5]
    )
    dense_units: list[Units] = Field(
        default=[500],
        max_length=8,
        description="Units of each dense layer after the convolutions: 0 to 8 layers of 1 to 4096 units, with ReLU and "
        "dropout.",
        examples=[[500]],
    )

    @property
    def text(self) -> str:
        """Return the text that follows the word "with"."""
        dense = f", dense units {_join(self.dense_units)}" if self.dense_units else ""
        size = self.kernel_size
        return f"convolutions (filters {_join(self.filters)}, kernel {size}x{size}{dense})"

    @property
    def smallest_image(self) -> int:
        """Return the smallest height and width, in pixels, of images that the network accepts; 16 by default."""
        side = 1
        for _ in self.filters:
            side = 2 * side + self.kernel_size - 1
        return side


Model = Annotated[
    MultilayerPerceptron | ConvolutionalNetwork,
    Field(
        discriminator="kind",
        description="Network to train: a multilayer perceptron (mlp) or a convolutional network (cnn).",
        examples=[{"kind": "mlp", "hidden_units": [512, 512]}],
    ),
]


def _join(numbers: Sequence[int]) -> str:
    return "-".join(map(str, numbers))
