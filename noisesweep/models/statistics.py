"""Statistics of the succeeded runs of a sweep."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, computed_field

from noisesweep.models.config import Scale
from noisesweep.models.text import Shown

Fraction = Annotated[float, Field(ge=0, le=1)]


class Evaluation(BaseModel):
    """Evaluation of a run's trained network on the validation images at several noise scales.

    The noise is the validation noise of the run's seed, multiplied by each test scale. It is clipped if the run's
    config says so.
    """

    model_config = ConfigDict(frozen=True)

    test_scales: list[Scale] = Field(description="0 and the scales of the sweep, ascending.")
    val_accuracy: list[Fraction] = Field(
        description="Fraction of correctly classified validation images, by test scale.",
    )
    confusion: list[list[int]] = Field(
        description="Confusion matrix at the run's own validation scale: number of images by true class (row) and "
        "predicted class (column).",
    )

    @computed_field(description="Fraction of correctly classified images, by class.")  # type: ignore[prop-decorator]
    @property
    def class_accuracy(self) -> list[Fraction]:
        """Return the fraction of correctly classified images by class: diagonal of `confusion` / row sums."""
        return [row[label] / (sum(row) or 1) for label, row in enumerate(self.confusion)]


class Interval(BaseModel):
    """Mean over seeds with its two-sided 95 % confidence interval (Student's t).

    The interval is not clipped to the range of the metric. With few seeds, the interval of an accuracy may exceed 1.
    """

    model_config = ConfigDict(frozen=True)

    mean: float = Field(description="Mean over the seeds.", examples=[0.7552])
    low: float | None = Field(description="Lower end of the interval; null for one seed.", examples=[0.7506])
    high: float | None = Field(description="Upper end of the interval; null for one seed.", examples=[0.7598])
    seeds: int = Field(ge=1, description="Number of seeds.", examples=[5])


class ScaleFigures(BaseModel):
    """Statistics of a scale's succeeded runs at their last epoch."""

    model_config = ConfigDict(frozen=True)

    scale: Scale
    accuracy: Interval = Field(description="Training accuracy.")
    val_accuracy: Interval = Field(description="Validation accuracy.")
    generalisation_gap: Interval = Field(description="accuracy - val_accuracy, computed for each seed.")
    drop_from_clean: Interval | None = Field(
        description="val_accuracy at scale 0 minus val_accuracy at this scale, computed for each seed. Null if no "
        "seed has succeeded at both scales."
    )


class Matrix(BaseModel):
    """Mean validation accuracy over seeds, by training scale (row) and test scale (column)."""

    model_config = ConfigDict(frozen=True)

    train_scales: list[Scale] = Field(description="Training scales of the rows, ascending.")
    test_scales: list[Scale] = Field(description="Test scales of the columns, ascending.")
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


class Summary(BaseModel):
    """Summary of a sweep's accuracy curve, in numbers and in words."""

    sweep_id: str = Field(description="Id of the sweep.", examples=["5f0c6a1e9b3d2748"])
    sentence: Shown = Field(
        description="Summary in plain English.",
        examples=["Validation accuracy falls from 97.7 % at scale 0.1 to 18.9 % at scale 4."],
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
    method: Shown = Field(
        description="Method of the confidence intervals.", examples=["95 % intervals: Student's t over 5 seeds"]
    )
    remarks: list[Shown] = Field(description="Missing results and how to get them.")
