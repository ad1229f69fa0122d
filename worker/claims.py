"""Runs that a worker has claimed, and the result that such a run has kept."""

from dataclasses import dataclass

from noisesweep.models import TrainingConfig


@dataclass(frozen=True)
class KeptEpoch:
    """Epoch whose weights a run with a holdout has kept, and its loss (nats) and accuracy on the test images."""

    kept_epoch: int
    test_loss: float
    test_accuracy: float


@dataclass(frozen=True)
class ClaimedRun:
    """A run that belongs to the claim's owner until its lease expires."""

    index: int
    scale: float
    seed: int


@dataclass(frozen=True)
class Claim:
    """Runs of one seed that one owner has claimed.

    Attributes:
        owner: A new UUID for each claim, so that claims cannot be confused.
        sweep_id: The sweep of the runs.
        device: Kind of device that the worker trains on; empty if unknown.
        request_id: Id of the request that submitted the sweep; empty if unknown.
        traceparent: W3C trace context of that request; empty if unknown.
        config: The training config of the sweep.
        keep_model: Whether to store the trained models.
        runs: The claimed runs.
    """

    owner: str
    sweep_id: str
    device: str
    request_id: str
    traceparent: str
    config: TrainingConfig
    keep_model: bool
    runs: tuple[ClaimedRun, ...]
