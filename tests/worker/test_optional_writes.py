"""Checkpoints and models that cannot be stored or read never block epochs and ends of runs."""

import errno
import os
from collections.abc import Callable, Iterator
from typing import NoReturn

import numpy as np
import pytest
from redis import Redis

from noisesweep.models import RunStatus, SweepRequest
from shared.settings import Settings
from shared.store.keys import SweepKeys
from tests.support.claims import SHA, claim_runs, metrics, save, state
from tests.support.networks import mlp
from tests.support.records import evaluation
from tests.support.stored_sweeps import Sweeps
from tests.support.trainer import REQUEST, Trainer
from worker.claim_leases import ClaimLeases
from worker.claims import Claim, ClaimedRun
from worker.leases import Leases
from worker.trainer.checkpoints import FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS, CheckpointSchedule
from worker.trainer.state import RunState

MEGABYTE = 1_000_000
Limit = Callable[[Redis], object]
# Limits that large data exceeds and small writes do not.
LIMITS: dict[str, Limit] = {
    "memory": lambda redis: redis.config_set("maxmemory", redis.info("memory")["used_memory"] + 4 * MEGABYTE),
    "argument size": lambda redis: redis.config_set("proto-max-bulk-len", 2**20),
}


@pytest.fixture
def limited(redis: Redis) -> Iterator[Redis]:
    """Yield the client; afterwards remove all limits of the server."""
    yield redis
    redis.config_set("maxmemory", 0)
    redis.config_set("proto-max-bulk-len", 512 * 2**20)


@pytest.fixture
def claim(leases: Leases, sweeps: Sweeps) -> Claim:
    return claim_runs(leases, sweeps.create(SweepRequest(scales=[0.1], epochs=9, keep_model=True)))


@pytest.fixture
def claim_leases(claim: Claim, leases: Leases, settings: Settings) -> Iterator[ClaimLeases]:
    with ClaimLeases(claim, leases, settings, lambda: False) as claim_leases:
        yield claim_leases


@pytest.fixture
def with_checkpoint(claim: Claim, claim_leases: ClaimLeases) -> ClaimedRun:
    """Return the claimed run, with one epoch and a checkpoint after it."""
    (run,) = claim.runs
    claim_leases.commit(run, metrics(0))
    assert claim_leases.save_checkpoint(run, state(1))
    return run


def large_state(epoch: int) -> RunState:
    weights = [np.zeros((1000, 1000), np.float32)]
    return RunState(epoch, 0, weights, weights, np.float32(0), np.float32(0))


@pytest.mark.parametrize("kind", LIMITS)
def test_a_checkpoint_that_does_not_fit_blocks_no_epoch(
    claim: Claim, claim_leases: ClaimLeases, sweeps: Sweeps, limited: Redis, kind: str
) -> None:
    (run,) = claim.runs
    LIMITS[kind](limited)
    claim_leases.commit(run, metrics(0))
    assert not claim_leases.save_checkpoint(run, large_state(1))
    claim_leases.commit(run, metrics(1))
    assert len(sweeps.epochs(claim.sweep_id, 0)) == 2
    assert "The checkpoint could not be stored: it has 8.0 MB" in sweeps.run(claim.sweep_id, 0)["checkpoint_warning"]
    assert claim_leases.save_checkpoint(run, state(2))
    assert "checkpoint_warning" not in sweeps.run(claim.sweep_id, 0)


def test_other_clients_can_write_while_a_checkpoint_does_not_fit(
    claim: Claim, claim_leases: ClaimLeases, limited: Redis
) -> None:
    LIMITS["memory"](limited)
    limited.config_resetstat()
    assert not claim_leases.save_checkpoint(claim.runs[0], large_state(0))
    assert limited.info("stats")["total_net_input_bytes"] < MEGABYTE


def test_a_checkpoint_that_does_not_fit_leaves_the_previous_one(
    claim: Claim, claim_leases: ClaimLeases, leases: Leases, limited: Redis, with_checkpoint: ClaimedRun
) -> None:
    LIMITS["memory"](limited)
    claim_leases.commit(with_checkpoint, metrics(1))
    assert not claim_leases.save_checkpoint(with_checkpoint, large_state(2))
    checkpoint = leases.checkpoint(claim, with_checkpoint)
    assert checkpoint
    assert checkpoint.position == "1:0"


@pytest.mark.parametrize("kind", LIMITS)
def test_a_model_that_does_not_fit_blocks_no_end(
    claim: Claim, claim_leases: ClaimLeases, sweeps: Sweeps, limited: Redis, kind: str
) -> None:
    (run,) = claim.runs
    LIMITS[kind](limited)
    assert not claim_leases.save_model(run, bytes(8 * MEGABYTE))
    assert claim_leases.succeed(run, SHA, evaluation(), epochs=0) is RunStatus.SUCCEEDED
    assert "The model could not be stored: it has 8.0 MB" in sweeps.run(claim.sweep_id, 0)["model_warning"]


def test_a_run_is_released_without_a_checkpoint_that_cannot_be_transferred(
    claim: Claim, claim_leases: ClaimLeases, leases: Leases, limited: Redis, with_checkpoint: ClaimedRun
) -> None:
    LIMITS["argument size"](limited)
    assert claim_leases.release(with_checkpoint, large_state(1)) is RunStatus.QUEUED
    checkpoint = leases.checkpoint(claim, with_checkpoint)
    assert checkpoint
    assert len(checkpoint.weights[0]) == len(state(1).weights[0])


def test_a_run_starts_without_a_checkpoint_that_cannot_be_read(
    claim: Claim, claim_leases: ClaimLeases, leases: Leases, redis: Redis
) -> None:
    save(leases, claim, claim.runs[0], large_state(0))
    key = SweepKeys(claim.sweep_id).checkpoint(0)
    redis.delete(key)
    redis.rpush(key, "the store refuses to read a list as a checkpoint")
    assert claim_leases.checkpoint(claim.runs[0]) is None


def test_a_model_that_does_not_fit_does_not_fail_its_run(trainer: Trainer, redis: Redis) -> None:
    request = REQUEST.model_copy(update={"keep_model": True, "model": mlp(512, 512)})
    claim = trainer.create_claim(request)
    trainer.stack_cache.get(claim.config, 1)
    redis.config_set("maxmemory", redis.info("memory")["used_memory"] + 2_000_000)
    try:
        trainer.train(claim)
    finally:
        redis.config_set("maxmemory", 0)
    run = trainer.sweeps.run(claim.sweep_id, 0)
    assert run["outcome"] == "succeeded"
    assert "the store is full" in run["model_warning"]


def test_a_full_disk_of_the_worker_does_not_fail_a_run(trainer: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    # Only the export uses TemporaryDirectory. TensorFlow writes other temporary files when it compiles a function.
    monkeypatch.setattr("tempfile.TemporaryDirectory", full)
    claim = trainer.create_claim(REQUEST.model_copy(update={"keep_model": True}))
    trainer.train(claim)
    run = trainer.sweeps.run(claim.sweep_id, 0)
    assert run["outcome"] == "succeeded"
    assert "the worker could not write the file" in run["model_warning"]


def test_checkpoints_are_due_less_often_while_they_cannot_be_stored() -> None:
    now = 0.0
    schedule = CheckpointSchedule(1.0, clock=lambda: now)
    pauses = []
    for _ in range(12):
        begun = now
        while not schedule.is_due:
            now += 1
        pauses.append(now - begun)
        schedule.record(stored=False)
    assert pauses[:4] == [1, FIRST_PAUSE_SECONDS, 2 * FIRST_PAUSE_SECONDS, 4 * FIRST_PAUSE_SECONDS]
    assert pauses[-1] == LAST_PAUSE_SECONDS
    schedule.record(stored=True)
    now += 1
    assert schedule.is_due
