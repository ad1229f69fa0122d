"""Response bodies of noise previews."""

from enum import IntEnum, StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from noisesweep.models.config import DatasetSlug, Seed

# A thousand times the range of the pixels, in either unit.
MAX_PIXEL_SCALE = 255_000

PixelScale = Annotated[
    float,
    Field(
        ge=0,
        le=MAX_PIXEL_SCALE,
        allow_inf_nan=False,
        description="Standard deviation of the Gaussian noise, in the unit of `pixel_range`. 0 is clean.",
        examples=[0.5],
    ),
    AfterValidator(abs),  # -0.0 passes as 0 and is printed as such
]


class Images(StrEnum):
    """The two sides of a data set, each with noise of its own."""

    TRAINING = "training"
    VALIDATION = "validation"


class PixelRange(IntEnum):
    """The value of white; black is 0."""

    ONE = 1
    BYTE = 255


class NoisyImage(BaseModel):
    """The selected pixels of an image with the noise of one scale."""

    scale: PixelScale
    noise: list[list[float]] = Field(description="scale times a standard normal number.", examples=[[[0.03, -0.12]]])
    noisy: list[list[float]] = Field(
        description="What a network sees: clean + noise, clipped if that was asked for.", examples=[[[0.03, 0.37]]]
    )


class NoiseSample(BaseModel):
    """The selected pixels of an image: rows from the top, each from the left."""

    index: int = Field(ge=0, description="Its place among the images, from 0.", examples=[59_999])
    label: int = Field(ge=0, description="What the image shows, as the network is to say it.", examples=[8])
    class_name: str = Field(description="What the label stands for.", examples=["8"])
    clean: list[list[float]] = Field(description="The pixels as published.", examples=[[[0.0, 0.49]]])
    scales: list[NoisyImage] = Field(description="With noise, scale by scale.")


class NoiseStatistics(BaseModel):
    """The noise of one scale, over all pixels of the chosen images."""

    scale: PixelScale
    mean: float = Field(description="Mean of the noise.", examples=[-0.0004])
    standard_deviation: float = Field(
        ge=0, description="Of the noise, about that mean; near the scale.", examples=[0.4987]
    )
    signal_to_noise_db: float | None = Field(
        description="10 log10(mean of clean^2 / mean of noise^2), in decibels; null where either mean is 0.",
        examples=[-3.9],
    )
    outside_range: float = Field(
        ge=0,
        le=1,
        description="Share of the pixels of clean + noise below 0 or above pixel_range, which clipping would change.",
        examples=[0.4507],
    )


class NoiseSamples(BaseModel):
    """Images with the noise that a run of the seed has on them."""

    dataset: DatasetSlug = Field(description="The data set.", examples=["mnist"])
    images: Images = Field(description="Which of its images.", examples=["training"])
    seed: Seed
    clip: bool = Field(description="Whether the noisy pixels are clipped to the range.", examples=[False])
    pixel_range: PixelRange = Field(description="What white is; all numbers are in this unit.", examples=[1])
    samples: list[NoiseSample] = Field(description="One for each index asked for, in that order.")
    statistics: list[NoiseStatistics] = Field(description="One for each scale asked for, in that order.")
