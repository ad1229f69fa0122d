"""Statistics of a sweep's runs that have succeeded."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, computed_field

from noisesweep.models.config import Scale

Fraction = Annotated[float, Field(ge=0, le=1)]


class Evaluation(BaseModel):
    """A run's trained network on the validation images, with noise of several scales.

    The noise is the run's own validation noise, multiplied by another scale: that of its seed, clipped if the run's is.
    """

    model_config = ConfigDict(frozen=True)

    test_scales: list[Scale] = Field(description="0 and the scales of the sweep, ascending.")
    val_accuracy: list[Fraction] = Field(
        description="Share of the validation images classified right, at each of the test scales.",
    )
    confusion: list[list[int]] = Field(
        description="Images by true class (row) and predicted class (column), at the run's own validation noise.",
    )

    @computed_field  # type: ignore[prop-decorator]
    @property
    def class_accuracy(self) -> list[Fraction]:
        """Share of each class's images classified right: the diagonal of `confusion` over the sums of its rows."""
        return [row[label] / (sum(row) or 1) for label, row in enumerate(self.confusion)]


class Interval(BaseModel):
    """A mean over seeds with its 95 % confidence interval: Student's t over the seeds, two-sided.

    It is not cut off where what is measured ends: with few seeds that of an accuracy may reach beyond 1.
    """

    model_config = ConfigDict(frozen=True)

    mean: float = Field(description="The mean over the seeds.", examples=[0.7552])
    low: float | None = Field(description="Lower end of the interval; null for one seed.", examples=[0.7506])
    high: float | None = Field(description="Upper end of the interval; null for one seed.", examples=[0.7598])
    seeds: int = Field(ge=1, description="How many seeds it is taken over.", examples=[5])


class ScaleFigures(BaseModel):
    """A scale's runs at their last epoch, over the seeds that have succeeded."""

    model_config = ConfigDict(frozen=True)

    scale: Scale
    accuracy: Interval = Field(description="In training.")
    val_accuracy: Interval = Field(description="On the validation images.")
    generalisation_gap: Interval = Field(description="accuracy - val_accuracy, seed by seed.")
    drop_from_clean: Interval | None = Field(
        description="val_accuracy at scale 0 less that at this scale, seed by seed, so 0 at scale 0; null where no "
        "seed has both."
    )


class Matrix(BaseModel):
    """Validation accuracy by the scale trained with (row) and the scale tested with (column), the mean over seeds."""

    model_config = ConfigDict(frozen=True)

    train_scales: list[Scale] = Field(description="The rows, ascending.")
    test_scales: list[Scale] = Field(description="The columns, ascending.")
    val_accuracy: list[list[Fraction | None]] = Field(
        description="By row. null where no run of the row was tested at that scale: it ended before the sweep had it, "
        "or is reused from a sweep without it."
    )
    seeds: list[list[int]] = Field(description="By row: how many seeds each cell is the mean over, 0 where it is null.")


class HalfWay(BaseModel):
    """The scale at which val_accuracy is half-way between the clean run's and the chance level, 1 / classes.

    Of the seeds that have succeeded at every scale.
    """

    model_config = ConfigDict(frozen=True)

    level: Fraction = Field(description="That val_accuracy, the mean over seeds.", examples=[0.5405])
    scale: Interval = Field(
        description="The scale at which each seed's val_accuracy first falls to its level: interpolated linearly in "
        "the logarithm of the scale, or in the scale itself below the least positive one."
    )


class Area(BaseModel):
    """The area under val_accuracy against the logarithm of the scale, over the width: 1 is perfect at every scale.

    Of the seeds that have succeeded at every scale.
    """

    model_config = ConfigDict(frozen=True)

    from_scale: Scale = Field(description="The least positive scale.", examples=[0.1])
    to_scale: Scale = Field(description="The greatest.", examples=[4.0])
    val_accuracy: Interval = Field(description="By the trapezoidal rule; a mean accuracy over the range.")


class Summary(BaseModel):
    """The conclusion from a sweep's curve, in figures and in words."""

    sweep_id: str = Field(description="The sweep.", examples=["5f0c6a1e9b3d2748"])
    sentence: str = Field(
        description="The figures in plain English.",
        examples=["Validation accuracy falls from 97.7 % at scale 0.1 to 18.9 % at scale 4."],
    )
    scales: list[ScaleFigures] = Field(description="Scale by scale, ascending.")
    area: Area | None = Field(description="Null with fewer than two positive scales, or before a seed has them all.")
    half_way: HalfWay | None = Field(
        description="Null without a run at scale 0, or unless the curve of every seed falls so far: remarks says which."
    )
    method: str = Field(
        description="How the intervals are made.", examples=["95 % intervals: Student's t over 5 seeds"]
    )
    remarks: list[str] = Field(description="What is missing, and what to do to have it.")
