"""The words of the project as types: what a client sends and what it gets back.

This is all that a client needs of the project, so it imports nothing but pydantic.
"""

from shared.models.answers import (
    DatasetInfo,
    DatasetList,
    EpochMetrics,
    Estimate,
    Progress,
    Queue,
    ResultRow,
    Results,
    Run,
    RunError,
    RunLinks,
    RunStatus,
    RunSummary,
    Sweep,
    SweepLinks,
    SweepList,
)
from shared.models.events import Event, EventList, EventType
from shared.models.requests import (
    MAX_RUNS,
    DatasetName,
    Precision,
    RunRequest,
    SweepRequest,
    TrainingConfig,
)
from shared.models.workers import Worker, WorkerList, WorkerProfile

__all__ = [
    "MAX_RUNS",
    "DatasetInfo",
    "DatasetList",
    "DatasetName",
    "EpochMetrics",
    "Estimate",
    "Event",
    "EventList",
    "EventType",
    "Precision",
    "Progress",
    "Queue",
    "ResultRow",
    "Results",
    "Run",
    "RunError",
    "RunLinks",
    "RunRequest",
    "RunStatus",
    "RunSummary",
    "Sweep",
    "SweepLinks",
    "SweepList",
    "SweepRequest",
    "TrainingConfig",
    "Worker",
    "WorkerList",
    "WorkerProfile",
]
