"""Wire format: pydantic models of request bodies, response bodies and events.

The services and the client share these models, so they import nothing except pydantic.
"""

from noisesweep.models.classes import ClassMember, ClassResults, ClassScale, ClassSweep, Tag
from noisesweep.models.comparison import AreaDifference, Comparison, DifferenceMethod, ScaleDifference, ScaleRatio
from noisesweep.models.config import Keep, NoiseOn, Precision, TrainingConfig
from noisesweep.models.datasets import (
    MAX_CLASSES,
    ContactSheet,
    DatasetFacts,
    DatasetInfo,
    DatasetList,
    DatasetSlug,
    SheetClass,
)
from noisesweep.models.events import Event, EventList, EventType
from noisesweep.models.keys import KEY_NAME, hash_api_key
from noisesweep.models.limit import DatasetLimit, Ends
from noisesweep.models.networks import ConvolutionalNetwork, Model, MultilayerPerceptron, NetworkKind
from noisesweep.models.noise import (
    Images,
    NoiseKindInfo,
    NoiseKindList,
    NoiseSample,
    NoiseSamples,
    NoiseStatistics,
    NoisyImage,
    PixelRange,
    PixelScale,
    RmsChange,
)
from noisesweep.models.noise_kinds import IMAGENET_C_SCALES, NoiseKind
from noisesweep.models.problems import InvalidField, Problem
from noisesweep.models.queue import Estimate, Queue
from noisesweep.models.requests import MAX_RUNS, MAX_SCALES, ExtensionRequest, RunRequest, SweepRequest
from noisesweep.models.results import ResultRow, Results
from noisesweep.models.runs import EpochMetrics, Kept, Run, RunError, RunLinks, RunStatus, RunSummary
from noisesweep.models.statistics import (
    Area,
    Bounds,
    Efficiency,
    Evaluation,
    Gaps,
    HalfWay,
    Interval,
    IntervalTarget,
    LevelEfficiency,
    Matrix,
    OtherNoise,
    ScaleFigures,
    Summary,
)
from noisesweep.models.store import OLD_SWEEPS_EXIT_CODE, REQUIRED_STORE, is_supported_store
from noisesweep.models.sweeps import Progress, Sweep, SweepLinks, SweepList
from noisesweep.models.transfer import Transfer, TransferRow
from noisesweep.models.workers import Worker, WorkerList, WorkerProfile

__all__ = [
    "IMAGENET_C_SCALES",
    "KEY_NAME",
    "MAX_CLASSES",
    "MAX_RUNS",
    "MAX_SCALES",
    "OLD_SWEEPS_EXIT_CODE",
    "REQUIRED_STORE",
    "Area",
    "AreaDifference",
    "Bounds",
    "ClassMember",
    "ClassResults",
    "ClassScale",
    "ClassSweep",
    "Comparison",
    "ContactSheet",
    "ConvolutionalNetwork",
    "DatasetFacts",
    "DatasetInfo",
    "DatasetLimit",
    "DatasetList",
    "DatasetSlug",
    "DifferenceMethod",
    "Efficiency",
    "Ends",
    "EpochMetrics",
    "Estimate",
    "Evaluation",
    "Event",
    "EventList",
    "EventType",
    "ExtensionRequest",
    "Gaps",
    "HalfWay",
    "Images",
    "Interval",
    "IntervalTarget",
    "InvalidField",
    "Keep",
    "Kept",
    "LevelEfficiency",
    "Matrix",
    "Model",
    "MultilayerPerceptron",
    "NetworkKind",
    "NoiseKind",
    "NoiseKindInfo",
    "NoiseKindList",
    "NoiseOn",
    "NoiseSample",
    "NoiseSamples",
    "NoiseStatistics",
    "NoisyImage",
    "OtherNoise",
    "PixelRange",
    "PixelScale",
    "Precision",
    "Problem",
    "Progress",
    "Queue",
    "ResultRow",
    "Results",
    "RmsChange",
    "Run",
    "RunError",
    "RunLinks",
    "RunRequest",
    "RunStatus",
    "RunSummary",
    "ScaleDifference",
    "ScaleFigures",
    "ScaleRatio",
    "SheetClass",
    "Summary",
    "Sweep",
    "SweepLinks",
    "SweepList",
    "SweepRequest",
    "Tag",
    "TrainingConfig",
    "Transfer",
    "TransferRow",
    "Worker",
    "WorkerList",
    "WorkerProfile",
    "hash_api_key",
    "is_supported_store",
]
