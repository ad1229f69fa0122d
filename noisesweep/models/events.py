"""Events that subscribers of a sweep or a run receive."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from noisesweep.models.links import Link
from noisesweep.models.runs import EpochMetrics, RunStatus


class EventType(StrEnum):
    """Type of an event."""

    RUN_QUEUED = "run.queued"
    RUN_STARTED = "run.started"
    EPOCH = "epoch"
    RUN_CANCELLING = "run.cancelling"
    RUN_ENDED = "run.ended"
    SWEEP_EDITED = "sweep.edited"
    SWEEP_ENDED = "sweep.ended"


class Event(BaseModel):
    """State change of a run or a sweep."""

    id: str = Field(description="Event id. Later events have greater ids.", examples=["1773133200123-0"])
    type: EventType = Field(
        description="Type of the event. run.queued: the run was added to the sweep or retried, or it returned to the "
        "queue because its worker stopped or was lost. run.started: a worker claimed the run; if its epochs have "
        "another numerics version than the worker, they are deleted, and follow again from epoch 0. epoch: the run "
        "finished an epoch; reused runs have no epoch events. run.cancelling: a running run will be cancelled soon. "
        "run.ended: the run succeeded, failed or was cancelled. sweep.edited: the name or the tags of an open sweep "
        "changed; only its last event of this type is kept. sweep.ended: all runs of the sweep have ended.",
        examples=["epoch"],
    )
    at: datetime = Field(
        description="Time of the event, UTC, to the millisecond.", examples=["2026-03-10T09:00:00.123Z"]
    )
    run_id: str | None = Field(
        description="The run; null for sweep.edited and sweep.ended.", examples=["5f0c6a1e9b3d2748-2"]
    )
    status: RunStatus | None = Field(description="Final status of the run; null unless the type is run.ended.")
    metrics: EpochMetrics | None = Field(description="Metrics of the epoch; null unless the type is epoch.")

    @property
    def run_index(self) -> int | None:
        """Return the index of the run in the sweep's grid."""
        return None if self.run_id is None else int(self.run_id.rsplit("-", maxsplit=1)[1])


class EventList(BaseModel):
    """List of events."""

    events: list[Event] = Field(description="The events, oldest first.")
    next: Link | None = Field(
        description="Path that returns the events after these; null if there are no events yet.",
        examples=["/sweeps/5f0c6a1e9b3d2748/events?after=1773133200123-0"],
    )
