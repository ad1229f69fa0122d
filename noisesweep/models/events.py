"""Events of a sweep, as subscribers receive them."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from noisesweep.models.answers import EpochMetrics, RunStatus


class EventType(StrEnum):
    """Types of events of a sweep and its runs."""

    RUN_QUEUED = "run.queued"
    RUN_STARTED = "run.started"
    EPOCH = "epoch"
    RUN_CANCELLING = "run.cancelling"
    RUN_ENDED = "run.ended"
    SWEEP_ENDED = "sweep.ended"


class Event(BaseModel):
    """Something that happened."""

    id: str = Field(description="Later events have greater ids.", examples=["1773133200123-0"])
    type: EventType = Field(
        description="What happened. run.queued: the run went back to the queue, as its worker stopped or was lost, or "
        "by a retry, or was added to the sweep. epoch: it was trained just now; a run that is reused has none. "
        "run.cancelling: it is running and about to be cancelled.",
        examples=["epoch"],
    )
    at: datetime = Field(description="When, UTC, to the millisecond.", examples=["2026-03-10T09:00:00.123Z"])
    run_id: str | None = Field(description="To which run; null for sweep.ended.", examples=["5f0c6a1e9b3d2748-2"])
    status: RunStatus | None = Field(description="How the run ended; null but for run.ended.")
    metrics: EpochMetrics | None = Field(description="What the epoch measured; null but for epoch.")

    @property
    def run_index(self) -> int | None:
        """The run's index in the sweep's grid."""
        return None if self.run_id is None else int(self.run_id.rsplit("-", maxsplit=1)[1])


class EventList(BaseModel):
    """Events in the order in which they happened."""

    events: list[Event] = Field(description="The oldest first.")
    next: str | None = Field(
        description="Where the events after these are; null if there were none yet.",
        examples=["/sweeps/5f0c6a1e9b3d2748/events?after=1773133200123-0"],
    )
