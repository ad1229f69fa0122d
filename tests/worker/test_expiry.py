"""Renewal and expiry of leases, cancellation of runs, and deletion of sweeps."""

import pytest
from redis import Redis
from redis.exceptions import OutOfMemoryError

from noisesweep.models import SweepRequest
from shared.store.keys import LEASES, SweepKeys, run_id
from tests.support.claims import SHA, THREE, claim_runs, delete_ended, metrics, reap, release, save, state
from tests.support.records import evaluation
from tests.support.stored_sweeps import Sweeps
from worker.leases import LeaseLostError, Leases, LeaseState
from worker.reaping import ReapResult


def expire(redis: Redis, sweep_id: str, *indices: int) -> None:
    """Make the leases of these runs expire immediately."""
    for index in indices:
        redis.zadd(LEASES, {run_id(sweep_id, index): 1})


def test_a_lease_is_renewed_after_a_sixth_of_it(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claim_runs(leases, sweep_id)
    run = run_id(sweep_id, 0)
    first = redis.zscore(LEASES, run)
    assert leases.renew(claim) == {0: LeaseState.HELD}
    assert redis.zscore(LEASES, run) == first
    redis.zincrby(LEASES, -6_000_000, run)  # as if the lease of 30 s had been renewed 6 s ago
    assert leases.renew(claim) == {0: LeaseState.HELD}
    renewed = redis.zscore(LEASES, run)
    assert first is not None
    assert renewed is not None
    assert renewed > first


def test_a_renewal_reports_cancelled_and_lost_runs(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claim_runs(leases, sweep_id, limit=3)
    assert sweeps.cancel(sweep_id, 1) == 1
    redis.hset(SweepKeys(sweep_id).run(2), "owner", "another owner")
    assert leases.renew(claim) == {0: LeaseState.HELD, 1: LeaseState.CANCELLED, 2: LeaseState.LOST}


def test_an_expired_run_is_requeued_and_its_old_owner_fenced(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claim_runs(leases, sweep_id)
    leases.commit(claim, claim.runs[0], metrics(0))
    save(leases, claim, claim.runs[0], state(1))
    expire(redis, sweep_id, 0)
    assert reap(leases) == ReapResult(leases=1, requeued=1, errors=[])
    with pytest.raises(LeaseLostError):
        leases.commit(claim, claim.runs[0], metrics(1))
    with pytest.raises(LeaseLostError):
        leases.succeed(claim, claim.runs[0], SHA, evaluation())
    assert leases.renew(claim) == {0: LeaseState.LOST}
    again = claim_runs(leases, sweep_id)
    assert again.runs == claim.runs
    checkpoint = leases.checkpoint(again, again.runs[0])
    assert checkpoint
    assert checkpoint.position == "1:0"
    assert sweeps.run(sweep_id, 0)["attempts"] == "2"


def test_a_valid_lease_is_not_reaped(leases: Leases, sweeps: Sweeps) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1]))
    claim = claim_runs(leases, sweep_id)
    assert reap(leases) == ReapResult(leases=0, errors=[])
    leases.commit(claim, claim.runs[0], metrics(0))


def test_a_run_fails_after_three_lost_workers_without_progress(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1], epochs=9))
    for _ in range(3):
        claim_runs(leases, sweep_id)
        expire(redis, sweep_id, 0)
        result = reap(leases)
    assert result == ReapResult(leases=1, lost=1, errors=[])
    run = sweeps.run(sweep_id, 0)
    assert (run["outcome"], run["error_code"], run["attempts"]) == ("failed", "worker_lost", "3")
    assert "3 times in a row" in run["error_message"]
    assert sweeps.events(sweep_id)[-2:] == [("run.ended", "0"), ("sweep.ended", "")]


def test_a_run_with_progress_may_lose_any_number_of_workers(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1], epochs=9))
    for epoch in range(8):
        claim = claim_runs(leases, sweep_id)
        leases.commit(claim, claim.runs[0], metrics(epoch))
        expire(redis, sweep_id, 0)
        reap(leases)
    assert "outcome" not in sweeps.run(sweep_id, 0)


def test_epochs_before_a_release_count_as_progress(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1], epochs=9))
    for epoch in range(4):
        claim_runs(leases, sweep_id)
        expire(redis, sweep_id, 0)
        reap(leases)
        claim = claim_runs(leases, sweep_id)
        leases.commit(claim, claim.runs[0], metrics(epoch))
        release(leases, claim, claim.runs[0], state(epoch + 1))
    assert "outcome" not in sweeps.run(sweep_id, 0)


def test_a_full_store_accepts_releases_and_cancellations(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claim_runs(leases, sweep_id, limit=2)
    redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(OutOfMemoryError):
            leases.commit(claim, claim.runs[0], metrics(0))
        assert leases.renew(claim) == {0: LeaseState.HELD, 1: LeaseState.HELD}
        release(leases, claim, claim.runs[0], state(0, step=3))
        assert sweeps.cancel(sweep_id) == 3
        assert leases.cancel(claim, claim.runs[1]) == "cancelled"
    finally:
        redis.config_set("maxmemory", 0)
    assert sweeps.events(sweep_id)[-1] == ("sweep.ended", "")


def test_a_run_that_lost_its_worker_is_claimed_alone(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(THREE)
    claim_runs(leases, sweep_id, limit=2)
    expire(redis, sweep_id, 0, 1)
    reap(leases)
    claims = [[run.index for run in claim_runs(leases, sweep_id, limit=3).runs] for _ in range(3)]
    assert claims == [[0], [1], [2]]


def test_a_queued_run_is_cancelled_immediately_and_never_claimed(leases: Leases, sweeps: Sweeps) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1, 0.5]))
    assert sweeps.cancel(sweep_id, 0) == 1
    assert sweeps.run(sweep_id, 0)["outcome"] == "cancelled"
    assert [run.index for run in claim_runs(leases, sweep_id, limit=3).runs] == [1]


def test_every_end_of_a_run_honours_its_cancellation(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1, 0.2, 0.3, 0.4]))
    claim = claim_runs(leases, sweep_id, limit=4)
    assert sweeps.cancel(sweep_id) == 4
    leases.cancel(claim, claim.runs[0])
    leases.save_model(claim, claim.runs[1], b"a model")
    for _ in range(2):  # repeated after a lost reply
        assert leases.succeed(claim, claim.runs[1], SHA, evaluation()) == "cancelled"
        release(leases, claim, claim.runs[2], state(1))
    expire(redis, sweep_id, 3)
    assert reap(leases).cancelled == 1
    for index in range(4):
        run = sweeps.run(sweep_id, index)
        assert run["outcome"] == "cancelled"
        assert not {"weights_sha256", "cancel_requested"} & run.keys()
        assert not redis.exists(SweepKeys(sweep_id).model(index), SweepKeys(sweep_id).checkpoint(index))
    events = sweeps.events(sweep_id)
    assert [events.count(("run.ended", str(index))) for index in range(4)] == [1] * 4
    assert events[-1] == ("sweep.ended", "")


def test_an_ended_run_is_not_cancelled(leases: Leases, sweeps: Sweeps) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1]))
    claim = claim_runs(leases, sweep_id)
    leases.succeed(claim, claim.runs[0], SHA, evaluation())
    before = (sweeps.run(sweep_id, 0), sweeps.events(sweep_id))
    assert sweeps.cancel(sweep_id) == 0
    assert (sweeps.run(sweep_id, 0), sweeps.events(sweep_id)) == before


def test_an_old_ended_sweep_is_deleted_with_all_its_keys(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1]))
    claim = claim_runs(leases, sweep_id)
    leases.commit(claim, claim.runs[0], metrics(0))
    save(leases, claim, claim.runs[0], state(1))
    assert not delete_ended(leases, sweep_id, 2**60)
    leases.save_model(claim, claim.runs[0], b"a model")
    leases.succeed(claim, claim.runs[0], SHA, evaluation())
    ended_at = int(sweeps.run(sweep_id, 0)["ended_at"])
    assert not delete_ended(leases, sweep_id, ended_at)
    assert delete_ended(leases, sweep_id, ended_at + 1)
    assert redis.keys(f"*{sweep_id}*") == []
    assert delete_ended(leases, sweep_id, ended_at + 1)


def test_a_sweep_with_thousands_of_keys_is_deleted(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1]))
    claim = claim_runs(leases, sweep_id)
    leases.succeed(claim, claim.runs[0], SHA, evaluation())
    keys, runs = SweepKeys(sweep_id), 3000
    redis.hset(keys.record, "run_count", runs)
    with redis.pipeline() as pipeline:
        for index in range(1, runs):
            pipeline.hset(keys.run(index), mapping={"ended_at": 1, "submitter": ""})
        pipeline.execute()
    assert delete_ended(leases, sweep_id, 2**60)
    assert redis.keys(f"*{sweep_id}*") == []
