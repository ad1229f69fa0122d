"""State of the queue, and the estimated cost of a sweep."""

from pydantic import BaseModel, Field

from noisesweep.models.links import Link
from noisesweep.models.text import Shown


class QueuedSweep(BaseModel):
    """Sweep with queued runs, and when the first of them is expected to start."""

    id: str = Field(description="Id of the sweep.", examples=["5f0c6a1e9b3d2748"])
    name: Shown | None = Field(description="Name of the sweep; null without one.", examples=["fine grid"])
    queued_runs: int = Field(ge=1, description="Number of its queued runs.", examples=[8])
    runs_before: int = Field(
        ge=0,
        description="Number of queued runs that start before its first queued run. API keys take turns, so runs that "
        "others submitted earlier may start later.",
        examples=[3],
    )
    expected_wait_seconds: float | None = Field(
        ge=0,
        description="Estimated time until its first queued run starts, in seconds, from the work before it and the "
        "measured pace; null if no worker is alive, or no epoch was measured lately.",
        examples=[42.0],
    )
    link: Link = Field(description="Path of the sweep.", examples=["/sweeps/5f0c6a1e9b3d2748"])


class Queue(BaseModel):
    """State of the queue: all submitters together, and the sweeps of the request's API key."""

    queued_runs: int = Field(ge=0, description="Number of queued runs.", examples=[12])
    running_runs: int = Field(ge=0, description="Number of running runs.", examples=[2])
    oldest_wait_seconds: float | None = Field(
        description="Longest time that a queued run has waited since it was submitted or retried, in seconds; null if "
        "no runs are queued.",
        examples=[41.5],
    )
    runs_per_minute: float = Field(
        ge=0, description="Ended runs per minute, mean over the last ten minutes.", examples=[3.2]
    )
    own: list[QueuedSweep] = Field(
        description="Sweeps with queued runs of the request's API key, or of everybody without keys, in the order in "
        "which they start; at most 100."
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
        description="Estimated time until the sweep would end, in seconds, including the queued runs that start before "
        "its last run. Null if no worker is alive, or if the pace of its device is not known.",
        examples=[85.0],
    )
    is_rough: bool = Field(
        default=False,
        description="Whether `estimated_seconds` is rough, because no similar training was measured: it is scaled from "
        "another training, or from one on a typical computer.",
        examples=[False],
    )
    queue_position: int = Field(
        ge=0,
        description="Number of queued runs that start before the sweep's first run. API keys take turns, so it may be "
        "smaller than the number of queued runs.",
        examples=[0],
    )
    core_seconds: float = Field(
        ge=0,
        description="Estimated time of one training process for the runs to train, in seconds, from their "
        "multiply-accumulates and the measured pace. It counts for the limit of a day, if there is one.",
        examples=[160.0],
    )
    model_bytes: int = Field(
        default=0,
        ge=0,
        description="Approximate size of all models that the sweep would store, in bytes; 0 without keep_model.",
        examples=[0],
    )
