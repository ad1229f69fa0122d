"""Response bodies of noise previews."""

from enum import IntEnum, StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from noisesweep.models.config import Seed
from noisesweep.models.datasets import DatasetSlug
from noisesweep.models.float32 import SMALLEST, as_float32, zero_or
from noisesweep.models.links import Link
from noisesweep.models.noise_kinds import NoiseKind

# 1000 times the larger pixel range, 255.
MAX_PIXEL_SCALE = 255_000

PixelScale = Annotated[
    float,
    Field(
        ge=0,
        le=MAX_PIXEL_SCALE,
        allow_inf_nan=False,
        json_schema_extra=zero_or(minimum=SMALLEST),
        description="Size of the noise; for Gaussian noise its standard deviation, in units of `pixel_range`. 0 means "
        "no noise. Rounded to float32, and shown as its shortest decimal.",
        examples=[0.5],
    ),
    AfterValidator(as_float32),
]


class Images(StrEnum):
    """Part of a data set. Each part has its own noise."""

    TRAINING = "training"
    VALIDATION = "validation"


class PixelRange(IntEnum):
    """Pixel value of white. Black is 0."""

    ONE = 1
    BYTE = 255


class NoisyImage(BaseModel):
    """Selected pixels of an image with noise of one kind and scale."""

    kind: NoiseKind = Field(description="Kind of noise.", examples=["gaussian"])
    scale: PixelScale
    noise: list[list[float]] = Field(
        description="Change of each pixel before clipping; for Gaussian noise the scale times a standard normal random "
        "number.",
        examples=[[[0.03, -0.12]]],
    )
    noisy: list[list[float]] = Field(
        description="Pixels that a network receives: clean + noise, clipped if `clip` is true.",
        examples=[[[0.03, 0.37]]],
    )


class NoiseSample(BaseModel):
    """Selected pixels of an image: rows from top to bottom, each from left to right."""

    index: int = Field(ge=0, description="Index among the training or validation images, from 0.", examples=[59_999])
    label: int = Field(ge=0, description="Label of the image.", examples=[8])
    class_name: str = Field(description="Name of the label's class.", examples=["8"])
    clean: list[list[float]] = Field(description="Pixels without noise.", examples=[[[0.0, 0.49]]])
    scales: list[NoisyImage] = Field(description="The same pixels with noise, one entry per kind and scale.")


class NoiseStatistics(BaseModel):
    """Statistics of the noise of one kind and scale, over all pixels of the selected images."""

    kind: NoiseKind = Field(description="Kind of noise.", examples=["gaussian"])
    scale: PixelScale
    mean: float = Field(description="Mean of the noise.", examples=[-0.0004])
    standard_deviation: float = Field(
        ge=0,
        description="Standard deviation of the noise; close to the scale for Gaussian and uniform noise.",
        examples=[0.4987],
    )
    signal_to_noise_db: float | None = Field(
        description="10 log10(mean of clean^2 / mean of noise^2), in decibels; null if either mean is 0.",
        examples=[-3.9],
    )
    outside_range: float = Field(
        ge=0,
        le=1,
        description="Fraction of the pixels of clean + noise below 0 or above pixel_range. Clipping changes these.",
        examples=[0.4507],
    )


class NoiseSamples(BaseModel):
    """Images with the same noise as in the runs of a seed."""

    dataset: DatasetSlug = Field(description="Name of the data set.", examples=["mnist"])
    images: Images = Field(description="Part of the data set: training or validation images.", examples=["training"])
    seed: Seed
    clip: bool = Field(description="True if the noisy pixels are clipped to the pixel range.", examples=[False])
    pixel_range: PixelRange = Field(description="Pixel value of white. All values use this unit.", examples=[1])
    samples: list[NoiseSample] = Field(description="One entry per requested index, in that order.")
    statistics: list[NoiseStatistics] = Field(description="One entry per requested kind and scale, in that order.")


class RmsChange(BaseModel):
    """Size of the change that noise of one scale makes."""

    scale: float = Field(ge=0, description="The scale.", examples=[0.5])
    change: float = Field(
        ge=0, description="Root mean square of the change of a pixel, before clipping, in [0, 1] units.", examples=[0.2]
    )


class NoiseKindInfo(BaseModel):
    """Description of a kind of noise."""

    name: NoiseKind = Field(description="Name of the kind.", examples=["shot"])
    formula: str = Field(description="Noisy pixel; see `symbols`.", examples=["s^2 Poisson(x / s^2)"])
    scale_meaning: str = Field(
        description="Meaning of the scale.", examples=["Share of the pixels that become black or white"]
    )
    remark: str = Field(description="Property of the kind that may mislead.", examples=["Black pixels stay black."])
    minimum_scale: float = Field(
        ge=0, description="Smallest valid scale except 0, which is always valid.", examples=[0.05]
    )
    maximum_scale: float = Field(gt=0, description="Largest valid scale.", examples=[1000])
    imagenet_c_scales: list[float] = Field(
        description="Scales of the five severities of ImageNet-C, which clips; empty if it has no such noise.",
        examples=[[0.129, 0.2, 0.289, 0.447, 0.577]],
    )
    rms_changes: list[RmsChange] = Field(description="Change of the first 100 training images, by scale.")
    example: Link = Field(
        description="Address of a picture with noise of this kind.", examples=["/noise/plot?dataset=mnist&noise=shot"]
    )


class NoiseKindList(BaseModel):
    """Kinds of noise."""

    dataset: DatasetSlug = Field(description="Data set of `rms_changes` and `example`.", examples=["mnist"])
    symbols: dict[str, str] = Field(description="Meaning of the symbols in the formulas.", examples=[{"s": "scale"}])
    kinds: list[NoiseKindInfo] = Field(description="One entry per kind.")
