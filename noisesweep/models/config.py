"""The training config. Models are strict: `"20"` is not a number of epochs and `true` is not a scale."""

from collections import Counter
from enum import StrEnum
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

MAX_EPOCHS = 200
MAX_SEED = 2**32 - 1

# Which names the service knows is its own matter: it checks them, together with what follows from a data set's size.
DatasetSlug = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$",
        description="Name of a data set; GET /datasets lists those that the service knows.",
        examples=["mnist"],
    ),
]


class Precision(StrEnum):
    """The arithmetic of the matrix products; weights, optimizer and loss are float32 in both."""

    FLOAT32 = "float32"
    MIXED_BFLOAT16 = "mixed_bfloat16"


class NoiseOn(StrEnum):
    """The images that get the noise. The others stay clean."""

    BOTH = "both"
    TRAIN = "train"
    VALIDATION = "validation"


Number = TypeVar("Number", bound=float)


def refuse_repeats(values: list[Number]) -> list[Number]:
    """Return the values as they came; raise ValueError naming those that stand more than once."""
    repeated = [str(value) for value, count in Counter(values).items() if count > 1]
    if repeated:
        raise ValueError(f"each value may stand once, and {', '.join(repeated)} is repeated")
    return values


Scale = Annotated[
    float,
    Field(
        ge=0,
        le=1000,
        allow_inf_nan=False,
        description="Standard deviation of the Gaussian noise, in units of the pixel range [0, 1]. 0 is clean.",
        examples=[0.5],
    ),
    AfterValidator(abs),  # -0.0 passes as 0 and is printed as such
]


def as_integer(value: object) -> object:
    """Convert whole floats to integers: JSON has one number type, so 20.0 is the integer 20."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Integer = Annotated[int, BeforeValidator(as_integer)]
Seed = Annotated[
    int,
    Field(
        ge=0,
        le=MAX_SEED,
        description="Fixes every draw of a run: noise, initial weights, shuffling, dropout. "
        "Runs of one seed differ in their scale alone.",
        examples=[0],
    ),
    BeforeValidator(as_integer),  # the last: else the bounds are missing in the schema
]


class TrainingConfig(BaseModel):
    """The config that all runs of a sweep share. Its defaults are the notebook's (README, "Where it is from")."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    dataset: DatasetSlug = Field(
        default="mnist",
        description="The images to train and to validate on; GET /datasets describes each.",
        examples=["mnist"],
    )
    epochs: Integer = Field(
        default=20, ge=1, le=MAX_EPOCHS, description="Passes over the training images.", examples=[20]
    )
    batch_size: Integer = Field(
        default=128,
        ge=1,
        le=10_000,
        description="Images in a minibatch; the last one of an epoch may be shorter.",
        examples=[128],
    )
    hidden_units: list[Annotated[int, Field(ge=1, le=4096), BeforeValidator(as_integer)]] = Field(
        default=[512, 512],
        min_length=1,
        max_length=8,
        description="Units of each hidden layer, each 1 to 4096, from the input to the output. The service limits "
        "the number of parameters.",
        examples=[[512, 512]],
    )
    dropout: float = Field(
        default=0.2,
        ge=0,
        lt=1,
        allow_inf_nan=False,
        description="Fraction of a hidden layer's outputs set to zero in training, in [0, 1).",
        examples=[0.2],
    )
    learning_rate: float = Field(
        default=0.001,
        gt=0,
        le=1,
        allow_inf_nan=False,
        description="Step size of RMSprop, in (0, 1].",
        examples=[0.001],
    )
    precision: Precision = Field(
        default=Precision.FLOAT32,
        strict=False,  # JSON has no enums: the name is what a client can send
        description="Arithmetic of the matrix products. mixed_bfloat16 is faster where the device has it; weights, "
        "optimizer and loss stay float32.",
        examples=["float32"],
    )

    noise_on: NoiseOn = Field(
        default=NoiseOn.BOTH,
        strict=False,
        description="Which images get the noise: both the training and the validation images, or one of the two.",
        examples=["both"],
    )
    clip: bool = Field(
        default=False,
        description="Clip noisy pixels to [0, 1]. Without, they leave it, as they did in the notebook.",
        examples=[False],
    )
    resample: bool = Field(
        default=False,
        description="Draw new training noise in every epoch, instead of once per image.",
        examples=[False],
    )

    @property
    def config(self) -> "TrainingConfig":
        """The TrainingConfig alone, without what a request adds to it."""
        return TrainingConfig.model_validate(self.model_dump(include=set(TrainingConfig.model_fields)))

    def validation_scale(self, scale: float) -> float:
        """The noise on the validation images of a run at a scale."""
        return 0.0 if self.noise_on is NoiseOn.TRAIN else scale

    def training_scale(self, scale: float) -> float:
        """The noise on its training images."""
        return 0.0 if self.noise_on is NoiseOn.VALIDATION else scale
