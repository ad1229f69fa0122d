"""Sweeps: their runs, their progress and their links, one by one or in pages."""

from datetime import datetime

from pydantic import BaseModel, Field, computed_field

from noisesweep.models.config import Scale, Seed, TrainingConfig
from noisesweep.models.links import Link
from noisesweep.models.runs import RunStatus, RunSummary, StatusDetail, Submitter
from noisesweep.models.text import Shown


class Progress(BaseModel):
    """Progress of a sweep."""

    epochs_done: int = Field(ge=0, description="Number of stored epochs of all runs.", examples=[47])
    epochs_total: int = Field(
        ge=1,
        description="Number of epochs that all runs train: those requested, unless a run has ended early.",
        examples=[100],
    )


class SweepLinks(BaseModel):
    """Paths of the sweep and its related resources."""

    self: Link = Field(description="The sweep itself.", examples=["/sweeps/5f0c6a1e9b3d2748"])
    plot: Link = Field(
        description="Plot of accuracy over scale, as PNG, SVG or PDF. The parameter `kind` selects other plots.",
        examples=["/sweeps/5f0c6a1e9b3d2748/plot"],
    )
    events: Link = Field(
        description="Events of the sweep, as server-sent events or as a JSON list (Accept: application/json).",
        examples=["/sweeps/5f0c6a1e9b3d2748/events"],
    )
    results: Link = Field(
        description="Metrics of all epochs of all runs, as JSON or CSV.",
        examples=["/sweeps/5f0c6a1e9b3d2748/results"],
    )
    summary: Link = Field(
        description="Summary of the accuracy curve, in numbers and in words.",
        examples=["/sweeps/5f0c6a1e9b3d2748/summary"],
    )
    runs: list[Link] = Field(
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
    submitter: Submitter = None
    created_at: datetime = Field(description="Time of the submission, UTC.", examples=["2026-03-02T09:00:00.123456Z"])
    config: TrainingConfig = Field(description="Training options, shared by all runs.")
    scales: list[Scale] = Field(description="Scales of the grid.")
    seeds: list[Seed] = Field(description="Seeds of the grid.")
    status_detail: StatusDetail
    runs: list[RunSummary] = Field(
        description="Runs in the order of their index: all scales of the first seed, then all scales of the next seed. "
        "Runs that were added later come last."
    )
    links: SweepLinks = Field(description="Paths of related resources.")

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

    @computed_field(  # type: ignore[prop-decorator]
        description="Numerics versions of the runs with stored epochs, ascending. With more than one, the runs are not "
        "exactly comparable.",
        examples=[[1]],
    )
    @property
    def numerics(self) -> list[int]:
        """Return the different numerics versions of the runs."""
        return sorted({run.numerics for run in self.runs if run.epochs_done and run.numerics is not None})

    @computed_field(description="Progress over all runs.")  # type: ignore[prop-decorator]
    @property
    def progress(self) -> Progress:
        """Return the number of stored epochs, and of all epochs that the runs train."""
        return Progress(
            epochs_done=sum(run.epochs_done for run in self.runs), epochs_total=sum(map(self.epochs_of, self.runs))
        )

    def epochs_of(self, run: RunSummary) -> int:
        """Return the number of epochs that a run trains: those requested, unless it has ended early."""
        return run.epochs_done if run.status is RunStatus.SUCCEEDED else self.config.epochs


class SweepList(BaseModel):
    """Page of a list of sweeps."""

    sweeps: list[Sweep] = Field(description="Matching sweeps, newest first.")
    next: Link | None = Field(
        description="Path of the next page, with older sweeps; null on the last page. A page may contain fewer sweeps "
        "than `limit`, or none, even if more pages follow.",
        examples=["/sweeps?limit=20&cursor=1773133200123456-5f0c6a1e9b3d2748"],
    )
