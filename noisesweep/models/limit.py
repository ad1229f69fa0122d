"""Response bodies for the best possible accuracy on a data set."""

from pydantic import BaseModel, ConfigDict, Field

from noisesweep.models.config import Scale
from noisesweep.models.datasets import DatasetSlug


class Ends(BaseModel):
    """Both ends for the best possible accuracy at one scale, on images drawn like the training images."""

    model_config = ConfigDict(frozen=True)

    scale: Scale
    lower: float = Field(
        description="Lower end: accuracy of the ideal observer on training images, each left out of its templates.",
        examples=[0.587],
    )
    upper: float = Field(
        description="Upper end: mean of its largest posterior on training images, with all templates.",
        examples=[0.61],
    )
    upper_error: float = Field(description="Standard error of `upper`.", examples=[0.002])
    held_out: float = Field(
        description="Accuracy of the ideal observer on the validation images. It differs from `lower` as far as these "
        "images differ from the training images.",
        examples=[0.599],
    )


class DatasetLimit(BaseModel):
    """The best possible accuracy on a data set with Gaussian noise, by scale."""

    dataset: DatasetSlug
    clip: bool = Field(description="Whether noisy pixels are clipped to [0, 1].", examples=[False])
    images: int = Field(description="Number of training images that the ends were measured on.", examples=[10_000])
    chance: float = Field(
        description="Accuracy of always naming the commonest class of the validation images.", examples=[0.1135]
    )
    ends: list[Ends] = Field(
        description="Ends at each scale. Between the scales of the measured table, they are interpolated; outside it, "
        "they are those of its first or last scale."
    )
