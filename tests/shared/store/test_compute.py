"""Compute of API keys: what the functions count, return and refuse."""

import json
from typing import Any, cast

import pytest
from redis import Redis

from api.sweeps.admission import costs
from noisesweep.models import RunError, SweepRequest
from shared.store.functions import Function
from shared.store.keys import QUOTAS, SweepKeys, compute, new_sweep_id
from tests.support.claims import SHA, claim_next, metrics, release, save, state
from tests.support.key_space import assert_consistent
from tests.support.records import evaluation
from tests.support.stored_sweeps import PACE, UNLIMITED, Sweeps
from worker.claims import Claim, KeptEpoch
from worker.leases import Leases

EPOCHS = 4
ONE = SweepRequest(scales=[0.1], epochs=EPOCHS)
EPOCH = costs(ONE, PACE)["epoch_compute"]
RUN = EPOCHS * EPOCH
# A run with this number of epochs needs as many core-seconds as one epoch needs core-milliseconds.
LARGE = ONE.model_copy(update={"epochs": 1000})
LARGE_RUN = costs(LARGE, PACE)["epoch_compute"]
HOURS = 24


def used(redis: Redis, submitter: str = "alice") -> dict[int, int]:
    """Return the core-milliseconds by hour."""
    fields = cast("dict[str, str]", redis.hgetall(compute(submitter)))
    return {int(hour): int(core_ms) for hour, core_ms in fields.items()}


def total(redis: Redis) -> int:
    return sum(used(redis).values())


def this_hour(redis: Redis) -> int:
    return int(redis.time()[0]) // 3600


def move_back(redis: Redis, sweep_id: str, hours: int) -> None:
    """Let a queued run have been counted these hours ago."""
    key, run = compute("alice"), SweepKeys(sweep_id).run(0)
    hour, core_ms = str(redis.hget(run, "compute")).split(":")
    redis.hincrby(key, hour, -int(core_ms))
    redis.hset(key, str(int(hour) - hours), core_ms)
    redis.hset(run, "compute", f"{int(hour) - hours}:{core_ms}")


def test_queued_runs_count_until_they_are_cancelled(sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(ONE.model_copy(update={"seeds": [0, 1, 2]}), "alice")
    assert used(redis) == {this_hour(redis): 3 * RUN}
    assert 0 < redis.ttl(compute("alice")) <= (HOURS + 1) * 3600
    sweeps.cancel(sweep_id, 1)
    assert total(redis) == 2 * RUN
    sweeps.cancel(sweep_id)
    assert used(redis) == {}
    assert sweeps.retry(sweep_id, "alice") == 3
    assert total(redis) == 3 * RUN
    assert_consistent(redis)


def test_without_keys_nothing_is_counted(sweeps: Sweeps, leases: Leases, redis: Redis) -> None:
    sweeps.create(ONE)
    claim = claim_next(leases)
    leases.cancel(claim, claim.runs[0])
    assert redis.keys(compute("*")) == []


def test_a_trained_run_counts_in_full(sweeps: Sweeps, leases: Leases, redis: Redis) -> None:
    sweeps.create(ONE, "alice")
    claim = claim_next(leases)
    assert total(redis) == RUN
    leases.succeed(claim, claim.runs[0], SHA, evaluation())
    assert total(redis) == RUN
    assert_consistent(redis)


def claim_and_train(leases: Leases, epochs: int) -> Claim:
    """Claim a run, and store its first epochs."""
    claim = claim_next(leases)
    for epoch in range(epochs):
        leases.commit(claim, claim.runs[0], metrics(epoch))
    return claim


@pytest.mark.parametrize("end", ["fail", "cancel", "cancel while queued"])
def test_epochs_that_are_not_trained_are_returned(sweeps: Sweeps, leases: Leases, redis: Redis, end: str) -> None:
    sweep_id = sweeps.create(ONE, "alice")
    claim = claim_and_train(leases, 2)
    save(leases, claim, claim.runs[0], state(2))
    match end:
        case "fail":
            leases.fail(claim, claim.runs[0], RunError(code="diverged", message="It diverged."))
        case "cancel":
            leases.cancel(claim, claim.runs[0])
        case _:
            release(leases, claim, claim.runs[0], state(2))
            assert total(redis) == RUN  # two epochs are trained, and two are queued again
            sweeps.cancel(sweep_id)
    assert total(redis) == 2 * EPOCH
    assert_consistent(redis)


@pytest.mark.parametrize("end", ["cancel", "fail", "cancel at the end"])
def test_stored_epochs_count_without_a_checkpoint(sweeps: Sweeps, leases: Leases, redis: Redis, end: str) -> None:
    sweep_id = sweeps.create(ONE, "alice")
    claim = claim_and_train(leases, 3)
    match end:
        case "cancel":
            leases.cancel(claim, claim.runs[0])
        case "fail":
            leases.fail(claim, claim.runs[0], RunError(code="diverged", message="It diverged."))
        case _:
            sweeps.cancel(sweep_id)
            leases.succeed(claim, claim.runs[0], SHA, evaluation(), epochs=3)
    assert total(redis) == 3 * EPOCH
    # Retried, the run is trained from its first epoch, and its stored epochs are not counted as those of this attempt.
    assert sweeps.retry(sweep_id, "alice") == 1
    claim = claim_next(leases)
    leases.cancel(claim, claim.runs[0])
    assert total(redis) == 3 * EPOCH


def test_a_run_whose_epochs_cannot_be_read_fails(sweeps: Sweeps, leases: Leases, redis: Redis) -> None:
    sweep_id = sweeps.create(ONE, "alice")
    claim = claim_next(leases)
    redis.set(SweepKeys(sweep_id).epochs(0), "not a list")
    leases.fail(claim, claim.runs[0], RunError(code="internal", message="It cannot be stored."))
    assert sweeps.run(sweep_id, 0)["outcome"] == "failed"
    assert used(redis) == {}


def test_runs_of_a_sweep_that_an_earlier_version_stored_count(sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(ONE, "alice")
    redis.hdel(SweepKeys(sweep_id).record, "epoch_compute")
    redis.delete(compute("alice"))
    sweeps.extend(sweep_id, 0.2, submitter="alice")
    assert total(redis) == EPOCHS * 1  # what the call names for an epoch
    sweeps.cancel(sweep_id)
    sweeps.retry(sweep_id, "alice")
    assert total(redis) == 2 * EPOCHS


def test_a_run_that_stops_early_returns_the_other_epochs(sweeps: Sweeps, leases: Leases, redis: Redis) -> None:
    sweeps.create(ONE, "alice")
    claim = claim_and_train(leases, 1)
    leases.succeed(claim, claim.runs[0], SHA, evaluation(), epochs=1, kept=KeptEpoch(0, 0.3, 0.9))
    assert total(redis) == EPOCH


def test_work_that_a_lost_worker_did_not_store_is_returned(sweeps: Sweeps, leases: Leases, redis: Redis) -> None:
    sweeps.create(ONE, "alice")
    claim = claim_next(leases)
    release(leases, claim, claim.runs[0], state(0))
    claim_next(leases)
    assert total(redis) == RUN


def test_compute_of_the_day_before_neither_counts_nor_becomes_negative(sweeps: Sweeps, redis: Redis) -> None:
    old = sweeps.create(ONE, "alice")
    move_back(redis, old, HOURS)
    usage = sweeps.functions.call(Function.USAGE, submitter="alice", **UNLIMITED)
    assert int(usage[4]) == 0
    sweeps.create(ONE, "alice")  # its hour is new, so it removes the old one
    assert used(redis) == {this_hour(redis): RUN}
    sweeps.cancel(old)
    assert used(redis) == {this_hour(redis): RUN}


def write(sweeps: Sweeps, limit: int, submitter: str = "alice", role: str = "member") -> list[Any]:
    limits: dict[str, Any] = {"max_core_seconds_per_day": limit, "role": role}
    return sweeps.write(new_sweep_id(), LARGE, submitter, **limits)


def test_refusal_says_when_enough_is_free(sweeps: Sweeps, redis: Redis) -> None:
    first = sweeps.create(LARGE, "alice")
    move_back(redis, first, 20)
    assert write(sweeps, limit=2 * LARGE_RUN) == ["created"]
    refused = write(sweeps, limit=2 * LARGE_RUN)
    assert refused[:5] == ["refused", "max_core_seconds_per_day", 2 * LARGE_RUN, 2 * LARGE_RUN, LARGE_RUN]
    # The oldest hour ends to count 24 hours after its start, which is 3 to 4 hours from now.
    assert refused[5] == (this_hour(redis) - 20 + HOURS) * 3600 - int(redis.time()[0])
    assert 3 * 3600 < refused[5] <= 4 * 3600


def test_a_quota_of_a_key_precedes_that_of_its_role_and_the_settings(sweeps: Sweeps, redis: Redis) -> None:
    def set_quota(holder: str, limit: int | None) -> None:
        limits = {"max_queued_runs": None, "max_core_seconds_per_day": limit}
        redis.hset(QUOTAS, holder, json.dumps({"limits": limits}))

    assert write(sweeps, limit=LARGE_RUN) == ["created"]
    assert write(sweeps, limit=LARGE_RUN)[3] == LARGE_RUN
    set_quota("role:member", 1)
    assert write(sweeps, limit=10 * LARGE_RUN)[3] == 1
    set_quota("key:alice", 3 * LARGE_RUN)
    assert write(sweeps, limit=1) == ["created"]
    set_quota("key:alice", None)
    assert write(sweeps, limit=10 * LARGE_RUN)[3] == 1
    assert write(sweeps, limit=10 * LARGE_RUN, role="instructor") == ["created"]
    assert write(sweeps, limit=1, submitter="", role="admin") == ["created"]  # a service without keys has no quotas


def test_position_and_work_before_follow_the_turns_of_the_queue(sweeps: Sweeps, leases: Leases, redis: Redis) -> None:
    sizes = {"alice": (3, 1), "bob": (20,)}
    created = {
        name: [sweeps.create(ONE.model_copy(update={"seeds": list(range(size))}), name) for size in of_name]
        for name, of_name in sizes.items()
    }
    work = costs(ONE, PACE)["epoch_work"] * EPOCHS
    first, second = sweeps.functions.call(Function.WAITING, submitter="alice", limit=9)
    assert [first[0], second[0]] == created["alice"]
    assert [first[2], second[2]] == [3, 1]
    # Of the second sweep, the first run is the fourth of alice: three of alice and three of bob start before.
    assert (first[3], second[3], int(second[4])) == (0, 6, 6 * work)
    order = []
    for _ in range(12):
        claim = claim_next(leases)
        order.append(claim.sweep_id)
    assert abs(order.index(created["alice"][1]) - second[3]) <= 1
    assert sweeps.functions.call(Function.WAITING, submitter="alice", limit=9) == []
    assert len(sweeps.functions.call(Function.WAITING, submitter="bob", limit=9)) == 1
