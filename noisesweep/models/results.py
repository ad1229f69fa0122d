"""Results of a sweep: the metrics of all epochs, and statistics."""

from pydantic import BaseModel, Field

from noisesweep.models.config import Scale, Seed, TrainingConfig
from noisesweep.models.runs import EpochMetrics, Numerics
from noisesweep.models.statistics import Matrix, ScaleFigures


class ResultRow(EpochMetrics):
    """Metrics of one epoch of one run."""

    run_id: str = Field(description="Id of the run.", examples=["5f0c6a1e9b3d2748-2"])
    scale: Scale
    seed: Seed
    numerics: Numerics


class Results(BaseModel):
    """Metrics of all epochs of a sweep, and statistics of its succeeded runs."""

    sweep_id: str = Field(description="Id of the sweep.", examples=["5f0c6a1e9b3d2748"])
    config: TrainingConfig = Field(description="Training options, shared by all runs.")
    scales: list[ScaleFigures] = Field(description="Statistics of the succeeded runs by scale, ascending.")
    matrix: Matrix | None = Field(
        description="Validation accuracy by training scale and test scale; null until a run has succeeded."
    )
    rows: list[ResultRow] = Field(description="One row per run and epoch, in the order of the runs.")
