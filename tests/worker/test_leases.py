from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest
from redis import Redis

from noisesweep.models import EpochMetrics, RunError, RunStatus, SweepRequest
from shared.settings import Settings
from shared.store.clock import server_time
from shared.store.keys import ENDED, SweepKeys, new_sweep_id
from tests.support.claims import SHA, THREE, claimed, metrics, state
from tests.support.records import evaluation
from tests.support.stored_sweeps import Sweeps
from worker.leases import Claim, ClaimedRun, LeaseLostError, Leases, LeaseState


def test_a_claim_carries_all_that_training_needs(leases: Leases, sweeps: Sweeps) -> None:
    claim = claimed(leases, sweeps.create(THREE))
    assert claim.config == THREE.config
    assert [(run.index, run.scale, run.seed) for run in claim.runs] == [(0, 0.1, 0)]


def test_runs_are_claimed_in_the_order_of_the_grid_until_none_is_queued(leases: Leases, sweeps: Sweeps) -> None:
    sweep_id = sweeps.create(THREE)
    scales = [claimed(leases, sweep_id).runs[0].scale for _ in THREE.scales]
    assert scales == THREE.scales
    assert leases.claim(sweep_id, limit=1) is None


def test_a_claim_takes_runs_of_one_seed_only(leases: Leases, sweeps: Sweeps) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1, 0.5], seeds=[7, 8]))
    assert [(run.scale, run.seed) for run in claimed(leases, sweep_id, limit=8).runs] == [(0.1, 7), (0.5, 7)]
    assert [(run.scale, run.seed) for run in claimed(leases, sweep_id, limit=8).runs] == [(0.1, 8), (0.5, 8)]


def test_of_ten_workers_given_the_same_message_one_trains(settings: Settings, sweeps: Sweeps) -> None:
    workers = [Leases(settings) for _ in range(10)]
    for _ in range(20):
        sweep_id = sweeps.create(SweepRequest(scales=[0.5]))
        with ThreadPoolExecutor(len(workers)) as threads:
            claims = list(threads.map(lambda worker, sweep_id=sweep_id: worker.claim(sweep_id, limit=1), workers))
        assert sum(claim is not None for claim in claims) == 1
        assert sweeps.run(sweep_id, 0)["attempts"] == "1"
        assert sweeps.events(sweep_id) == [("run.started", "0")]
    for worker in workers:
        worker.close()


def test_a_sweep_that_is_not_there_has_no_run_to_claim(leases: Leases) -> None:
    assert leases.claim(new_sweep_id(), limit=1) is None


def test_a_claim_repeated_after_a_lost_reply_gives_the_same_runs(leases: Leases, sweeps: Sweeps) -> None:
    keys = SweepKeys(sweeps.create(SweepRequest(scales=[float(scale) for scale in range(12)]))).for_scripts
    first, second = (leases._claim(keys=keys, args=["owner", 30_000_000, 11, "worker", "cpu"]) for _ in range(2))  # noqa: SLF001
    assert first == second
    assert len(first) == 12  # the request and eleven runs


def test_a_sweep_written_twice_stands_once(sweeps: Sweeps) -> None:
    sweep_id = sweeps.create(THREE)
    assert sweeps.write(sweep_id, SweepRequest(scales=[9.0])) == 0
    assert sweeps.run(sweep_id, 0)["scale"] == "0.1"


def test_epochs_are_kept_in_order_and_told_of(leases: Leases, sweeps: Sweeps) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claimed(leases, sweep_id)
    for epoch in range(2):
        leases.commit(claim, claim.runs[0], metrics(epoch))
    leases.succeed(claim, claim.runs[0], SHA, evaluation())
    kept = [EpochMetrics.model_validate_json(text) for text in sweeps.epochs(sweep_id, 0)]
    assert kept == [metrics(0), metrics(1)]
    assert sweeps.events(sweep_id) == [("run.started", "0"), ("epoch", "0"), ("epoch", "0"), ("run.ended", "0")]


def test_an_epoch_committed_again_changes_nothing(leases: Leases, sweeps: Sweeps) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claimed(leases, sweep_id)
    leases.commit(claim, claim.runs[0], metrics(0))
    before = (sweeps.epochs(sweep_id, 0), sweeps.events(sweep_id))
    leases.commit(claim, claim.runs[0], metrics(0).model_copy(update={"loss": 9.9}))
    assert (sweeps.epochs(sweep_id, 0), sweeps.events(sweep_id)) == before


def behind(redis: Redis, sweep_id: str) -> None:
    """Make the store one that has not heard of run 0's second epoch, as a replica may be that became the primary."""
    keys = SweepKeys(sweep_id)
    redis.ltrim(keys.epochs(0), 0, 0)
    redis.set(keys.checkpoint(0), state(1).to_bytes())


Write = Callable[[Leases, Claim, ClaimedRun], object]


@pytest.mark.parametrize("write", [
    lambda leases, claim, run: leases.commit(claim, run, metrics(2), state(3)),
    lambda leases, claim, run: leases.release(claim, run, state(2, step=1)),
    lambda leases, claim, run: leases.succeed(claim, run, SHA, evaluation(), epochs=3),
], ids=["commit", "release", "succeed"])  # fmt: skip
def test_a_run_whose_last_epochs_the_store_has_forgotten_goes_on_from_those_that_it_has(
    leases: Leases, sweeps: Sweeps, redis: Redis, write: Write
) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1], epochs=3, dataset="digits"))
    claim = claimed(leases, sweep_id)
    run = claim.runs[0]
    for epoch in range(2):
        leases.commit(claim, run, metrics(epoch), state(epoch + 1))
    behind(redis, sweep_id)
    with pytest.raises(LeaseLostError):
        write(leases, claim, run)
    assert leases.renew(claim) == {0: LeaseState.LOST}
    assert leases.reap(sweep_id, max_attempts=1, silence_seconds=60).runs_without_message == 1
    again = claimed(leases, sweep_id)
    checkpoint = leases.checkpoint(again, again.runs[0])
    assert checkpoint
    assert checkpoint.position == "1:0"
    for epoch in (1, 2):
        leases.commit(again, again.runs[0], metrics(epoch))
    assert leases.succeed(again, again.runs[0], SHA, evaluation(), epochs=3) is RunStatus.SUCCEEDED
    assert [EpochMetrics.model_validate_json(text).epoch for text in sweeps.epochs(sweep_id, 0)] == [0, 1, 2]


def test_who_has_lost_the_run_can_neither_commit_nor_end_it(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claimed(leases, sweep_id)
    redis.hset(SweepKeys(sweep_id).run(0), "owner", "somebody else")
    before = sweeps.run(sweep_id, 0)
    with pytest.raises(LeaseLostError):
        leases.commit(claim, claim.runs[0], metrics(0))
    with pytest.raises(LeaseLostError):
        leases.succeed(claim, claim.runs[0], SHA, evaluation())
    assert sweeps.run(sweep_id, 0) == before
    assert sweeps.epochs(sweep_id, 0) == []


def test_a_run_that_has_ended_takes_no_more_epochs(leases: Leases, sweeps: Sweeps) -> None:
    claim = claimed(leases, sweeps.create(THREE))
    leases.succeed(claim, claim.runs[0], SHA, evaluation())
    with pytest.raises(LeaseLostError):
        leases.commit(claim, claim.runs[0], metrics(0))


def test_a_commit_renews_the_lease(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claimed(leases, sweep_id)
    leased_until = [redis.zscore(SweepKeys(sweep_id).leases, "0")]
    leases.commit(claim, claim.runs[0], metrics(0))
    leased_until.append(redis.zscore(SweepKeys(sweep_id).leases, "0"))
    assert leased_until[0] is not None
    assert leased_until[1] is not None
    assert leased_until[1] > leased_until[0]
    left_seconds = (leased_until[1] - server_time(redis)) / 1e6
    assert left_seconds == pytest.approx(30, abs=5)


def test_a_failed_run_says_why(leases: Leases, sweeps: Sweeps) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claimed(leases, sweep_id)
    leases.fail(claim, claim.runs[0], RunError(code="diverged", message="The loss is gone."))
    run = sweeps.run(sweep_id, 0)
    assert (run["outcome"], run["error_code"], run["error_message"]) == ("failed", "diverged", "The loss is gone.")


def test_the_end_of_the_last_run_is_the_end_of_the_sweep_and_is_told_once(leases: Leases, sweeps: Sweeps) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claimed(leases, sweep_id, limit=3)
    for run in claim.runs:
        leases.succeed(claim, run, SHA, evaluation())
        leases.succeed(claim, run, SHA, evaluation())
    assert [kind for kind, _ in sweeps.events(sweep_id)] == ["run.started"] * 3 + ["run.ended"] * 3 + ["sweep.ended"]


def test_a_checkpoint_comes_with_an_epoch_and_is_kept_to_the_bit_until_the_run_has_ended(
    leases: Leases, sweeps: Sweeps
) -> None:
    claim = claimed(leases, sweeps.create(THREE))
    run = claim.runs[0]
    assert leases.checkpoint(claim, run) is None
    for epoch in range(2):
        leases.commit(claim, run, metrics(epoch), state(epoch + 1))
        kept = leases.checkpoint(claim, run)
        assert kept
        assert kept.to_bytes() == state(epoch + 1).to_bytes()
    leases.succeed(claim, run, SHA, evaluation())
    assert leases.checkpoint(claim, run) is None


def test_who_has_lost_the_run_leaves_its_checkpoint_alone(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claimed(leases, sweep_id)
    run = claim.runs[0]
    leases.commit(claim, run, metrics(0), state(1))
    redis.hset(SweepKeys(sweep_id).run(0), "owner", "somebody else")
    with pytest.raises(LeaseLostError):
        leases.commit(claim, run, metrics(1), state(2))
    with pytest.raises(LeaseLostError):
        leases.release(claim, run, state(2))
    kept = leases.checkpoint(claim, run)
    assert kept
    assert kept.position == "1:0"


def test_a_run_handed_back_is_the_next_to_be_claimed_and_has_cost_no_attempt(leases: Leases, sweeps: Sweeps) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claimed(leases, sweep_id)
    for _ in range(2):  # the second, after a lost reply, changes nothing
        leases.release(claim, claim.runs[0], state(0, step=3))
    assert sweeps.run(sweep_id, 0)["attempts"] == "0"
    assert sweeps.events(sweep_id) == [("run.started", "0"), ("run.queued", "0")]
    again = claimed(leases, sweep_id)
    assert again.runs == claim.runs
    assert again.owner != claim.owner
    kept = leases.checkpoint(again, again.runs[0])
    assert kept
    assert kept.position == "0:3"
    assert sweeps.run(sweep_id, 0)["attempts"] == "1"
    with pytest.raises(LeaseLostError):
        leases.commit(claim, claim.runs[0], metrics(0))


def test_a_finished_run_names_its_weights_and_keeps_its_model_for_its_days(
    leases: Leases, sweeps: Sweeps, redis: Redis
) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claimed(leases, sweep_id)
    leases.succeed(claim, claim.runs[0], SHA, evaluation(), model=b"a model")
    assert sweeps.run(sweep_id, 0)["weights_sha256"] == SHA
    assert redis.get(SweepKeys(sweep_id).model(0)) == "a model"
    assert 7 * 86400 - 60 < redis.ttl(SweepKeys(sweep_id).model(0)) <= 7 * 86400


def test_every_end_counts_for_the_measured_rate(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(THREE)
    claim = claimed(leases, sweep_id, limit=3)
    leases.succeed(claim, claim.runs[0], SHA, evaluation())
    leases.fail(claim, claim.runs[1], RunError(code="diverged", message="The loss is gone."))
    ends = cast("list[tuple[str, dict[str, str]]]", redis.xrange(ENDED))
    assert [fields for _, fields in ends] == [{"run": f"{sweep_id}-0"}, {"run": f"{sweep_id}-1"}]
