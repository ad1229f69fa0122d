"""Response bodies."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, computed_field

from noisesweep.models.config import Scale, Seed, TrainingConfig
from noisesweep.models.figures import Evaluation, Matrix, ScaleFigures

StatusDetail = Annotated[
    str | None,
    Field(
        description="Why it does not get on, and what to do; null where it does.",
        examples=["It waits, and no worker is alive to train it: start one with `noisesweep worker`."],
    ),
]


class RunStatus(StrEnum):
    """The status of a run. A sweep's status is derived from those of its runs."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether no work is left: succeeded, failed or cancelled."""
        return self not in (RunStatus.QUEUED, RunStatus.RUNNING)


class EpochMetrics(BaseModel):
    """Metrics of one epoch. Training metrics are running means over its minibatches, with dropout on."""

    model_config = ConfigDict(frozen=True)

    epoch: int = Field(ge=0, description="Counted from 0, as Keras counts.", examples=[19])
    loss: float = Field(
        allow_inf_nan=False,
        description="Mean categorical cross-entropy in training, nats.",
        examples=[0.0708],
    )
    accuracy: float = Field(ge=0, le=1, description="Share of training images classified right.", examples=[0.9792])
    val_loss: float = Field(
        allow_inf_nan=False,
        description="Mean cross-entropy on the validation images, nats.",
        examples=[2.1432],
    )
    val_accuracy: float = Field(
        ge=0, le=1, description="Share of validation images classified right.", examples=[0.7579]
    )
    seconds: float = Field(
        ge=0,
        description="Wall time of the epoch with its validation, in seconds; of all runs that share a device.",
        examples=[1.4],
    )


class RunError(BaseModel):
    """The reason why a run failed."""

    code: str = Field(description="A stable name for programs.", examples=["dataset_unavailable"])
    message: str = Field(
        description="What happened and what to do about it, for people.",
        examples=["MNIST was not found on this host. Looked at: ..."],
    )


class RunLinks(BaseModel):
    """Paths of a run's resources."""

    self: str = Field(description="The run itself.", examples=["/runs/5f0c6a1e9b3d2748-2"])
    plot: str = Field(
        description="Accuracy and loss against the epoch, as PNG, SVG or PDF.",
        examples=["/runs/5f0c6a1e9b3d2748-2/plot"],
    )
    events: str = Field(
        description="What happens to it: server-sent events, or a list as application/json.",
        examples=["/runs/5f0c6a1e9b3d2748-2/events"],
    )
    model: str | None = Field(
        description="The trained network as a Keras model; null unless keep_model was set and the run has succeeded.",
        examples=["/runs/5f0c6a1e9b3d2748-2/model"],
    )


class RunSummary(BaseModel):
    """A run as its sweep lists it."""

    id: str = Field(description="The sweep's id and the run's index in its grid.", examples=["5f0c6a1e9b3d2748-2"])
    scale: Scale
    seed: Seed
    status: RunStatus = Field(description="Where the run stands.", examples=["running"])
    cancel_requested: bool = Field(description="Whether it is running and about to be cancelled.", examples=[False])
    worker: str | None = Field(
        description="The worker that trains it, or did last; null if none has.", examples=["4711@gpu-1"]
    )
    device: str | None = Field(
        description="What it trains on, or did last: cpu, gpu or metal; null if no worker has begun.", examples=["cpu"]
    )
    attempts: int = Field(
        ge=0,
        description="How often a worker began to train it; going on after a worker's orderly stop does not count.",
        examples=[1],
    )
    epochs_done: int = Field(ge=0, description="Epochs trained and kept.", examples=[12])
    latest_metrics: EpochMetrics | None = Field(description="Those of the last epoch kept; null before the first.")
    error: RunError | None = Field(description="Why it failed; null unless the status is failed.")
    weights_sha256: str | None = Field(
        description="SHA-256 of the final weights: kernel and bias of each layer from the input on, little-endian "
        "float32 in row-major order. Null until the run has succeeded.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )
    keep_model: bool = Field(description="Whether the trained network is kept for some days.", examples=[False])
    reused_from: str | None = Field(
        description="The run that was trained, where this one was answered from it and not trained again.",
        examples=["93c1e55d0a7f4b26-2"],
    )
    started_at: datetime | None = Field(
        description="When a worker last claimed it, UTC; null before that.", examples=["2026-03-02T09:00:01.5Z"]
    )
    ended_at: datetime | None = Field(
        description="When it ended, UTC; null before that.", examples=["2026-03-02T09:00:31.5Z"]
    )

    @computed_field  # type: ignore[prop-decorator]
    @property
    def links(self) -> RunLinks:
        """Paths of related resources."""
        has_model = self.keep_model and self.status is RunStatus.SUCCEEDED
        run = f"/runs/{self.id}"
        return RunLinks(
            self=run, plot=f"{run}/plot", events=f"{run}/events", model=f"{run}/model" if has_model else None
        )


class Run(RunSummary):
    """A run with all its epochs so far."""

    sweep_id: str = Field(description="The sweep that the run belongs to.", examples=["5f0c6a1e9b3d2748"])
    sweep_version: int = Field(ge=1, description="The sweep's version, which grows with its changes.", examples=[48])
    config: TrainingConfig = Field(description="What the training was asked to be.")
    status_detail: StatusDetail
    epochs: list[EpochMetrics] = Field(description="One entry for each epoch kept, in order.")
    evaluation: Evaluation | None = Field(
        description="What the trained network makes of other noise, and which classes it confuses; null until the run "
        "has succeeded, and of one that succeeded before there were evaluations."
    )


class Progress(BaseModel):
    """Progress of a sweep."""

    epochs_done: int = Field(ge=0, description="Epochs kept, over all runs.", examples=[47])
    epochs_total: int = Field(ge=1, description="Epochs asked for, over all runs.", examples=[100])


class SweepLinks(BaseModel):
    """Paths of a sweep's resources."""

    self: str = Field(description="The sweep itself.", examples=["/sweeps/5f0c6a1e9b3d2748"])
    plot: str = Field(
        description="Accuracy against scale, as PNG, SVG or PDF; and other pictures by `kind`.",
        examples=["/sweeps/5f0c6a1e9b3d2748/plot"],
    )
    events: str = Field(
        description="What happens to it: server-sent events, or a list as application/json.",
        examples=["/sweeps/5f0c6a1e9b3d2748/events"],
    )
    results: str = Field(
        description="Every epoch of every run, as JSON or CSV.", examples=["/sweeps/5f0c6a1e9b3d2748/results"]
    )
    summary: str = Field(
        description="What the curve says, in figures and in words.", examples=["/sweeps/5f0c6a1e9b3d2748/summary"]
    )
    runs: list[str] = Field(
        description="Each of its runs.", examples=[["/runs/5f0c6a1e9b3d2748-0", "/runs/5f0c6a1e9b3d2748-1"]]
    )


class Sweep(BaseModel):
    """A sweep and where each of its runs stands."""

    id: str = Field(description="16 hexadecimal digits.", examples=["5f0c6a1e9b3d2748"])
    version: int = Field(ge=1, description="Grows with each change of the sweep or its runs.", examples=[48])
    name: str | None = Field(description="The name given with the request.", examples=["week 3, group B"])
    tags: dict[str, str] = Field(description="The labels given with the request.", examples=[{"course": "ml-101"}])
    created_at: datetime = Field(description="UTC.", examples=["2026-03-02T09:00:00.123456Z"])
    config: TrainingConfig = Field(description="What the training was asked to be.")
    scales: list[Scale] = Field(description="The scales of its grid.")
    seeds: list[Seed] = Field(description="The seeds of its grid.")
    status_detail: StatusDetail
    runs: list[RunSummary] = Field(
        description="By index: the scales of the first seed, then of the next; runs that were added later follow."
    )

    @computed_field(examples=["running"])  # type: ignore[prop-decorator]
    @property
    def status(self) -> RunStatus:
        """The status of the sweep: queued until a run starts, running until all have ended.

        Then failed or cancelled if any run is (failed first), else succeeded.
        """
        statuses = {run.status for run in self.runs}
        if statuses == {RunStatus.QUEUED}:
            return RunStatus.QUEUED
        if not all(status.is_final for status in statuses):
            return RunStatus.RUNNING
        outcomes = (RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.SUCCEEDED)
        return next(outcome for outcome in outcomes if outcome in statuses)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def progress(self) -> Progress:
        """Epochs done of epochs in all."""
        return Progress(
            epochs_done=sum(run.epochs_done for run in self.runs), epochs_total=self.config.epochs * len(self.runs)
        )

    @computed_field  # type: ignore[prop-decorator]
    @property
    def links(self) -> SweepLinks:
        """Paths of related resources."""
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
    """A page of sweeps."""

    sweeps: list[Sweep] = Field(description="Newest first.")
    next: str | None = Field(
        description="Where the older ones are that match; null after the last page. A page may have fewer sweeps than "
        "asked for, or none, and be followed by others all the same.",
        examples=["/sweeps?limit=20&cursor=1773133200123456-5f0c6a1e9b3d2748"],
    )


class ResultRow(EpochMetrics):
    """One epoch of one run."""

    run_id: str = Field(description="The sweep's id and the run's index in its grid.", examples=["5f0c6a1e9b3d2748-2"])
    scale: Scale
    seed: Seed


class Results(BaseModel):
    """Every epoch of every run of a sweep, and what follows from their ends."""

    sweep_id: str = Field(description="The sweep.", examples=["5f0c6a1e9b3d2748"])
    config: TrainingConfig = Field(description="What every run was asked to be.")
    scales: list[ScaleFigures] = Field(description="Of the runs that have succeeded: scale by scale, ascending.")
    matrix: Matrix | None = Field(
        description="Accuracy by the noise trained with and the noise tested with; null until a run has been tested."
    )
    rows: list[ResultRow] = Field(description="One row per run and epoch, run by run in the order of the grid.")


class Queue(BaseModel):
    """Queue statistics over all sweeps."""

    queued_runs: int = Field(ge=0, description="Runs that wait for a worker.", examples=[12])
    running_runs: int = Field(ge=0, description="Runs that workers train.", examples=[2])
    oldest_wait_seconds: float | None = Field(
        description="Since when the oldest sweep that has queued runs was submitted or retried; null if none waits.",
        examples=[41.5],
    )
    runs_per_minute: float = Field(ge=0, description="Runs that ended, over the last ten minutes.", examples=[3.2])


class Estimate(BaseModel):
    """The estimated cost of a submission. Nothing was stored."""

    runs: int = Field(ge=1, description="Runs of its grid.", examples=[5])
    reused_runs: int = Field(
        ge=0, description="Runs among them that were trained before and would be answered from that.", examples=[0]
    )
    images: int = Field(
        ge=0,
        description="Images that pass through training: runs not reused x epochs x training images.",
        examples=[6_000_000],
    )
    estimated_seconds: float | None = Field(
        description="Until its end, with what is queued before it, at the pace measured lately; null if no epoch like "
        "its own was measured yet or no worker is alive.",
        examples=[85.0],
    )
    queue_position: int = Field(ge=0, description="Runs queued before its first.", examples=[0])
