from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest
from redis import Redis

from noisesweep.models import EpochMetrics, RunError, RunStatus, SweepRequest
from shared.numerics import NUMERICS
from shared.settings import Settings
from shared.store.clock import server_time
from shared.store.functions import Function, call
from shared.store.keys import ENDED, LEASES, MODELS, SweepKeys, run_id
from tests.support.claims import SHA, THREE, claim_next, claim_runs, metrics, reap, release, save, state
from tests.support.records import evaluation
from tests.support.stored_sweeps import Sweeps
from worker.claims import Claim, ClaimedRun
from worker.leases import LeaseLostError, Leases, LeaseState


def test_a_claim_contains_config_and_runs(leases: Leases, sweeps: Sweeps) -> None:
    claim = claim_runs(leases, sweeps.create(THREE))
    assert claim.config == THREE.config
    assert [(run.index, run.scale, run.seed) for run in claim.runs] == [(0, 0.1, 0)]


def test_runs_are_claimed_in_grid_order(leases: Leases, sweeps: Sweeps) -> None:
    sweep_id = sweeps.create(THREE)
    scales = [claim_runs(leases, sweep_id).runs[0].scale for _ in THREE.scales]
    assert scales == THREE.scales
    assert leases.claim(limit=1) is None


def test_a_claim_takes_runs_of_one_seed_only(leases: Leases, sweeps: Sweeps) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1, 0.5], seeds=[7, 8]))
    assert [(run.scale, run.seed) for run in claim_runs(leases, sweep_id, limit=8).runs] == [(0.1, 7), (0.5, 7)]
    assert [(run.scale, run.seed) for run in claim_runs(leases, sweep_id, limit=8).runs] == [(0.1, 8), (0.5, 8)]


def test_one_of_ten_workers_claims_a_run(settings: Settings, sweeps: Sweeps) -> None:
    workers = [Leases(settings) for _ in range(10)]
    for _ in range(20):
        sweep_id = sweeps.create(SweepRequest(scales=[0.5]))
        with ThreadPoolExecutor(len(workers)) as threads:
            claims = list(threads.map(lambda worker: worker.claim(limit=1), workers))
        assert sum(claim is not None for claim in claims) == 1
        assert sweeps.run(sweep_id, 0)["attempts"] == "1"
        assert sweeps.events(sweep_id) == [("run.started", "0")]
    for worker in workers:
        worker.close()


def test_a_repeated_claim_returns_the_same_runs(sweeps: Sweeps) -> None:
    sweeps.create(SweepRequest(scales=[float(scale) for scale in range(12)]))
    claim = call(
        Function.CLAIM, owner="owner", lease=30_000_000, limit=11, worker="worker", device="cpu", numerics=NUMERICS
    )
    first, second = sweeps.functions.call_all([claim, claim])
    assert first == second
    assert len(first) == 12  # the sweep and eleven runs


def test_writing_a_sweep_twice_changes_nothing(sweeps: Sweeps) -> None:
    sweep_id = sweeps.create(THREE)
    assert sweeps.write(sweep_id, SweepRequest(scales=[9.0])) == ["exists", ""]
    assert sweeps.run(sweep_id, 0)["scale"] == "0.1"


def test_epochs_are_stored_in_order_and_published(leases: Leases, sweeps: Sweeps) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claim_runs(leases, sweep_id)
    for epoch in range(2):
        leases.commit(claim, claim.runs[0], metrics(epoch))
    leases.succeed(claim, claim.runs[0], SHA, evaluation())
    epochs = [EpochMetrics.model_validate_json(text) for text in sweeps.epochs(sweep_id, 0)]
    assert epochs == [metrics(0), metrics(1)]
    assert sweeps.events(sweep_id) == [("run.started", "0"), ("epoch", "0"), ("epoch", "0"), ("run.ended", "0")]


def test_committing_an_epoch_again_changes_nothing(leases: Leases, sweeps: Sweeps) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claim_runs(leases, sweep_id)
    leases.commit(claim, claim.runs[0], metrics(0))
    before = (sweeps.epochs(sweep_id, 0), sweeps.events(sweep_id))
    leases.commit(claim, claim.runs[0], metrics(0).model_copy(update={"loss": 9.9}))
    assert (sweeps.epochs(sweep_id, 0), sweeps.events(sweep_id)) == before


def lose_second_epoch(redis: Redis, sweep_id: str) -> None:
    """Remove run 0's second epoch, like a failover to a replica that had not received it."""
    keys = SweepKeys(sweep_id)
    redis.ltrim(keys.epochs(0), 0, 0)
    redis.set(keys.checkpoint(0), state(1).to_bytes())


Write = Callable[[Leases, Claim, ClaimedRun], object]


@pytest.mark.parametrize("write", [
    lambda leases, claim, run: leases.commit(claim, run, metrics(2)),
    lambda leases, claim, run: save(leases, claim, run, state(3)),
    lambda leases, claim, run: release(leases, claim, run, state(2, step=1)),
    lambda leases, claim, run: leases.succeed(claim, run, SHA, evaluation(), epochs=3),
], ids=["commit", "checkpoint", "release", "succeed"])  # fmt: skip
def test_a_run_continues_from_the_epochs_that_the_store_has(
    leases: Leases, sweeps: Sweeps, redis: Redis, write: Write
) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1], epochs=3, dataset="digits"))
    claim = claim_runs(leases, sweep_id)
    run = claim.runs[0]
    for epoch in range(2):
        leases.commit(claim, run, metrics(epoch))
        save(leases, claim, run, state(epoch + 1))
    lose_second_epoch(redis, sweep_id)
    with pytest.raises(LeaseLostError):
        write(leases, claim, run)
    assert leases.renew(claim) == {0: LeaseState.LOST}
    assert reap(leases, max_attempts=1).requeued == 1
    again = claim_runs(leases, sweep_id)
    checkpoint = leases.checkpoint(again, again.runs[0])
    assert checkpoint
    assert checkpoint.position == "1:0"
    for epoch in (1, 2):
        leases.commit(again, again.runs[0], metrics(epoch))
    assert leases.succeed(again, again.runs[0], SHA, evaluation(), epochs=3) is RunStatus.SUCCEEDED
    assert [EpochMetrics.model_validate_json(text).epoch for text in sweeps.epochs(sweep_id, 0)] == [0, 1, 2]


def test_an_old_owner_can_neither_commit_nor_end(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claim_runs(leases, sweep_id)
    redis.hset(SweepKeys(sweep_id).run(0), "owner", "another owner")
    before = sweeps.run(sweep_id, 0)
    with pytest.raises(LeaseLostError):
        leases.commit(claim, claim.runs[0], metrics(0))
    with pytest.raises(LeaseLostError):
        leases.succeed(claim, claim.runs[0], SHA, evaluation())
    assert sweeps.run(sweep_id, 0) == before
    assert sweeps.epochs(sweep_id, 0) == []


def test_an_ended_run_accepts_no_epochs(leases: Leases, sweeps: Sweeps) -> None:
    claim = claim_runs(leases, sweeps.create(THREE))
    leases.succeed(claim, claim.runs[0], SHA, evaluation())
    with pytest.raises(LeaseLostError):
        leases.commit(claim, claim.runs[0], metrics(0))


def test_a_commit_renews_the_lease(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claim_runs(leases, sweep_id)
    leased_until = [redis.zscore(LEASES, run_id(sweep_id, 0))]
    leases.commit(claim, claim.runs[0], metrics(0))
    leased_until.append(redis.zscore(LEASES, run_id(sweep_id, 0)))
    assert leased_until[0] is not None
    assert leased_until[1] is not None
    assert leased_until[1] > leased_until[0]
    left_seconds = (leased_until[1] - server_time(redis)) / 1e6
    assert left_seconds == pytest.approx(30, abs=5)


def test_a_failed_run_stores_its_error(leases: Leases, sweeps: Sweeps) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claim_runs(leases, sweep_id)
    leases.fail(claim, claim.runs[0], RunError(code="diverged", message="The loss became NaN."))
    run = sweeps.run(sweep_id, 0)
    assert (run["outcome"], run["error_code"], run["error_message"]) == ("failed", "diverged", "The loss became NaN.")


def test_the_last_run_ends_the_sweep_exactly_once(leases: Leases, sweeps: Sweeps) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claim_runs(leases, sweep_id, limit=3)
    for run in claim.runs:
        leases.succeed(claim, run, SHA, evaluation())
        leases.succeed(claim, run, SHA, evaluation())
    assert [kind for kind, _ in sweeps.events(sweep_id)] == ["run.started"] * 3 + ["run.ended"] * 3 + ["sweep.ended"]


def test_a_checkpoint_is_stored_exactly_until_the_run_ends(leases: Leases, sweeps: Sweeps) -> None:
    claim = claim_runs(leases, sweeps.create(THREE))
    run = claim.runs[0]
    assert leases.checkpoint(claim, run) is None
    for epoch in range(2):
        leases.commit(claim, run, metrics(epoch))
        save(leases, claim, run, state(epoch + 1))
        checkpoint = leases.checkpoint(claim, run)
        assert checkpoint
        assert checkpoint.to_bytes() == state(epoch + 1).to_bytes()
    leases.succeed(claim, run, SHA, evaluation())
    assert leases.checkpoint(claim, run) is None


def test_an_old_owner_cannot_change_the_checkpoint(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claim_runs(leases, sweep_id)
    run = claim.runs[0]
    leases.commit(claim, run, metrics(0))
    save(leases, claim, run, state(1))
    redis.hset(SweepKeys(sweep_id).run(0), "owner", "another owner")
    with pytest.raises(LeaseLostError):
        save(leases, claim, run, state(2))
    with pytest.raises(LeaseLostError):
        release(leases, claim, run, state(2))
    checkpoint = leases.checkpoint(claim, run)
    assert checkpoint
    assert checkpoint.position == "1:0"


def test_a_released_run_is_claimed_next_without_counting_an_attempt(leases: Leases, sweeps: Sweeps) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claim_runs(leases, sweep_id)
    for _ in range(2):  # the repetition after a lost reply changes nothing
        release(leases, claim, claim.runs[0], state(0, step=3))
    assert sweeps.run(sweep_id, 0)["attempts"] == "0"
    assert sweeps.events(sweep_id) == [("run.started", "0"), ("run.queued", "0")]
    again = claim_runs(leases, sweep_id)
    assert again.runs == claim.runs
    assert again.owner != claim.owner
    checkpoint = leases.checkpoint(again, again.runs[0])
    assert checkpoint
    assert checkpoint.position == "0:3"
    assert sweeps.run(sweep_id, 0)["attempts"] == "1"
    with pytest.raises(LeaseLostError):
        leases.commit(claim, claim.runs[0], metrics(0))


def test_a_finished_run_stores_weights_hash_and_model(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claim_runs(leases, sweep_id)
    leases.save_model(claim, claim.runs[0], b"a model")
    leases.succeed(claim, claim.runs[0], SHA, evaluation())
    assert sweeps.run(sweep_id, 0)["weights_sha256"] == SHA
    assert redis.get(SweepKeys(sweep_id).model(0)) == "a model"
    expires_at = redis.zscore(MODELS, run_id(sweep_id, 0))
    assert expires_at is not None
    assert expires_at - server_time(redis) == pytest.approx(7 * 86400e6, abs=60e6)


def test_a_run_whose_request_cannot_be_read_fails_and_the_next_is_claimed(
    leases: Leases, sweeps: Sweeps, redis: Redis
) -> None:
    broken, healthy = sweeps.create(THREE), sweeps.create(THREE)
    redis.hset(SweepKeys(broken).record, "request", "{")
    assert claim_next(leases, limit=2).sweep_id == healthy
    run = sweeps.run(broken, 0)
    assert (run["outcome"], run["error_code"]) == ("failed", "unreadable_request")


def test_every_ended_run_is_recorded(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claim_runs(leases, sweep_id, limit=3)
    leases.succeed(claim, claim.runs[0], SHA, evaluation())
    leases.fail(claim, claim.runs[1], RunError(code="diverged", message="The loss became NaN."))
    ended = cast("list[tuple[str, dict[str, str]]]", redis.xrange(ENDED))
    assert [fields for _, fields in ended] == [{"run": f"{sweep_id}-0"}, {"run": f"{sweep_id}-1"}]
