"""Workers of two numerics versions on one store."""

from collections.abc import Iterator

import pytest
from redis import Redis

from noisesweep.models import RunError, RunStatus
from shared.numerics import NUMERICS
from shared.settings import Settings
from shared.store.keys import LEASES, MODELS, TURNS, SweepKeys, line_of, run_id
from tests.support.claims import SHA, THREE, claim_next, claim_runs, metrics, reap, release, save, state
from tests.support.records import evaluation
from tests.support.stored_sweeps import Sweeps
from tests.support.trainer import REQUEST, Trainer
from worker.claims import Claim
from worker.leases import LeaseLostError, Leases


@pytest.fixture
def others(settings: Settings) -> Iterator[Leases]:
    """Yield the access of a worker with another numerics version."""
    leases = Leases(settings, numerics=7)
    yield leases
    leases.close()


def release_after_epoch(leases: Leases, claim: Claim) -> None:
    for run in claim.runs:
        leases.commit(claim, run, metrics(0))
        release(leases, claim, run, state(1))


def test_runs_record_the_numerics_of_their_worker(leases: Leases, others: Leases, sweeps: Sweeps) -> None:
    sweep_id = sweeps.create(THREE)
    claim_runs(leases, sweep_id)
    claim_runs(others, sweep_id)
    assert [sweeps.run(sweep_id, index).get("numerics") for index in range(3)] == [str(NUMERICS), "7", None]


@pytest.mark.parametrize("newer_first", [False, True])
def test_run_of_other_numerics_starts_again(
    leases: Leases, others: Leases, sweeps: Sweeps, redis: Redis, *, newer_first: bool
) -> None:
    first, second = (others, leases) if newer_first else (leases, others)
    sweep_id = sweeps.create(THREE)
    claim = claim_runs(first, sweep_id)
    first.save_model(claim, claim.runs[0], b"a model")
    release_after_epoch(first, claim)
    again = claim_runs(second, sweep_id)
    assert again.runs == claim.runs
    assert second.checkpoint(again, again.runs[0]) is None
    assert sweeps.epochs(sweep_id, 0) == []
    assert "checkpoint_at" not in sweeps.run(sweep_id, 0)
    assert not redis.exists(SweepKeys(sweep_id).model(0))
    assert redis.zcard(MODELS) == 0
    for epoch in range(2):
        second.commit(again, again.runs[0], metrics(epoch))
    assert second.succeed(again, again.runs[0], SHA, evaluation(), epochs=2) is RunStatus.SUCCEEDED


def test_run_of_the_same_numerics_continues(leases: Leases, others: Leases, sweeps: Sweeps) -> None:
    sweep_id = sweeps.create(THREE)
    release_after_epoch(others, claim_runs(others, sweep_id))
    again = claim_runs(others, sweep_id)
    checkpoint = others.checkpoint(again, again.runs[0])
    assert checkpoint
    assert checkpoint.epoch == 1
    assert len(sweeps.epochs(sweep_id, 0)) == 1


def test_runs_that_start_again_share_a_stack_with_new_runs(leases: Leases, others: Leases, sweeps: Sweeps) -> None:
    sweep_id = sweeps.create(THREE)
    release_after_epoch(leases, claim_runs(leases, sweep_id, limit=2))
    assert [run.index for run in claim_runs(others, sweep_id, limit=3).runs] == [0, 1, 2]


def test_former_owner_of_other_numerics_writes_nothing(leases: Leases, others: Leases, sweeps: Sweeps) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claim_runs(leases, sweep_id)
    leases.commit(claim, claim.runs[0], metrics(0))
    leases.redis.zadd(LEASES, {run_id(sweep_id, 0): 1})
    assert reap(leases).requeued == 1
    again = claim_runs(others, sweep_id)
    with pytest.raises(LeaseLostError):
        leases.commit(claim, claim.runs[0], metrics(1))
    with pytest.raises(LeaseLostError):
        save(leases, claim, claim.runs[0], state(1))
    assert sweeps.epochs(sweep_id, 0) == []
    others.commit(again, again.runs[0], metrics(0))


def test_retried_run_keeps_no_epochs_of_other_numerics(leases: Leases, others: Leases, sweeps: Sweeps) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claim_runs(leases, sweep_id)
    leases.commit(claim, claim.runs[0], metrics(0))
    leases.fail(claim, claim.runs[0], RunError(code="diverged", message="The loss became NaN."))
    sweeps.retry(sweep_id)
    claim_runs(others, sweep_id, limit=3)
    assert sweeps.epochs(sweep_id, 0) == []


def test_all_epochs_of_a_run_that_starts_again_count_for_its_turn(
    leases: Leases, others: Leases, sweeps: Sweeps, redis: Redis
) -> None:
    sweep_id = sweeps.create(THREE)
    before = redis.zscore(TURNS, line_of(""))
    release_after_epoch(leases, claim_next(leases))
    claim_next(others)
    after = redis.zscore(TURNS, line_of(""))
    assert before is not None
    assert after is not None
    epoch_work = int(str(redis.hget(SweepKeys(sweep_id).record, "epoch_work")))
    assert after - before == (1 + THREE.epochs) * epoch_work
    assert int(sweeps.run(sweep_id, 0)["work"]) == THREE.epochs * epoch_work


def test_training_with_other_numerics_equals_an_uninterrupted_one(
    trainer: Trainer, others: Leases, sweeps: Sweeps, settings: Settings
) -> None:
    claim = trainer.create_claim(REQUEST)
    assert trainer.train(claim, stop=lambda: bool(trainer.metrics(claim.sweep_id, 0))) == 1
    other = Trainer(sweeps, others, settings, trainer.stack_cache)
    other.train(claim_runs(others, claim.sweep_id))
    trained = other.metrics(claim.sweep_id, 0), sweeps.run(claim.sweep_id, 0)["weights_sha256"]
    assert trained == trainer.train_uninterrupted(REQUEST)
