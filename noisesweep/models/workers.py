"""Response bodies for workers."""

from datetime import datetime

from pydantic import BaseModel, Field

from noisesweep.models.text import Shown


class WorkerProfile(BaseModel):
    """Properties of a worker that do not change while it runs."""

    name: Shown = Field(description="Unique name: process id and host.", examples=["4711@gpu-1"])
    host: Shown = Field(description="Machine or container that the worker runs on.", examples=["gpu-1"])
    version: Shown = Field(description="Version of noisesweep.", examples=["0.1.0"])
    device: Shown = Field(description="Device type: cpu, gpu or metal.", examples=["cpu"])
    device_reason: Shown = Field(description="Reason for the choice of device.", examples=["no GPU on this host"])
    processes: int = Field(ge=1, description="Number of parallel training processes.", examples=[2])
    stack: int = Field(ge=1, description="Runs of one seed that a process trains in parallel.", examples=[1])
    started_at: datetime = Field(
        description="Start time, UTC, by the worker's clock.", examples=["2026-03-02T08:59:00Z"]
    )


class Worker(WorkerProfile):
    """Current state of a worker."""

    alive: bool = Field(
        description="True if the last heartbeat is at most 15 seconds old. Workers send one every 5 seconds."
    )
    last_seen_at: datetime = Field(description="Time of the last heartbeat, UTC.", examples=["2026-03-02T09:00:03Z"])
    current_runs: list[str] = Field(description="Ids of the runs in training.", examples=[["5f0c6a1e9b3d2748-2"]])


class WorkerList(BaseModel):
    """Workers of the last hour."""

    workers: list[Worker] = Field(
        description="Running workers and workers lost in the last hour, sorted by name. Workers that were stopped "
        "properly are not listed."
    )
