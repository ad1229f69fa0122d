"""Lost workers: what counts as a loss, and what does not: outages of the store, steps of its clock, and progress."""

from typing import Any

import pytest
from redis import Redis

from noisesweep.models import SweepRequest
from shared.settings import Settings
from shared.store.clock import server_time
from shared.store.keys import LEASES, REAPER, WORKERS, SweepKeys, run_id
from tests.support.claims import claim_runs, metrics, reap, release, save, state
from tests.support.stored_sweeps import Sweeps
from worker import devices
from worker.leases import LeaseLostError, Leases, LeaseState
from worker.presence import Presence, profile
from worker.reaping import Reaping, ReapResult

SECOND = 1_000_000
HOUR = 3600 * SECOND
NINE = SweepRequest(scales=[0.1], epochs=9)


@pytest.fixture
def reaping(leases: Leases, settings: Settings) -> Reaping:
    return Reaping(leases.redis, settings)


def expire(redis: Redis, sweep_id: str, *, seconds_ago: float = 1) -> None:
    redis.zadd(LEASES, {run_id(sweep_id, 0): server_time(redis) - seconds_ago * SECOND})


def reap_round(reaping: Reaping) -> ReapResult:
    return reaping.reap(reaping.begin_round())


def test_later_checkpoints_of_a_retried_run_are_progress(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(NINE)
    claim = claim_runs(leases, sweep_id)
    for epoch in range(8):
        leases.commit(claim, claim.runs[0], metrics(epoch))
    sweeps.cancel(sweep_id)
    leases.cancel(claim, claim.runs[0])
    assert sweeps.retry(sweep_id) == 1
    for epoch in range(5):
        claim = claim_runs(leases, sweep_id)
        save(leases, claim, claim.runs[0], state(epoch, step=7))
        expire(redis, sweep_id)
        assert reap(leases).lost == 0
    for _ in range(3):
        claim_runs(leases, sweep_id)
        expire(redis, sweep_id)
        result = reap(leases)
    assert result.lost == 1


def test_a_release_with_a_later_checkpoint_is_progress(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(NINE)
    for step in range(1, 5):
        claim_runs(leases, sweep_id)
        expire(redis, sweep_id)
        reap(leases)
        claim = claim_runs(leases, sweep_id)
        release(leases, claim, claim.runs[0], state(0, step))
    assert "outcome" not in sweeps.run(sweep_id, 0)


def test_an_owner_that_still_asks_after_it_was_reaped_was_not_lost(
    leases: Leases, sweeps: Sweeps, redis: Redis
) -> None:
    sweep_id = sweeps.create(NINE)
    for _ in range(5):
        claim = claim_runs(leases, sweep_id)
        expire(redis, sweep_id)
        assert reap(leases).requeued == 1
        for _ in range(2):
            assert leases.renew(claim) == {0: LeaseState.LOST}
        assert sweeps.run(sweep_id, 0)["attempts_without_progress"] == "0"


def test_a_run_taken_from_its_owner_after_a_failover_is_no_loss(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(NINE)
    for _ in range(5):
        claim = claim_runs(leases, sweep_id)
        leases.commit(claim, claim.runs[0], metrics(0))
        redis.delete(SweepKeys(sweep_id).epochs(0))  # as on a replica that had not received it
        with pytest.raises(LeaseLostError):
            leases.commit(claim, claim.runs[0], metrics(1))
        assert reap(leases).requeued == 1
    assert sweeps.run(sweep_id, 0)["attempts_without_progress"] == "0"


def test_leases_that_expired_during_an_outage_are_not_reaped_immediately(
    reaping: Reaping, leases: Leases, sweeps: Sweeps, redis: Redis
) -> None:
    alive, lost = sweeps.create(NINE), sweeps.create(NINE)
    for _ in range(5):
        claim, _ = claim_runs(leases, alive), claim_runs(leases, lost)
        for sweep_id in (alive, lost):
            expire(redis, sweep_id, seconds_ago=20)
        redis.hset(REAPER, "at", server_time(redis) - 60 * SECOND)  # the last round before the outage
        for _ in range(2):
            assert reap_round(reaping).leases == 0
        assert leases.renew(claim) == {0: LeaseState.HELD}
        redis.hset(REAPER, "spared_until", 1)  # the owners had their time
        result = reap_round(reaping)
        assert result.leases == 1
        leases.release(claim, claim.runs[0], "0:0")  # for the next iteration
        if result.lost:
            break
    assert sweeps.run(lost, 0)["error_code"] == "worker_lost"
    assert "attempts_without_progress" not in sweeps.run(alive, 0)


def test_leases_that_expired_before_an_outage_are_reaped(
    reaping: Reaping, leases: Leases, sweeps: Sweeps, redis: Redis
) -> None:
    sweep_id = sweeps.create(NINE)
    claim_runs(leases, sweep_id)
    expire(redis, sweep_id, seconds_ago=90)
    redis.hset(REAPER, "at", server_time(redis) - 60 * SECOND)
    assert reap_round(reaping).requeued == 1


def test_a_second_outage_extends_the_time_of_the_first(
    reaping: Reaping, leases: Leases, sweeps: Sweeps, redis: Redis
) -> None:
    sweep_id = sweeps.create(NINE)
    claim_runs(leases, sweep_id)
    expire(redis, sweep_id, seconds_ago=50)
    now = server_time(redis)
    outages: dict[Any, Any] = {
        "at": now - 30 * SECOND,
        "spared_since": now - 60 * SECOND,
        "spared_until": now - 20 * SECOND,
    }
    redis.hset(REAPER, mapping=outages)
    assert reap_round(reaping).requeued == 0


def test_regular_rounds_reap_every_expired_lease(
    reaping: Reaping, leases: Leases, sweeps: Sweeps, redis: Redis
) -> None:
    sweep_id = sweeps.create(NINE)
    for _ in range(2):
        claim_runs(leases, sweep_id)
        assert reap_round(reaping).requeued == 0
        expire(redis, sweep_id, seconds_ago=0.001)
        assert reap_round(reaping).requeued == 1


def test_a_clock_set_forward_loses_no_run(reaping: Reaping, leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(NINE)
    claim = claim_runs(leases, sweep_id)
    reap_round(reaping)
    redis.zincrby(LEASES, -HOUR, run_id(sweep_id, 0))
    redis.hincrby(REAPER, "at", -HOUR)
    assert reap_round(reaping).requeued == 0
    assert leases.renew(claim) == {0: LeaseState.HELD}


def seconds_left(redis: Redis, sweep_id: str) -> float:
    leased_until = redis.zscore(LEASES, run_id(sweep_id, 0))
    assert leased_until is not None
    return (leased_until - server_time(redis)) / SECOND


def test_a_clock_set_back_shortens_leases_to_their_length(
    reaping: Reaping, leases: Leases, sweeps: Sweeps, redis: Redis, settings: Settings
) -> None:
    longer = Leases(settings.model_copy(update={"lease_seconds": 300}))
    sweep_id, other = sweeps.create(NINE), sweeps.create(NINE)
    claim, _ = claim_runs(leases, sweep_id), claim_runs(longer, other)
    longer.close()
    for shorten in (lambda: reap_round(reaping), lambda: leases.renew(claim)):
        redis.zincrby(LEASES, HOUR, run_id(sweep_id, 0))
        shorten()
        assert 0 < seconds_left(redis, sweep_id) <= 30
    reap_round(reaping)
    assert seconds_left(redis, other) > 200  # the reaper respects leases of other lengths
    redis.zincrby(LEASES, HOUR, run_id(other, 0))
    reap_round(reaping)
    assert 200 < seconds_left(redis, other) <= 300


def test_a_lost_worker_does_not_look_alive_after_the_clock_was_set_back(redis: Redis) -> None:
    redis.zadd(WORKERS, {"lost@here": server_time(redis) + HOUR})
    Presence(redis, profile("alive@here", devices.find(Settings()), processes=1)).beat()
    latest = redis.zscore(WORKERS, "lost@here")
    assert latest is not None
    assert latest <= server_time(redis)
