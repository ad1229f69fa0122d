"""What a client sends. The models are strict: `"20"` is no number of epochs and `true` is no scale."""

from collections import Counter
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

MAX_SCALES = 64
MAX_RUNS = 256
MAX_EPOCHS = 200
MAX_SEED = 2**32 - 1
# A checkpoint holds each twice in four bytes, and stays far below what Redis takes as one value (512 MB).
MAX_PARAMETERS = 20_000_000


class DatasetName(StrEnum):
    """The data sets that a run can train on."""

    MNIST = "mnist"
    DIGITS = "digits"


class Precision(StrEnum):
    """The arithmetic of the matrix products; weights, optimizer and loss are float32 in both."""

    FLOAT32 = "float32"
    MIXED_BFLOAT16 = "mixed_bfloat16"


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
    """JSON has one kind of number, and its 20.0 is the integer 20; anything else stays as it came."""
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
TagKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.-]{1,32}$")]
TagValue = Annotated[str, StringConstraints(min_length=1, max_length=64)]
# The pattern lets the schema say, too, that blanks alone are no name.
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"\S")]


class TrainingConfig(BaseModel):
    """What every run of a sweep has in common. The defaults are those of the notebook (README, "Where it is from")."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    dataset: DatasetName = Field(
        default=DatasetName.MNIST,
        strict=False,  # JSON has no enums: the name is what a client can send
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
        description="Units of each hidden layer, each 1 to 4096, from the input to the output; "
        f"at most {MAX_PARAMETERS:,} parameters in all.",
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
        strict=False,
        description="Arithmetic of the matrix products. mixed_bfloat16 is faster where the device has it; weights, "
        "optimizer and loss stay float32.",
        examples=["float32"],
    )

    @model_validator(mode="after")
    def _fits_a_checkpoint(self) -> Self:
        if self.parameters > MAX_PARAMETERS:
            raise ValueError(
                f"hidden_units {self.hidden_units} make {self.parameters:,} parameters; at most {MAX_PARAMETERS:,}"
            )
        return self

    @property
    def parameters(self) -> int:
        """Kernels and biases of the network, from 784 pixels to 10 classes; 669,706 by default."""
        return sum((inputs + 1) * units for inputs, units in pairwise([784, *self.hidden_units, 10]))

    @property
    def config(self) -> "TrainingConfig":
        """The TrainingConfig alone, without what a request adds to it."""
        return TrainingConfig.model_validate(self.model_dump(include=set(TrainingConfig.model_fields)))


class TrainingRequest(TrainingConfig):
    """What both requests may say beside the config."""

    name: Name | None = Field(default=None, description="A name for people.", examples=["week 3, group B"])
    tags: dict[TagKey, TagValue] = Field(
        default={},
        max_length=16,
        json_schema_extra={"additionalProperties": False},
        description="Up to 16 labels to find it by: keys of 1 to 32 characters of a-z 0-9 _ . -, values of 1 to 64.",
        examples=[{"course": "ml-101", "group": "b"}],
    )
    keep_model: bool = Field(
        default=False,
        description="Keep each run's trained network for some days, as a Keras model at /runs/{id}/model. The model "
        "computes in float32, so that it meets the val_accuracy of a mixed_bfloat16 run only to within rounding.",
        examples=[False],
    )


class SweepRequest(TrainingRequest):
    """The body of POST /sweeps: a grid of scales x seeds over one TrainingConfig."""

    scales: Annotated[list[Scale], AfterValidator(refuse_repeats)] = Field(
        min_length=1,
        max_length=MAX_SCALES,
        json_schema_extra={"uniqueItems": True},
        description=f"The noise scales to train at: 1 to {MAX_SCALES} different ones.",
        examples=[[0.1, 0.5, 1.0, 2.0, 4.0]],
    )
    seeds: Annotated[list[Seed], AfterValidator(refuse_repeats)] = Field(
        default=[0],
        min_length=1,
        max_length=MAX_RUNS,
        json_schema_extra={"uniqueItems": True},
        description=f"Each scale is trained once per seed; scales x seeds give at most {MAX_RUNS} runs.",
        examples=[[0]],
    )

    @model_validator(mode="after")
    def _fits_one_sweep(self) -> Self:
        runs = len(self.scales) * len(self.seeds)
        if runs > MAX_RUNS:
            raise ValueError(
                f"{len(self.scales)} scales x {len(self.seeds)} seeds are {runs} runs; a sweep has at most {MAX_RUNS}"
            )
        return self

    def grid(self) -> list[tuple[float, int]]:
        """(scale, seed) of every run, by index. Runs of one seed stand together: they can share a stack."""
        return [(scale, seed) for seed in self.seeds for scale in self.scales]


class RunRequest(TrainingRequest):
    """The body of POST /runs: one training, which is a sweep of one run."""

    scale: Scale
    seed: Seed = 0

    def as_sweep(self) -> SweepRequest:
        """The sweep of one that this run is."""
        return SweepRequest(
            scales=[self.scale],
            seeds=[self.seed],
            name=self.name,
            tags=self.tags,
            keep_model=self.keep_model,
            **self.config.model_dump(),
        )
