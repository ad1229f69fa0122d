"""Leases of a claim before, during and after an outage of the store."""

import time
from collections.abc import Callable

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from noisesweep.local.launcher import free_port
from noisesweep.models import RunError, RunStatus
from shared.settings import Settings
from shared.store.keys import LEASES, SweepKeys, run_id
from tests.support.claims import SHA, THREE, claim_runs, metrics, state
from tests.support.records import evaluation
from tests.support.redis_server import RedisServer
from tests.support.stored_sweeps import Sweeps
from tests.support.waiting import wait_until
from worker.claim_leases import ClaimLeases, RunCancelledError, StoreUnavailableError
from worker.leases import LeaseLostError, Leases, LeaseState

Action = Callable[[Redis], object]
# By kind of outage: an action after which the store rejects writes, and one that ends the outage.
OUTAGES: dict[str, tuple[Action, Action]] = {
    "full": (lambda redis: redis.config_set("maxmemory", 1), lambda redis: redis.config_set("maxmemory", 0)),
    "without a replica": (
        lambda redis: redis.config_set("min-replicas-to-write", 1),
        lambda redis: redis.config_set("min-replicas-to-write", 0),
    ),
    "a replica": (lambda redis: redis.slaveof("127.0.0.1", 1), lambda redis: redis.slaveof()),
}
outages = pytest.mark.parametrize("kind", OUTAGES)


def never() -> bool:
    return False


def test_each_method_delegates_to_leases(leases: Leases, sweeps: Sweeps, settings: Settings) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claim_runs(leases, sweep_id, limit=3)
    first, second, third = claim.runs
    with ClaimLeases(claim, leases, settings, never) as claim_leases:
        claim_leases.commit(first, metrics(0))
        assert claim_leases.save_checkpoint(first, state(1))
        checkpoint = claim_leases.checkpoint(first)
        assert checkpoint
        assert checkpoint.position == "1:0"
        assert claim_leases.test_scales() == [0.0, *THREE.scales]
        assert claim_leases.save_model(first, b"a model")
        assert claim_leases.succeed(first, SHA, evaluation(), epochs=1) is RunStatus.SUCCEEDED
        assert claim_leases.fail(second, RunError(code="diverged", message="The loss became NaN.")) is RunStatus.FAILED
        assert claim_leases.release(third, state(0, step=3)) is RunStatus.QUEUED
    (again,) = claim_runs(leases, sweep_id).runs
    assert again == third
    outcomes = [sweeps.run(sweep_id, index).get("outcome") for index in range(3)]
    assert outcomes == ["succeeded", "failed", None]


@outages
def test_a_write_is_retried_while_the_store_is_unavailable(
    leases: Leases, sweeps: Sweeps, settings: Settings, redis: Redis, kind: str
) -> None:
    begin, end = OUTAGES[kind]
    sweep_id = sweeps.create(THREE)
    claim = claim_runs(leases, sweep_id)
    checks = 0

    def stop() -> bool:
        nonlocal checks
        checks += 1
        if checks == 2:
            end(redis)
        return False

    begin(redis)
    try:
        with ClaimLeases(claim, leases, settings, stop) as claim_leases:
            claim_leases.commit(claim.runs[0], metrics(0))
    finally:
        end(redis)
    assert checks == 2
    assert len(sweeps.epochs(sweep_id, 0)) == 1


@outages
def test_a_stopping_worker_does_not_wait_for_the_store(
    leases: Leases, sweeps: Sweeps, settings: Settings, redis: Redis, kind: str
) -> None:
    begin, end = OUTAGES[kind]
    sweep_id = sweeps.create(THREE)
    claim = claim_runs(leases, sweep_id)
    begin(redis)
    try:
        with (
            ClaimLeases(claim, leases, settings, stop=lambda: True) as claim_leases,
            pytest.raises(StoreUnavailableError),
        ):
            claim_leases.commit(claim.runs[0], metrics(0))
    finally:
        end(redis)
    assert sweeps.epochs(sweep_id, 0) == []


@pytest.mark.parametrize("index", [0, 1])
def test_a_cancel_is_heard_while_a_write_waits_for_a_full_store(
    leases: Leases, sweeps: Sweeps, settings: Settings, redis: Redis, index: int
) -> None:
    # The cancelled run is the one that waits, or another run of the claim.
    claim = claim_runs(leases, sweeps.create(THREE), limit=2)

    def end_cancelled_runs() -> None:
        sweeps.cancel(claim.sweep_id, index)
        for run in claim.runs:
            if claim_leases.state(run) is LeaseState.CANCELLED and claim_leases.cancel(run) and index == 1:
                redis.config_set("maxmemory", 0)

    redis.config_set("maxmemory", 1)
    try:
        with ClaimLeases(claim, leases, settings, never, while_waiting=end_cancelled_runs) as claim_leases:
            if index == 0:
                with pytest.raises(RunCancelledError):
                    claim_leases.commit(claim.runs[0], metrics(0))
            else:
                claim_leases.commit(claim.runs[0], metrics(0))
    finally:
        redis.config_set("maxmemory", 0)
    outcomes = [sweeps.run(claim.sweep_id, run.index).get("outcome") for run in claim.runs]
    assert outcomes == (["cancelled", None] if index == 0 else [None, "cancelled"])
    assert len(sweeps.epochs(claim.sweep_id, 0)) == index


def test_an_outage_longer_than_a_lease_ends_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    store = RedisServer(tmp_path_factory.mktemp("redis"), free_port(), durable=True)
    short_lease = Settings(redis_url=store.url, lease_seconds=1)
    leases, sweeps = Leases(short_lease), Sweeps(store.client)
    sweep_id = sweeps.create(THREE)
    claim = claim_runs(leases, sweep_id)
    leased_until = store.client.zscore(LEASES, run_id(sweep_id, 0))
    assert leased_until

    def restart_after_the_lease() -> None:
        if time.time() * 1_000_000 > leased_until + 500_000:
            store.start()

    store.kill()
    with ClaimLeases(claim, leases, short_lease, never, while_waiting=restart_after_the_lease) as claim_leases:
        claim_leases.commit(claim.runs[0], metrics(0))
        assert claim_leases.state(claim.runs[0]) is LeaseState.HELD
    assert len(sweeps.epochs(sweep_id, 0)) == 1
    leases.close()
    store.close()


def test_a_permanent_error_is_raised_immediately(
    leases: Leases, sweeps: Sweeps, settings: Settings, redis: Redis
) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claim_runs(leases, sweep_id, limit=2)
    redis.set(SweepKeys(sweep_id).epochs(0), "not a list")
    redis.hset(SweepKeys(sweep_id).run(1), "owner", "another owner")
    with ClaimLeases(claim, leases, settings, never) as claim_leases:
        with pytest.raises(ResponseError, match="WRONGTYPE"):
            claim_leases.commit(claim.runs[0], metrics(0))
        with pytest.raises(LeaseLostError):
            claim_leases.commit(claim.runs[1], metrics(0))


def test_cancellation_by_a_client_ends_the_run(leases: Leases, sweeps: Sweeps, settings: Settings) -> None:
    claim = claim_runs(leases, sweeps.create(THREE), limit=2)
    first, second = claim.runs
    with ClaimLeases(claim, leases, settings, never) as claim_leases:
        assert claim_leases.state(first) is LeaseState.HELD
        sweeps.cancel(claim.sweep_id, first.index)
        wait_until(lambda: claim_leases.state(first) is LeaseState.CANCELLED)
        assert claim_leases.state(second) is LeaseState.HELD
        assert claim_leases.cancel(first)
    assert sweeps.run(claim.sweep_id, first.index)["outcome"] == "cancelled"
