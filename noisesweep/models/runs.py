"""Runs: their status, the metrics of their epochs, their errors and their links."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from noisesweep.models.config import Scale, Seed, TrainingConfig
from noisesweep.models.links import Link
from noisesweep.models.statistics import Evaluation
from noisesweep.models.text import Shown

StatusDetail = Annotated[
    Shown | None,
    Field(
        description="Explanation if no progress is possible, a checkpoint or model could not be stored, or runs have "
        "different numerics versions, and what to do about it; null otherwise.",
        examples=["Runs wait because no worker is alive. Start one with `noisesweep worker`."],
    ),
]

Submitter = Annotated[
    str | None,
    Field(
        description="Name of the API key that the sweep was submitted with; null if the service had no keys.",
        examples=["alice"],
    ),
]

Numerics = Annotated[
    int | None,
    Field(
        description="Numerics version of the program that trained the run. Programs with different versions train "
        "equal runs to different bits. Null before the first attempt.",
        examples=[1],
    ),
]


class RunStatus(StrEnum):
    """Status of a run. The status of a sweep is derived from its runs."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Return True if the status is succeeded, failed or cancelled."""
        return self not in (RunStatus.QUEUED, RunStatus.RUNNING)


class EpochMetrics(BaseModel):
    """Metrics of one epoch.

    Training metrics are running means over the epoch's minibatches, with dropout active.
    """

    model_config = ConfigDict(frozen=True)

    epoch: int = Field(ge=0, description="Epoch number, from 0 as in Keras.", examples=[19])
    loss: float = Field(
        allow_inf_nan=False,
        description="Mean categorical cross-entropy on the training images, in nats.",
        examples=[0.0708],
    )
    accuracy: float = Field(
        ge=0, le=1, description="Fraction of correctly classified training images.", examples=[0.9792]
    )
    val_loss: float = Field(
        allow_inf_nan=False,
        description="Mean categorical cross-entropy on the validation images, in nats.",
        examples=[2.1432],
    )
    val_accuracy: float = Field(
        ge=0, le=1, description="Fraction of correctly classified validation images.", examples=[0.7579]
    )
    seconds: float = Field(
        ge=0,
        description="Wall-clock time of the epoch with its validation, in seconds. Runs trained together in a stack "
        "report the time of the whole stack.",
        examples=[1.4],
    )


class Kept(BaseModel):
    """Result of a run with a holdout: the epoch whose weights were kept, and its metrics on the test images."""

    model_config = ConfigDict(frozen=True)

    metrics: EpochMetrics = Field(description="Metrics of the epoch, validated on the holdout.")
    test_loss: float = Field(
        allow_inf_nan=False,
        description="Mean categorical cross-entropy on the test images, in nats.",
        examples=[2.1518],
    )
    test_accuracy: float = Field(
        ge=0, le=1, description="Fraction of correctly classified test images.", examples=[0.7519]
    )


class RunError(BaseModel):
    """Reason why a run failed."""

    code: str = Field(description="Stable, machine-readable error code.", examples=["dataset_unavailable"])
    message: Shown = Field(
        description="Explanation of the error and of what to do about it.",
        examples=["MNIST was not found on this host. Searched: ..."],
    )


class RunLinks(BaseModel):
    """Paths of the run and its related resources."""

    self: Link = Field(description="The run itself.", examples=["/runs/5f0c6a1e9b3d2748-2"])
    plot: Link = Field(
        description="Plot of accuracy and loss over epochs, as PNG, SVG or PDF.",
        examples=["/runs/5f0c6a1e9b3d2748-2/plot"],
    )
    events: Link = Field(
        description="Events of the run, as server-sent events or as a JSON list (Accept: application/json).",
        examples=["/runs/5f0c6a1e9b3d2748-2/events"],
    )
    model: Link | None = Field(
        description="Trained network as a Keras model; null unless keep_model is true and the run has succeeded.",
        examples=["/runs/5f0c6a1e9b3d2748-2/model"],
    )


class RunSummary(BaseModel):
    """Run without its list of epochs, as part of a sweep."""

    id: str = Field(
        description="Id of the run: id of the sweep, and index of the run in the grid.",
        examples=["5f0c6a1e9b3d2748-2"],
    )
    scale: Scale
    seed: Seed
    status: RunStatus = Field(description="Current status.", examples=["running"])
    cancel_requested: bool = Field(description="True if the run is running and will be cancelled.", examples=[False])
    worker: Shown | None = Field(
        description="Worker that trains the run, or trained it last; null before the first attempt.",
        examples=["4711@gpu-1"],
    )
    device: str | None = Field(
        description="Device type of that worker: cpu, gpu or metal; null before the first attempt.", examples=["cpu"]
    )
    attempts: int = Field(
        ge=0,
        description="Number of training attempts. Resuming after a worker was stopped properly is not a new attempt.",
        examples=[1],
    )
    epochs_done: int = Field(ge=0, description="Number of stored epochs.", examples=[12])
    latest_metrics: EpochMetrics | None = Field(description="Metrics of the last stored epoch; null without epochs.")
    kept: Kept | None = Field(
        default=None,
        description="Result on the test images, of a run with a holdout that has succeeded; otherwise null.",
    )
    error: RunError | None = Field(description="Reason of the failure; null unless the status is failed.")
    weights_sha256: str | None = Field(
        description="SHA-256 of the kept weights: kernel and bias of each layer, from input to output, as "
        "little-endian float32 in row-major order. Null unless the run has succeeded.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )
    numerics: Numerics
    keep_model: bool = Field(description="True if the trained network is kept for some days.", examples=[False])
    reused_from: str | None = Field(
        description="Run whose results were copied instead of training this run; null if this run is trained.",
        examples=["93c1e55d0a7f4b26-2"],
    )
    started_at: datetime | None = Field(
        description="Time of the last claim by a worker, UTC; null before the first.",
        examples=["2026-03-02T09:00:01.5Z"],
    )
    ended_at: datetime | None = Field(
        description="Time when the run ended, UTC; null before that.", examples=["2026-03-02T09:00:31.5Z"]
    )
    links: RunLinks = Field(description="Paths of related resources.")

    @property
    def final_metrics(self) -> EpochMetrics | None:
        """Return the metrics of the trained network: with a holdout those on the test images, else the last epoch's."""
        if self.kept is None:
            return self.latest_metrics
        test = {"val_loss": self.kept.test_loss, "val_accuracy": self.kept.test_accuracy}
        return self.kept.metrics.model_copy(update=test)


class Run(RunSummary):
    """Run with all stored epochs."""

    sweep_id: str = Field(description="Id of the sweep that the run belongs to.", examples=["5f0c6a1e9b3d2748"])
    sweep_version: int = Field(
        ge=1,
        description="Version of the sweep. It increases with every change of the sweep or its runs.",
        examples=[48],
    )
    submitter: Submitter = None
    config: TrainingConfig = Field(description="Training options.")
    status_detail: StatusDetail
    epochs: list[EpochMetrics] = Field(description="Metrics of all stored epochs, in order.")
    evaluation: Evaluation | None = Field(
        description="Evaluation of the trained network at other noise scales, with its confusion matrix. Null until "
        "the run has succeeded, and for runs of older versions without evaluations."
    )
