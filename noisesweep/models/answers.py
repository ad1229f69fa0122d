"""Response bodies for sweeps, runs, results and the queue."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, computed_field

from noisesweep.models.config import Scale, Seed, TrainingConfig
from noisesweep.models.statistics import Evaluation, Matrix, ScaleFigures
from noisesweep.models.text import Shown

StatusDetail = Annotated[
    Shown | None,
    Field(
        description="Explanation if no progress is possible or a checkpoint or model could not be stored, and what to "
        "do about it; null otherwise.",
        examples=["Queued runs wait because no worker is alive. Start one with `noisesweep worker`."],
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


class RunError(BaseModel):
    """Reason why a run failed."""

    code: str = Field(description="Stable, machine-readable error code.", examples=["dataset_unavailable"])
    message: Shown = Field(
        description="Explanation of the error and of what to do about it.",
        examples=["MNIST was not found on this host. Searched: ..."],
    )


class RunLinks(BaseModel):
    """Paths of the run and its related resources."""

    self: str = Field(description="The run itself.", examples=["/runs/5f0c6a1e9b3d2748-2"])
    plot: str = Field(
        description="Plot of accuracy and loss over epochs, as PNG, SVG or PDF.",
        examples=["/runs/5f0c6a1e9b3d2748-2/plot"],
    )
    events: str = Field(
        description="Events of the run, as server-sent events or as a JSON list (Accept: application/json).",
        examples=["/runs/5f0c6a1e9b3d2748-2/events"],
    )
    model: str | None = Field(
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
    error: RunError | None = Field(description="Reason of the failure; null unless the status is failed.")
    weights_sha256: str | None = Field(
        description="SHA-256 of the final weights: kernel and bias of each layer, from input to output, as "
        "little-endian float32 in row-major order. Null unless the run has succeeded.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )
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

    @computed_field(description="Paths of related resources.")  # type: ignore[prop-decorator]
    @property
    def links(self) -> RunLinks:
        """Return the paths of related resources."""
        has_model = self.keep_model and self.status is RunStatus.SUCCEEDED
        run = f"/runs/{self.id}"
        return RunLinks(
            self=run, plot=f"{run}/plot", events=f"{run}/events", model=f"{run}/model" if has_model else None
        )


class Run(RunSummary):
    """Run with all stored epochs."""

    sweep_id: str = Field(description="Id of the sweep that the run belongs to.", examples=["5f0c6a1e9b3d2748"])
    sweep_version: int = Field(
        ge=1,
        description="Version of the sweep. It increases with every change of the sweep or its runs.",
        examples=[48],
    )
    config: TrainingConfig = Field(description="Training options.")
    status_detail: StatusDetail
    epochs: list[EpochMetrics] = Field(description="Metrics of all stored epochs, in order.")
    evaluation: Evaluation | None = Field(
        description="Evaluation of the trained network at other noise scales, with its confusion matrix. Null until "
        "the run has succeeded, and for runs of older versions without evaluations."
    )


class Progress(BaseModel):
    """Progress of a sweep."""

    epochs_done: int = Field(ge=0, description="Number of stored epochs of all runs.", examples=[47])
    epochs_total: int = Field(ge=1, description="Number of requested epochs of all runs.", examples=[100])


class SweepLinks(BaseModel):
    """Paths of the sweep and its related resources."""

    self: str = Field(description="The sweep itself.", examples=["/sweeps/5f0c6a1e9b3d2748"])
    plot: str = Field(
        description="Plot of accuracy over scale, as PNG, SVG or PDF. The parameter `kind` selects other plots.",
        examples=["/sweeps/5f0c6a1e9b3d2748/plot"],
    )
    events: str = Field(
        description="Events of the sweep, as server-sent events or as a JSON list (Accept: application/json).",
        examples=["/sweeps/5f0c6a1e9b3d2748/events"],
    )
    results: str = Field(
        description="Metrics of all epochs of all runs, as JSON or CSV.",
        examples=["/sweeps/5f0c6a1e9b3d2748/results"],
    )
    summary: str = Field(
        description="Summary of the accuracy curve, in numbers and in words.",
        examples=["/sweeps/5f0c6a1e9b3d2748/summary"],
    )
    runs: list[str] = Field(
        description="The runs of the sweep.", examples=[["/runs/5f0c6a1e9b3d2748-0", "/runs/5f0c6a1e9b3d2748-1"]]
    )


class Sweep(BaseModel):
    """Sweep with its runs."""

    id: str = Field(description="Id of the sweep: 16 hexadecimal digits.", examples=["5f0c6a1e9b3d2748"])
    version: int = Field(
        ge=1, description="Version. It increases with every change of the sweep or its runs.", examples=[48]
    )
    name: Shown | None = Field(description="Display name from the request.", examples=["week 3, group B"])
    tags: dict[Shown, Shown] = Field(description="Tags from the request.", examples=[{"course": "ml-101"}])
    created_at: datetime = Field(description="Time of the submission, UTC.", examples=["2026-03-02T09:00:00.123456Z"])
    config: TrainingConfig = Field(description="Training options, shared by all runs.")
    scales: list[Scale] = Field(description="Scales of the grid.")
    seeds: list[Seed] = Field(description="Seeds of the grid.")
    status_detail: StatusDetail
    runs: list[RunSummary] = Field(
        description="Runs in the order of their index: all scales of the first seed, then all scales of the next seed. "
        "Runs that were added later come last."
    )

    @computed_field(  # type: ignore[prop-decorator]
        description="Status of the sweep: queued until a run starts, then running until all runs have ended. An ended "
        "sweep is failed if a run has failed, otherwise cancelled if a run was cancelled, otherwise succeeded.",
        examples=["running"],
    )
    @property
    def status(self) -> RunStatus:
        """Return the status, derived from the statuses of the runs."""
        statuses = {run.status for run in self.runs}
        if statuses == {RunStatus.QUEUED}:
            return RunStatus.QUEUED
        if not all(status.is_final for status in statuses):
            return RunStatus.RUNNING
        outcomes = (RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.SUCCEEDED)
        return next(outcome for outcome in outcomes if outcome in statuses)

    @computed_field(description="Progress over all runs.")  # type: ignore[prop-decorator]
    @property
    def progress(self) -> Progress:
        """Return the number of stored and of requested epochs."""
        return Progress(
            epochs_done=sum(run.epochs_done for run in self.runs), epochs_total=self.config.epochs * len(self.runs)
        )

    @computed_field(description="Paths of related resources.")  # type: ignore[prop-decorator]
    @property
    def links(self) -> SweepLinks:
        """Return the paths of related resources."""
        sweep = f"/sweeps/{self.id}"
        return SweepLinks(
            self=sweep,
            plot=f"{sweep}/plot",
            events=f"{sweep}/events",
            results=f"{sweep}/results",
            summary=f"{sweep}/summary",
            runs=[run.links.self for run in self.runs],
        )


class SweepList(BaseModel):
    """Page of a list of sweeps."""

    sweeps: list[Sweep] = Field(description="Matching sweeps, newest first.")
    next: str | None = Field(
        description="Path of the next page, with older sweeps; null on the last page. A page may contain fewer sweeps "
        "than `limit`, or none, even if more pages follow.",
        examples=["/sweeps?limit=20&cursor=1773133200123456-5f0c6a1e9b3d2748"],
    )


class ResultRow(EpochMetrics):
    """Metrics of one epoch of one run."""

    run_id: str = Field(description="Id of the run.", examples=["5f0c6a1e9b3d2748-2"])
    scale: Scale
    seed: Seed


class Results(BaseModel):
    """Metrics of all epochs of a sweep, and statistics of its succeeded runs."""

    sweep_id: str = Field(description="Id of the sweep.", examples=["5f0c6a1e9b3d2748"])
    config: TrainingConfig = Field(description="Training options, shared by all runs.")
    scales: list[ScaleFigures] = Field(description="Statistics of the succeeded runs by scale, ascending.")
    matrix: Matrix | None = Field(
        description="Validation accuracy by training scale and test scale; null until a run has succeeded."
    )
    rows: list[ResultRow] = Field(description="One row per run and epoch, in the order of the runs.")


class Queue(BaseModel):
    """Queue statistics over all sweeps."""

    queued_runs: int = Field(ge=0, description="Number of queued runs.", examples=[12])
    running_runs: int = Field(ge=0, description="Number of running runs.", examples=[2])
    oldest_wait_seconds: float | None = Field(
        description="Longest time that a sweep with queued runs has waited since it was submitted or retried, in "
        "seconds; null if no runs are queued.",
        examples=[41.5],
    )
    runs_per_minute: float = Field(
        ge=0, description="Ended runs per minute, mean over the last ten minutes.", examples=[3.2]
    )


class Estimate(BaseModel):
    """Estimated cost of a sweep that was not submitted."""

    runs: int = Field(ge=1, description="Number of runs in the grid.", examples=[5])
    reused_runs: int = Field(ge=0, description="Number of runs that would be reused instead of trained.", examples=[0])
    images: int = Field(
        ge=0,
        description="Number of images to train on: runs to train x epochs x training images.",
        examples=[6_000_000],
    )
    estimated_seconds: float | None = Field(
        description="Estimated time until the sweep would end, in seconds, including the queued runs before it. Null "
        "if no worker is alive, or if the service has no recent measurement of a similar training.",
        examples=[85.0],
    )
    queue_position: int = Field(ge=0, description="Number of queued runs before the sweep.", examples=[0])
