"""Invented data that a claim's owner writes, and calls of a worker with it."""

import numpy as np

from noisesweep.models import EpochMetrics, RunStatus, SweepRequest
from shared.settings import Settings
from shared.store.clock import server_time
from tests.support.stored_sweeps import Sweeps
from worker.claims import Claim, ClaimedRun
from worker.leases import Leases
from worker.reaping import Reaping, ReapResult, Round
from worker.trainer.state import RunState

SHA = "ab" * 32
THREE = SweepRequest(scales=[0.1, 0.5, 1.0], epochs=2, dataset="digits")


def metrics(epoch: int) -> EpochMetrics:
    return EpochMetrics(epoch=epoch, loss=0.5, accuracy=0.8, val_loss=0.6, val_accuracy=0.7, seconds=1.0)


def state(epoch: int, step: int = 0) -> RunState:
    weights = [np.full((2, 3), epoch, np.float32)]
    return RunState(epoch, step, weights, weights, np.float32(0.5), np.float32(7))


def claim_next(leases: Leases, limit: int = 1) -> Claim:
    claim = leases.claim(limit)
    assert claim
    return claim


def claim_runs(leases: Leases, sweep_id: str, limit: int = 1) -> Claim:
    """Claim runs of this sweep, whatever else is queued."""
    Sweeps(leases.redis).put_first(sweep_id)
    claim = claim_next(leases, limit)
    assert claim.sweep_id == sweep_id
    return claim


def save(leases: Leases, claim: Claim, run: ClaimedRun, state: RunState) -> None:
    leases.save_checkpoint(claim, run, state.position, state.to_bytes())


def release(leases: Leases, claim: Claim, run: ClaimedRun, state: RunState) -> RunStatus:
    return leases.release(claim, run, state.position, state.to_bytes())


def reap(leases: Leases, *, max_attempts: int = 3) -> ReapResult:
    """Reap all expired leases, in a round that ignores none."""
    now = server_time(leases.redis)
    return Reaping(leases.redis, Settings(max_attempts=max_attempts)).reap(Round(now, now))


def delete_ended(leases: Leases, sweep_id: str, ended_before: int) -> bool:
    (gone,) = Reaping(leases.redis, Settings()).delete_ended([sweep_id], ended_before)
    assert isinstance(gone, bool), gone
    return gone
