"""Statistics of the succeeded runs of a sweep."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, computed_field

from noisesweep.models.config import Scale
from noisesweep.models.noise_kinds import NoiseKind
from noisesweep.models.text import Shown

Fraction = Annotated[float, Field(ge=0, le=1)]


class Gaps(BaseModel):
    """Accuracy of a run's trained network on training images: with noise that it has trained on, and with fresh noise.

    Both are measured without dropout, on the same images: the first 10,000 of the first epoch, or all if there are
    fewer. If training and validation images have noise of the same scale, `training` - `fresh` is the part of the
    accuracy that comes from noise learned by heart. `fresh` - `val_accuracy` is the part that comes from images learned
    by heart.
    """

    model_config = ConfigDict(frozen=True)

    training: Fraction = Field(
        description="Accuracy on training images with the noise that they had in the first epoch, at the run's "
        "training scale. Without `resample`, they have this noise in all epochs.",
        examples=[0.998],
    )
    fresh: Fraction = Field(
        description="Accuracy on the same images with noise that the network has never seen, at the run's validation "
        "scale.",
        examples=[0.384],
    )


class OtherNoise(BaseModel):
    """Accuracy of a run's trained network with noise of another kind, in place of the run's own noise."""

    model_config = ConfigDict(frozen=True)

    noise: NoiseKind = Field(description="Kind of noise on the validation images.", examples=["shot"])
    scale: Scale
    val_accuracy: Fraction = Field(description="Fraction of correctly classified validation images.", examples=[0.63])


class Evaluation(BaseModel):
    """Evaluation of a run's trained network on the validation images, or with a holdout on the test images.

    The noise is the validation noise of the run's seed, multiplied by each test scale. It is clipped if the run's
    config says so.
    """

    model_config = ConfigDict(frozen=True)

    test_scales: list[Scale] = Field(description="0 and the scales of the sweep, ascending.")
    val_accuracy: list[Fraction] = Field(
        description="Fraction of correctly classified validation images, by test scale.",
    )
    other_noise: list[OtherNoise] = Field(
        default=[], description="Accuracies with the other kinds of noise of `test_noise`."
    )
    confusion: list[list[int]] = Field(
        description="Confusion matrix at the run's own validation scale: number of images by true class (row) and "
        "predicted class (column).",
    )
    correct: str | None = Field(
        default=None,
        description="Whether each validation image was classified correctly at the run's own validation scale: one "
        "bit per image in their order, most significant bit first, padded with zeros to bytes, as base64. Null for "
        "runs of older versions.",
        examples=["9/+A"],
    )
    correct_clean: str | None = Field(
        default=None, description="The same at scale 0. Null for runs of older versions.", examples=["//+A"]
    )

    gaps: Gaps | None = Field(
        default=None, description="Accuracies on training images; null for runs of older versions."
    )

    @computed_field(description="Fraction of correctly classified images, by class.")  # type: ignore[prop-decorator]
    @property
    def class_accuracy(self) -> list[Fraction]:
        """Return the fraction of correctly classified images by class: diagonal of `confusion` / row sums."""
        return [row[label] / (sum(row) or 1) for label, row in enumerate(self.confusion)]


class IntervalTarget(StrEnum):
    """Target of a 95 % confidence interval.

    SEEDS: the mean over all seeds, measured on these images.
    IMAGES: these networks, measured on other images of the same kind.
    SEEDS_AND_IMAGES: the mean over all seeds, measured on other images of the same kind.
    """

    SEEDS = "seeds"
    IMAGES = "images"
    SEEDS_AND_IMAGES = "seeds_and_images"


class Bounds(BaseModel):
    """Lower and upper end of a confidence interval."""

    model_config = ConfigDict(frozen=True)

    low: float = Field(description="Lower end of the interval.", examples=[0.7477])
    high: float = Field(description="Upper end of the interval.", examples=[0.7625])


class Interval(BaseModel):
    """Mean over seeds with its two-sided 95 % confidence interval.

    The interval of an accuracy stays within 0 and 1. `docs/explanation/science.md` has the formulas.
    """

    model_config = ConfigDict(frozen=True)

    mean: float = Field(description="Mean over the seeds.", examples=[0.7552])
    low: float | None = Field(
        default=None,
        description="Lower end of the interval. Null for one seed, except for validation accuracies. Null if all seeds "
        "have the same value, because their spread is then unknown.",
        examples=[0.7506],
    )
    high: float | None = Field(
        default=None, description="Upper end of the interval; null if `low` is.", examples=[0.7598]
    )
    seeds: int = Field(ge=1, description="Number of seeds.", examples=[5])
    target: IntervalTarget | None = Field(
        default=None,
        description="What the interval is about. seeds: the mean over all seeds, on these validation images. images: "
        "these networks, on other images of the same kind. seeds_and_images: both. Null without an interval.",
        examples=["seeds"],
    )


class ScaleFigures(BaseModel):
    """Statistics of a scale's succeeded runs, at their last epoch or at the one that they have kept."""

    model_config = ConfigDict(frozen=True)

    scale: Scale
    accuracy: Interval = Field(description="Training accuracy.")
    val_accuracy: Interval = Field(description="Validation accuracy; with a holdout the accuracy on the test images.")
    noise_gap: Interval | None = Field(
        description="Accuracy on training images with the noise that the networks have trained on, minus that with "
        "fresh noise, computed for each seed without dropout: how much of the noise they have learned by heart. Null "
        "if training and validation noise differ, and for runs of older versions."
    )
    image_gap: Interval | None = Field(
        description="Accuracy on training images with fresh noise, minus val_accuracy, computed for each seed: how "
        "much of the images they have learned by heart. Null for runs of older versions."
    )
    seeds_and_images: Bounds | None = Field(
        description="Interval of the mean of val_accuracy over all seeds on other images of the same kind. Null for "
        "one seed, if all seeds have the same value, and for runs of older versions."
    )
    simultaneous: Bounds | None = Field(
        description="Interval of the mean of val_accuracy over all seeds. The intervals of all scales of the sweep "
        "contain their means at the same time, with a probability of 95 %. Null for fewer than four seeds, or if all "
        "seeds have the same value."
    )
    drop_from_clean: Interval | None = Field(
        description="val_accuracy at scale 0 minus val_accuracy at this scale, computed for each seed. Null if no "
        "seed has succeeded at both scales."
    )


class Matrix(BaseModel):
    """Mean validation accuracy over seeds, by training scale (row) and test scale (column)."""

    model_config = ConfigDict(frozen=True)

    train_scales: list[Scale] = Field(description="Training scales of the rows, ascending.")
    test_scales: list[Scale] = Field(
        description="Test scales of the columns, ascending for each kind of noise. The run's own kind comes first."
    )
    test_noise: list[NoiseKind] = Field(description="Kind of noise of the columns.")
    val_accuracy: list[list[Fraction | None]] = Field(
        description="Mean validation accuracy, row by row. A cell is null if no run was tested at its scale: the run "
        "ended before the scale was added to the sweep, or it was reused from a sweep without the scale."
    )
    seeds: list[list[int]] = Field(description="Number of seeds in each cell, row by row.")


class HalfWay(BaseModel):
    """Scale at which val_accuracy falls half-way from its value at scale 0 to the chance level, 1 / classes.

    Only seeds that have succeeded at all scales are included.
    """

    model_config = ConfigDict(frozen=True)

    level: Fraction = Field(description="val_accuracy at the half-way point, mean over seeds.", examples=[0.5405])
    scale: Interval = Field(
        description="Scale at which the val_accuracy of a seed first falls to the half-way point. The interpolation "
        "is linear in log(scale); below the smallest positive scale, it is linear in the scale."
    )


class Area(BaseModel):
    """Normalized area under val_accuracy over log(scale): 1 means perfect accuracy at all scales.

    Only seeds that have succeeded at all scales are included.
    """

    model_config = ConfigDict(frozen=True)

    from_scale: Scale = Field(description="Smallest positive scale.", examples=[0.1])
    to_scale: Scale = Field(description="Largest scale.", examples=[4.0])
    val_accuracy: Interval = Field(
        description="Area divided by log(to_scale / from_scale), by the trapezoidal rule: the mean accuracy over the "
        "range."
    )


class LevelEfficiency(BaseModel):
    """Efficiency at one accuracy, as a range, because the best possible accuracy is known only between two ends."""

    model_config = ConfigDict(frozen=True)

    level: Fraction = Field(description="Accuracy that both fall to.", examples=[0.55])
    low: Fraction = Field(
        description="Efficiency if the best possible accuracy is its upper end: (scale of the network / scale of the "
        "upper end)^2.",
        examples=[0.45],
    )
    high: Fraction = Field(
        description="Efficiency if the best possible accuracy is its lower end; 1 if the network is above that end.",
        examples=[0.47],
    )


class Efficiency(LevelEfficiency):
    """Efficiency at the accuracy (1 + 1 / classes) / 2: the share of the noise variance that the network takes.

    It compares the scale at which the network falls to this accuracy with the scale at which the best possible
    classifier does. The accuracy is the same for all sweeps of a data set, so a network that is poor without noise
    gets no credit for falling slowly.
    """

    scale: Interval = Field(
        description="Scale at which the network falls to the level: geometric mean over seeds. Interpolated linearly "
        "in log(scale)."
    )
    limit_from: float = Field(gt=0, description="Scale at which the lower end falls to the level.", examples=[2.14])
    limit_to: float = Field(gt=0, description="Scale at which the upper end falls to the level.", examples=[2.2])
    interval: Bounds | None = Field(
        description="95 % interval of the efficiency over all seeds, on these validation images. It covers both ends, "
        "and contains the interpolation error. Null for one seed, or if all seeds have the same scale."
    )
    interpolation_error: float = Field(
        ge=0,
        description="Relative error of `scale` from the distance between the neighbouring scales of the sweep; 0 if "
        "they differ by at most a factor of 1.25.",
        examples=[0.02],
    )
    by_level: list[LevelEfficiency] = Field(
        description="Efficiency at other accuracies, from high to low, where all seeds and both ends fall to them. It "
        "depends on the accuracy."
    )


class Summary(BaseModel):
    """Summary of a sweep's accuracy curve, in numbers and in words."""

    sweep_id: str = Field(description="Id of the sweep.", examples=["5f0c6a1e9b3d2748"])
    sentence: Shown = Field(
        description="Summary in plain English.",
        examples=["Validation accuracy falls from 97.7 % at scale 0.1 to 18.9 % at scale 4 (one seed, 10,000 images)."],
    )
    scales: list[ScaleFigures] = Field(description="Statistics of each scale, ascending.")
    area: Area | None = Field(
        description="Area under the curve. Null with fewer than two positive scales, or if no seed has succeeded at "
        "all scales."
    )
    half_way: HalfWay | None = Field(
        description="Half-way point of the curve. Null without a run at scale 0, or if the curve of a seed does not "
        "fall that far. `remarks` gives the reason."
    )
    efficiency: Efficiency | None = Field(
        description="Noise of the networks compared with that of the best possible classifier. Null if the best "
        "possible accuracy on the data is not known, or if the curve of a seed does not fall to the level between two "
        "positive scales. `remarks` gives the reason."
    )
    method: Shown = Field(
        description="Method and target of the confidence intervals.",
        examples=["95 % intervals for the mean over all seeds, on these validation images: Student's t over 5 seeds"],
    )
    remarks: list[Shown] = Field(description="Missing results and how to get them, and what may mislead.")
