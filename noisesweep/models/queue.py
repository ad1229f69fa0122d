"""State of the queue, and the estimated cost of a sweep."""

from pydantic import BaseModel, Field


class Queue(BaseModel):
    """Queue statistics over all sweeps."""

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
        "its last run. Null if no worker is alive, or if the service has no recent measurement of a similar training.",
        examples=[85.0],
    )
    queue_position: int = Field(
        ge=0,
        description="Number of queued runs that start before the sweep's first run. API keys take turns, so it may be "
        "smaller than the number of queued runs.",
        examples=[0],
    )
    model_bytes: int = Field(
        default=0,
        ge=0,
        description="Approximate size of all models that the sweep would store, in bytes; 0 without keep_model.",
        examples=[0],
    )
