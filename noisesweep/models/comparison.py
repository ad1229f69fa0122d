"""Comparison of two sweeps, in numbers and in words."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from noisesweep.models.config import Scale
from noisesweep.models.statistics import Bounds, Fraction, Interval
from noisesweep.models.text import Shown


class DifferenceMethod(StrEnum):
    """Method of the interval of a difference.

    STUDENT: Student's t over the differences of several seeds.
    TANGO: score interval of one seed, paired image by image.
    NEWCOMBE: interval of one seed as if its images were different ones, because it is unknown which images were right.
    """

    STUDENT = "student"
    TANGO = "tango"
    NEWCOMBE = "newcombe"


class ScaleDifference(BaseModel):
    """Validation accuracies of sweeps A and B at one scale, over the seeds that have succeeded in both."""

    model_config = ConfigDict(frozen=True)

    scale: Scale
    first: Fraction = Field(description="Mean val_accuracy of sweep A over the common seeds.", examples=[0.413])
    second: Fraction = Field(description="Mean val_accuracy of sweep B over the common seeds.", examples=[0.519])
    difference: Interval = Field(description="val_accuracy of B minus val_accuracy of A, computed for each seed.")
    method: DifferenceMethod | None = Field(
        description="Method of the interval of `difference`. student: Student's t over the seeds. tango: one seed, "
        "paired image by image (Tango 1998). newcombe: one seed, as if A and B had other images (Newcombe 1998), which "
        "is wider; used if it is unknown which images were right. Null without an interval.",
        examples=["student"],
    )
    seeds_and_images: Bounds | None = Field(
        description="Interval of the mean difference for other seeds and other images of the same kind. Null for one "
        "seed, if it is unknown which images were right, or if all seeds have the same difference."
    )
    simultaneous: Bounds | None = Field(
        description="Interval of the mean difference over all seeds. Those of all scales contain their means at the "
        "same time, with a probability of 95 %. Null for fewer than four seeds, or if all seeds have the same "
        "difference."
    )


class ScaleRatio(BaseModel):
    """Ratio of the scales at which both sweeps fall to one accuracy, over the seeds with complete curves in both."""

    model_config = ConfigDict(frozen=True)

    level: Fraction = Field(description="The accuracy: half-way from 1 to chance, 1 / classes.", examples=[0.55])
    first: float = Field(description="Scale at which A falls to the level: geometric mean over seeds.", examples=[1.54])
    second: float = Field(
        description="Scale at which B falls to the level: geometric mean over seeds.", examples=[1.85]
    )
    ratio: Interval = Field(
        description="Scale of B divided by scale of A, computed for each seed: geometric mean over seeds. Its interval "
        "is Student's for the logarithm."
    )


class AreaDifference(BaseModel):
    """Normalized areas under val_accuracy over log(scale), over the seeds with complete curves in both sweeps."""

    model_config = ConfigDict(frozen=True)

    from_scale: Scale = Field(description="Smallest positive common scale.", examples=[0.1])
    to_scale: Scale = Field(description="Largest common scale.", examples=[4.0])
    first: Interval = Field(description="Area of sweep A.")
    second: Interval = Field(description="Area of sweep B.")
    difference: Interval = Field(description="Area of B minus area of A, computed for each seed.")


class Comparison(BaseModel):
    """Comparison of sweeps A and B, from the runs that have succeeded in both at the same scale and seed."""

    sweep_ids: Annotated[list[str], Field(min_length=2, max_length=2)] = Field(
        description="Ids of sweep A and sweep B.", examples=[["5f0c6a1e9b3d2748", "93c1e55d0a7f4b26"]]
    )
    differing_settings: list[str] = Field(
        description="Training options in which the sweeps differ.", examples=[["resample"]]
    )
    name: Shown = Field(description="Name of the difference B - A.", examples=["gain from fresh noise"])
    sentence: Shown = Field(
        description="The comparison in plain English. It claims a difference only if an interval leaves out no "
        "difference.",
        examples=["With fresh noise the network takes 1.20 times the noise (1.18 to 1.22; 5 seeds)."],
    )
    scales: list[ScaleDifference] = Field(description="Differences at the common scales, ascending.")
    ratio: ScaleRatio | None = Field(
        description="Ratio of scales at a common level. Null if a curve does not cross the level, or if no seed has "
        "succeeded at all common scales. `remarks` gives the reason."
    )
    area: AreaDifference | None = Field(
        description="Areas over the common scales. Null with fewer than two positive ones, or if no seed has succeeded "
        "at all of them. `remarks` gives the reason."
    )
    method: Shown = Field(
        description="Methods and targets of the confidence intervals.",
        examples=["95 % intervals for the mean over all seeds, on these validation images: Student's t over 5 seeds"],
    )
    remarks: list[Shown] = Field(description="What the comparison leaves out or mixes, and how to get more.")
