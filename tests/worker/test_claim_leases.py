"""The leases of a claim while the store is there, away, and back."""

from collections.abc import Callable

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from noisesweep.local.launcher import free_port
from noisesweep.models import RunError, RunStatus
from shared.settings import Settings
from shared.store.keys import SweepKeys
from tests.support.claims import SHA, THREE, claimed, metrics, state
from tests.support.records import evaluation
from tests.support.redis_server import RedisServer
from tests.support.stored_sweeps import Sweeps
from tests.support.waiting import wait_until
from worker.claim_leases import ClaimLeases, StoreAwayError
from worker.leases import LeaseLostError, Leases, LeaseState

Action = Callable[[Redis], object]
# How a store refuses writes, and how it takes them again.
AWAY: dict[str, tuple[Action, Action]] = {
    "full": (lambda redis: redis.config_set("maxmemory", 1), lambda redis: redis.config_set("maxmemory", 0)),
    "without a replica": (
        lambda redis: redis.config_set("min-replicas-to-write", 1),
        lambda redis: redis.config_set("min-replicas-to-write", 0),
    ),
    "a replica": (lambda redis: redis.slaveof("127.0.0.1", 1), lambda redis: redis.slaveof()),
}
away = pytest.mark.parametrize("kind", AWAY)


def never() -> bool:
    return False


def test_every_access_is_that_of_leases(leases: Leases, sweeps: Sweeps, settings: Settings) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claimed(leases, sweep_id, limit=3)
    first, second, third = claim.runs
    with ClaimLeases(claim, leases, settings, never) as held:
        held.commit(first, metrics(0), state(1))
        kept = held.checkpoint(first)
        assert kept
        assert kept.position == "1:0"
        assert held.test_scales() == [0.0, *THREE.scales]
        assert held.succeed(first, SHA, evaluation(), None, epochs=1) is RunStatus.SUCCEEDED
        assert held.fail(second, RunError(code="diverged", message="The loss is gone.")) is RunStatus.FAILED
        assert held.release(third, state(0, step=3)) is RunStatus.QUEUED
    (again,) = claimed(leases, sweep_id).runs
    assert again == third
    outcomes = [sweeps.run(sweep_id, index).get("outcome") for index in range(3)]
    assert outcomes == ["succeeded", "failed", None]


@away
def test_a_write_waits_for_a_store_that_is_away(
    leases: Leases, sweeps: Sweeps, settings: Settings, redis: Redis, kind: str
) -> None:
    leave, come_back = AWAY[kind]
    sweep_id = sweeps.create(THREE)
    claim = claimed(leases, sweep_id)
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        if asked == 2:
            come_back(redis)
        return False

    leave(redis)
    try:
        with ClaimLeases(claim, leases, settings, stop) as held:
            held.commit(claim.runs[0], metrics(0))
    finally:
        come_back(redis)
    assert asked == 2
    assert len(sweeps.epochs(sweep_id, 0)) == 1


@away
def test_a_worker_that_stops_does_not_wait_for_it(
    leases: Leases, sweeps: Sweeps, settings: Settings, redis: Redis, kind: str
) -> None:
    leave, come_back = AWAY[kind]
    sweep_id = sweeps.create(THREE)
    claim = claimed(leases, sweep_id)
    leave(redis)
    try:
        with ClaimLeases(claim, leases, settings, stop=lambda: True) as held, pytest.raises(StoreAwayError):
            held.commit(claim.runs[0], metrics(0))
    finally:
        come_back(redis)
    assert sweeps.epochs(sweep_id, 0) == []


def test_nothing_is_written_when_two_thirds_of_a_lease_have_passed_without_an_answer(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    store = RedisServer(tmp_path_factory.mktemp("redis"), free_port(), durable=True)
    brief = Settings(redis_url=store.url, lease_seconds=1.5)
    leases, sweeps = Leases(brief), Sweeps(store.client)
    sweep_id = sweeps.create(THREE)
    claim = claimed(leases, sweep_id)
    with ClaimLeases(claim, leases, brief, never) as held:
        assert not held.must_stop()
        store.kill()
        with pytest.raises(StoreAwayError, match="two thirds of a lease"):
            held.commit(claim.runs[0], metrics(0))
        assert held.must_stop()
    store.start()
    assert sweeps.epochs(sweep_id, 0) == []
    leases.close()
    store.close()


def test_what_no_waiting_mends_is_raised_at_once(
    leases: Leases, sweeps: Sweeps, settings: Settings, redis: Redis
) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claimed(leases, sweep_id, limit=2)
    redis.set(SweepKeys(sweep_id).epochs(0), "no list")
    redis.hset(SweepKeys(sweep_id).run(1), "owner", "somebody else")
    with ClaimLeases(claim, leases, settings, never) as held:
        with pytest.raises(ResponseError, match="WRONGTYPE"):
            held.commit(claim.runs[0], metrics(0))
        with pytest.raises(LeaseLostError):
            held.commit(claim.runs[1], metrics(0))


def test_a_run_that_a_client_cancels_is_learned_of_and_ended(
    leases: Leases, sweeps: Sweeps, settings: Settings
) -> None:
    claim = claimed(leases, sweeps.create(THREE), limit=2)
    first, second = claim.runs
    with ClaimLeases(claim, leases, settings, never) as held:
        assert held.state(first) is LeaseState.HELD
        sweeps.cancel(claim.sweep_id, first.index)
        wait_until(lambda: held.state(first) is LeaseState.CANCELLED)
        assert held.state(second) is LeaseState.HELD
        assert held.cancel(first) is RunStatus.CANCELLED
