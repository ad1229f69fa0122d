"""Training config. The models are strict: they reject `"20"` as a number of epochs and `true` as a scale."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from noisesweep.models.datasets import DatasetFacts, DatasetSlug
from noisesweep.models.float32 import DROPOUT_STEP, SMALLEST, as_dropout, as_float32, format_number, zero_or
from noisesweep.models.networks import Model, MultilayerPerceptron, as_integer
from noisesweep.models.noise_kinds import NoiseKind

MAX_EPOCHS = 200
MAX_SEED = 2**32 - 1


class Precision(StrEnum):
    """Arithmetic of the matrix products. Weights, optimizer and loss are float32 in both cases."""

    FLOAT32 = "float32"
    MIXED_BFLOAT16 = "mixed_bfloat16"


class NoiseOn(StrEnum):
    """Images that get noise. The others stay clean."""

    BOTH = "both"
    TRAIN = "train"
    VALIDATION = "validation"


class Keep(StrEnum):
    """Epoch whose weights are evaluated and kept: the last one, or the one with the smallest loss on the holdout."""

    LAST = "last"
    BEST = "best"


def reject_duplicates(values: Sequence[Any], validate: ValidatorFunctionWrapHandler) -> list[Any]:
    """Check a list, and raise ValueError if two of its values are equal after validation.

    The message names values as they were received, because different ones can be equal, for example two scales whose
    float32 is the same.
    """
    valid: list[Any] = validate(values)
    received: dict[Any, list[str]] = {}
    for value, original in zip(valid, values, strict=True):
        received.setdefault(value, []).append(str(original))
    faults = [_describe_duplicates(value, texts) for value, texts in received.items() if len(texts) > 1]
    if faults:
        raise ValueError(f"expected different values, received {'; '.join(faults)}")
    return valid


def _describe_duplicates(value: object, texts: list[str]) -> str:
    different = list(dict.fromkeys(texts))
    if len(different) == 1:
        return f"{different[0]} more than once"
    equal = f"{format_number(value)} in float32" if isinstance(value, float) else str(value)
    return f"{' and '.join(different)}, which equal {equal}"


Scale = Annotated[
    float,
    Field(
        ge=0,
        le=1000,
        allow_inf_nan=False,
        json_schema_extra=zero_or(minimum=SMALLEST),
        description="Size of the noise; for Gaussian noise its standard deviation, in units of the pixel range [0, 1]. "
        "GET /noise/kinds describes the other kinds. 0 means no noise. Rounded to float32, and shown as its shortest "
        "decimal.",
        examples=[0.5],
    ),
    AfterValidator(as_float32),
]
_Tests = dict[NoiseKind, list[float]]
TestScales = Annotated[
    list[Scale],
    WrapValidator(reject_duplicates),
    Field(min_length=1, max_length=16, json_schema_extra={"uniqueItems": True}, description="Scales to test at."),
]
Dropout = Annotated[
    float,
    Field(
        ge=0,
        lt=1,
        allow_inf_nan=False,
        json_schema_extra=zero_or(minimum=DROPOUT_STEP, maximum=1 - DROPOUT_STEP),
        description="Fraction of each hidden layer's outputs that training sets to zero, in [0, 1). Rounded to a "
        "multiple of 1 / 65536, and shown as its shortest decimal.",
        examples=[0.2],
    ),
    AfterValidator(as_dropout),
]
LearningRate = Annotated[
    float,
    Field(
        gt=0,
        le=1,
        allow_inf_nan=False,
        json_schema_extra={"minimum": SMALLEST},
        description="Step size of RMSprop, in (0, 1]. Rounded to float32, and shown as its shortest decimal.",
        examples=[0.001],
    ),
    AfterValidator(as_float32),
]


Integer = Annotated[int, BeforeValidator(as_integer)]
Seed = Annotated[
    int,
    Field(
        ge=0,
        le=MAX_SEED,
        description="Seed of all random numbers of a run: noise, initial weights, shuffling and dropout. "
        "Runs with the same seed differ only in their scale.",
        examples=[0],
    ),
    BeforeValidator(as_integer),  # must come last: otherwise the JSON schema lacks the bounds
]


class TrainingConfig(BaseModel):
    """Training options shared by all runs of a sweep.

    The defaults are those of the original notebook (docs/explanation/science.md). `hidden_units` is accepted instead of
    `model`, for a multilayer perceptron.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    dataset: DatasetSlug = Field(
        default="mnist",
        description="Data set to train and validate on. GET /datasets lists the available ones.",
        examples=["mnist"],
    )
    own_dataset: DatasetFacts | None = Field(
        default=None,
        description="Content of a data set that was added to the service, filled in by the service; null for a "
        "built-in data set.",
        examples=[None],
    )
    epochs: Integer = Field(
        default=20, ge=1, le=MAX_EPOCHS, description="Number of passes over the training images.", examples=[20]
    )
    batch_size: Integer = Field(
        default=128,
        ge=1,
        le=10_000,
        description="Images per minibatch. The last minibatch of an epoch may be smaller.",
        examples=[128],
    )
    model: Model = MultilayerPerceptron(kind="mlp")
    dropout: Dropout = 0.2
    learning_rate: LearningRate = 0.001
    precision: Precision = Field(
        default=Precision.FLOAT32,
        strict=False,  # clients send the name, because JSON has no enums
        description="Arithmetic of the matrix products. mixed_bfloat16 is faster on devices that support it. Weights, "
        "optimizer and loss stay float32.",
        examples=["float32"],
    )

    noise: NoiseKind = Field(
        default=NoiseKind.GAUSSIAN,
        strict=False,
        description="Kind of noise. GET /noise/kinds describes each one, and the scales that it accepts.",
        examples=["gaussian"],
    )
    test_noise: dict[Annotated[NoiseKind, Field(strict=False)], TestScales] = Field(
        default={},
        max_length=len(NoiseKind) - 1,
        description="Other kinds of noise to test the trained networks with, each with 1 to 16 scales. They have the "
        "same random numbers as the noise of the run.",
        examples=[{"shot": [0.3, 1.0]}],
    )
    noise_on: NoiseOn = Field(
        default=NoiseOn.BOTH,
        strict=False,
        description="Images that get noise: training images, validation images, or both.",
        examples=["both"],
    )
    clip: bool = Field(
        default=False,
        description="Clip noisy pixels to [0, 1]. The original notebook did not clip.",
        examples=[False],
    )
    resample: bool = Field(
        default=False,
        description="Draw new training noise in every epoch. By default, each image keeps the same noise in all "
        "epochs.",
        examples=[False],
    )

    holdout: Integer = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="Number of training images to hold out, the same for all seeds. Every epoch is then validated on "
        "them, and the test images are used once, when the run ends. 0 validates on the test images, as in the "
        "original notebook. GET /datasets has the number of training images, of which at most half can be held out.",
        examples=[0],
    )
    keep: Keep = Field(
        default=Keep.LAST,
        strict=False,
        description="Epoch whose weights are evaluated and kept: the last one, or the best one, which has the smallest "
        "loss on the holdout. best needs a holdout.",
        examples=["last"],
    )
    patience: Annotated[int, Field(ge=1, le=MAX_EPOCHS), BeforeValidator(as_integer)] | None = Field(
        default=None,
        description="End a run after this number of epochs in a row without a smaller loss on the holdout. It needs a "
        "holdout. null trains all epochs.",
        examples=[None],
    )

    @model_validator(mode="before")
    @classmethod
    def _accept_hidden_units(cls, fields: Any) -> Any:  # noqa: ANN401 - not validated yet
        if not isinstance(fields, dict) or "hidden_units" not in fields:
            return fields
        if "model" in fields:
            raise ValueError("expected model or hidden_units, received both")
        others = {name: value for name, value in fields.items() if name != "hidden_units"}
        given = {"kind": "mlp", "hidden_units": fields["hidden_units"]}
        return others | {"model": MultilayerPerceptron.model_validate(given)}

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Add `hidden_units` to the schema of requests, and leave out what the service fills in."""
        schema = super().__get_pydantic_json_schema__(core_schema, handler)
        if handler.mode == "validation":
            fields = handler.resolve_ref_schema(schema)
            units = MultilayerPerceptron.model_json_schema()["properties"]["hidden_units"]
            fields["properties"]["hidden_units"] = units | {
                "description": 'Short for `model` {"kind": "mlp", "hidden_units": [...]}. ' + units["description"],
            }
            either = {"not": {"required": ["model", "hidden_units"]}}
            del fields["properties"]["own_dataset"]
            fields["allOf"] = [*fields.get("allOf", []), either]
        return schema

    @field_validator("test_noise")
    @classmethod
    def _check_test_noise(cls, tests: _Tests, info: ValidationInfo) -> _Tests:
        own = info.data.get("noise")
        if own in tests:
            raise ValueError(f"expected other kinds than the noise of the sweep, received {own}: add scales instead")
        for kind, scales in tests.items():
            for scale in scales:
                kind.check(scale)
        return tests

    @field_validator("keep", "patience")
    @classmethod
    def _needs_holdout(cls, value: Keep | int | None, info: ValidationInfo) -> Keep | int | None:
        if value not in (Keep.LAST, None) and info.data.get("holdout") == 0:
            raise ValueError(
                f"expected a holdout with {info.field_name}, received holdout 0: without one, the epoch would be "
                "selected on the test images, and their accuracy would be too high"
            )
        return value

    @property
    def config(self) -> "TrainingConfig":
        """Return only the training options, without the other fields of a request."""
        return TrainingConfig.model_validate(self.model_dump(include=set(TrainingConfig.model_fields)))

    @property
    def final_images(self) -> str:
        """Return which images a trained network is judged by: "validation", or with a holdout "test"."""
        return "test" if self.holdout else "validation"

    def validation_scale(self, scale: float) -> float:
        """Return the scale of the noise on the validation images of a run with this scale."""
        return 0.0 if self.noise_on is NoiseOn.TRAIN else scale

    def training_scale(self, scale: float) -> float:
        """Return the scale of the noise on the training images of a run with this scale."""
        return 0.0 if self.noise_on is NoiseOn.VALIDATION else scale
