"""Invented data that a claim's owner writes."""

import numpy as np

from noisesweep.models import EpochMetrics, SweepRequest
from worker.leases import Claim, Leases
from worker.trainer.state import RunState

SHA = "ab" * 32
THREE = SweepRequest(scales=[0.1, 0.5, 1.0], epochs=2, dataset="digits")


def metrics(epoch: int) -> EpochMetrics:
    return EpochMetrics(epoch=epoch, loss=0.5, accuracy=0.8, val_loss=0.6, val_accuracy=0.7, seconds=1.0)


def state(epoch: int, step: int = 0) -> RunState:
    weights = [np.full((2, 3), epoch, np.float32)]
    return RunState(epoch, step, weights, weights, np.float32(0.5), np.float32(7))


def claim_runs(leases: Leases, sweep_id: str, limit: int = 1) -> Claim:
    claim = leases.claim(sweep_id, limit)
    assert claim
    return claim
