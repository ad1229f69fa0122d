"""How leases are kept, how they run out, and what becomes of runs that were to be cancelled."""

import pytest
from redis import Redis
from redis.exceptions import OutOfMemoryError

from noisesweep.models import SweepRequest
from shared.store.keys import SweepKeys
from tests.support.claims import SHA, THREE, claimed, metrics, state
from tests.support.records import evaluation
from tests.support.stored_sweeps import Sweeps
from worker.leases import LeaseLostError, Leases, LeaseState, ReapResult


def expire(redis: Redis, sweep_id: str, *indices: int) -> None:
    """Let the leases run out now."""
    for index in indices:
        redis.zadd(SweepKeys(sweep_id).leases, {str(index): 1})


def reap(leases: Leases, sweep_id: str, *, silence_seconds: float = 60) -> ReapResult:
    return leases.reap(sweep_id, max_attempts=3, silence_seconds=silence_seconds)


def test_a_lease_is_renewed_when_a_sixth_of_it_has_passed_and_not_before(
    leases: Leases, sweeps: Sweeps, redis: Redis
) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claimed(leases, sweep_id)
    key = SweepKeys(sweep_id).leases
    first = redis.zscore(key, "0")
    assert leases.renew(claim) == {0: LeaseState.HELD}
    assert redis.zscore(key, "0") == first
    redis.zincrby(key, -6_000_000, "0")  # six of its thirty seconds ago
    assert leases.renew(claim) == {0: LeaseState.HELD}
    renewed = redis.zscore(key, "0")
    assert first is not None
    assert renewed is not None
    assert renewed > first


def test_a_renewal_tells_which_runs_are_to_be_cancelled_and_which_are_lost(
    leases: Leases, sweeps: Sweeps, redis: Redis
) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claimed(leases, sweep_id, limit=3)
    assert sweeps.cancel(sweep_id, 1) == 1
    redis.hset(SweepKeys(sweep_id).run(2), "owner", "somebody else")
    assert leases.renew(claim) == {0: LeaseState.HELD, 1: LeaseState.CANCELLED, 2: LeaseState.LOST}


def test_a_run_whose_lease_has_run_out_is_queued_again_and_its_old_owner_can_write_nothing(
    leases: Leases, sweeps: Sweeps, redis: Redis
) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claimed(leases, sweep_id)
    leases.commit(claim, claim.runs[0], metrics(0), state(1))
    expire(redis, sweep_id, 0)
    assert reap(leases, sweep_id) == ReapResult(open_runs=3, runs_without_message=3, requeued=1)
    with pytest.raises(LeaseLostError):
        leases.commit(claim, claim.runs[0], metrics(1))
    with pytest.raises(LeaseLostError):
        leases.succeed(claim, claim.runs[0], SHA, evaluation())
    assert leases.renew(claim) == {0: LeaseState.LOST}
    again = claimed(leases, sweep_id)
    assert again.runs == claim.runs
    kept = leases.checkpoint(again, again.runs[0])
    assert kept
    assert kept.position == "1:0"
    assert sweeps.run(sweep_id, 0)["attempts"] == "2"


def test_a_lease_that_runs_is_left_alone_by_the_reaper(leases: Leases, sweeps: Sweeps) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1]))
    claim = claimed(leases, sweep_id)
    assert reap(leases, sweep_id) == ReapResult(open_runs=1, runs_without_message=0)
    leases.commit(claim, claim.runs[0], metrics(0))


def test_a_run_that_loses_three_workers_without_an_epoch_more_fails(
    leases: Leases, sweeps: Sweeps, redis: Redis
) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1], epochs=9))
    for _ in range(3):
        claimed(leases, sweep_id)
        expire(redis, sweep_id, 0)
        found = reap(leases, sweep_id)
    assert found == ReapResult(open_runs=0, runs_without_message=0, lost=1)
    run = sweeps.run(sweep_id, 0)
    assert (run["outcome"], run["error_code"], run["attempts"]) == ("failed", "worker_lost", "3")
    assert "3 times in a row" in run["error_message"]
    assert sweeps.events(sweep_id)[-2:] == [("run.ended", "0"), ("sweep.ended", "")]


def test_a_run_that_gets_an_epoch_further_each_time_may_lose_any_number_of_workers(
    leases: Leases, sweeps: Sweeps, redis: Redis
) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1], epochs=9))
    for epoch in range(8):
        claim = claimed(leases, sweep_id)
        leases.commit(claim, claim.runs[0], metrics(epoch))
        expire(redis, sweep_id, 0)
        reap(leases, sweep_id)
    assert "outcome" not in sweeps.run(sweep_id, 0)


def test_epochs_that_were_handed_back_count_as_getting_further(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1], epochs=9))
    for epoch in range(4):
        claimed(leases, sweep_id)
        expire(redis, sweep_id, 0)
        reap(leases, sweep_id)
        claim = claimed(leases, sweep_id)
        leases.commit(claim, claim.runs[0], metrics(epoch))
        leases.release(claim, claim.runs[0], state(epoch + 1))
    assert "outcome" not in sweeps.run(sweep_id, 0)


def test_a_full_store_lets_runs_be_handed_back_and_cancelled(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claimed(leases, sweep_id, limit=2)
    redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(OutOfMemoryError):
            leases.commit(claim, claim.runs[0], metrics(0))
        assert leases.renew(claim) == {0: LeaseState.HELD, 1: LeaseState.HELD}
        leases.release(claim, claim.runs[0], state(0, step=3))
        assert sweeps.cancel(sweep_id) == 3
        assert leases.cancel(claim, claim.runs[1]) == "cancelled"
    finally:
        redis.config_set("maxmemory", 0)
    assert sweeps.events(sweep_id)[-1] == ("sweep.ended", "")


def test_a_run_that_may_have_killed_its_worker_is_trained_alone_next_time(
    leases: Leases, sweeps: Sweeps, redis: Redis
) -> None:
    sweep_id = sweeps.create(THREE)
    claimed(leases, sweep_id, limit=2)
    expire(redis, sweep_id, 0, 1)
    reap(leases, sweep_id)
    taken = [[run.index for run in claimed(leases, sweep_id, limit=3).runs] for _ in range(3)]
    assert taken == [[0], [1], [2]]


def test_messages_are_wanted_again_after_a_silence_and_then_not_for_as_long(
    leases: Leases, sweeps: Sweeps, redis: Redis
) -> None:
    sweep_id = sweeps.create(THREE)
    assert reap(leases, sweep_id).runs_without_message == 0
    redis.hincrby(SweepKeys(sweep_id).record, "hinted_at", -61_000_000)
    assert reap(leases, sweep_id).runs_without_message == 3
    assert reap(leases, sweep_id).runs_without_message == 0


def test_a_queued_run_is_cancelled_at_once_and_is_never_claimed(leases: Leases, sweeps: Sweeps) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1, 0.5]))
    assert sweeps.cancel(sweep_id, 0) == 1
    assert sweeps.run(sweep_id, 0)["outcome"] == "cancelled"
    assert [run.index for run in claimed(leases, sweep_id, limit=3).runs] == [1]


def test_whoever_ends_a_run_that_was_to_be_cancelled_cancels_it(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1, 0.2, 0.3, 0.4]))
    claim = claimed(leases, sweep_id, limit=4)
    assert sweeps.cancel(sweep_id) == 4
    leases.cancel(claim, claim.runs[0])
    for _ in range(2):  # repeated after a lost reply
        assert leases.succeed(claim, claim.runs[1], SHA, evaluation(), model=b"a model") == "cancelled"
        leases.release(claim, claim.runs[2], state(1))
    expire(redis, sweep_id, 3)
    assert reap(leases, sweep_id).open_runs == 0
    for index in range(4):
        run = sweeps.run(sweep_id, index)
        assert run["outcome"] == "cancelled"
        assert not {"weights_sha256", "cancel_requested"} & run.keys()
        assert not redis.exists(SweepKeys(sweep_id).model(index), SweepKeys(sweep_id).checkpoint(index))
    events = sweeps.events(sweep_id)
    assert [events.count(("run.ended", str(index))) for index in range(4)] == [1] * 4
    assert events[-1] == ("sweep.ended", "")


def test_a_run_that_has_ended_is_not_cancelled_any_more(leases: Leases, sweeps: Sweeps) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1]))
    claim = claimed(leases, sweep_id)
    leases.succeed(claim, claim.runs[0], SHA, evaluation())
    before = (sweeps.run(sweep_id, 0), sweeps.events(sweep_id))
    assert sweeps.cancel(sweep_id) == 0
    assert (sweeps.run(sweep_id, 0), sweeps.events(sweep_id)) == before


def test_a_sweep_is_forgotten_with_all_its_keys_once_it_has_ended_long_enough_ago(
    leases: Leases, sweeps: Sweeps, redis: Redis
) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1]))
    claim = claimed(leases, sweep_id)
    leases.commit(claim, claim.runs[0], metrics(0), state(1))
    assert not leases.forget(sweep_id, 2**60)
    leases.succeed(claim, claim.runs[0], SHA, evaluation(), model=b"a model")
    ended_at = int(sweeps.run(sweep_id, 0)["ended_at"])
    assert not leases.forget(sweep_id, ended_at)
    assert leases.forget(sweep_id, ended_at + 1)
    assert redis.keys(f"*{sweep_id}*") == []
    assert leases.forget(sweep_id, ended_at + 1)


def test_a_sweep_may_have_more_keys_than_a_script_can_name_in_one_command(
    leases: Leases, sweeps: Sweeps, redis: Redis
) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1]))
    claim = claimed(leases, sweep_id)
    leases.succeed(claim, claim.runs[0], SHA, evaluation())
    keys, runs = SweepKeys(sweep_id), 3000
    redis.hset(keys.record, "run_count", runs)
    with redis.pipeline() as pipeline:
        for index in range(1, runs):
            pipeline.hset(keys.run(index), "ended_at", 1)
        pipeline.execute()
    assert leases.forget(sweep_id, 2**60)
    assert redis.keys(f"*{sweep_id}*") == []
