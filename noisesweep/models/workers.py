"""Models of the workers."""

from datetime import datetime

from pydantic import BaseModel, Field


class WorkerProfile(BaseModel):
    """A worker's description of itself. It does not change while the worker lives."""

    name: str = Field(description="Names it among all: its process and its host.", examples=["4711@gpu-1"])
    host: str = Field(description="The machine or container that it runs on.", examples=["gpu-1"])
    version: str = Field(description="Of the program.", examples=["0.1.0"])
    device: str = Field(description="What it trains on: cpu, gpu or metal.", examples=["cpu"])
    device_reason: str = Field(description="How that was found.", examples=["no GPU on this host"])
    processes: int = Field(ge=1, description="Training processes side by side.", examples=[2])
    stack: int = Field(ge=1, description="Runs of one seed that a process trains side by side.", examples=[1])
    started_at: datetime = Field(description="UTC, by the worker's clock.", examples=["2026-03-02T08:59:00Z"])


class Worker(WorkerProfile):
    """A worker as it is now."""

    alive: bool = Field(description="Whether it gave a sign of life in the last 15 seconds; it gives one every 5.")
    last_seen_at: datetime = Field(description="Its last sign of life, UTC.", examples=["2026-03-02T09:00:03Z"])
    current_runs: list[str] = Field(description="The runs that it trains.", examples=[["5f0c6a1e9b3d2748-2"]])


class WorkerList(BaseModel):
    """The workers of the last hour."""

    workers: list[Worker] = Field(description="By name. One that was stopped is not among them; one that was lost is.")
