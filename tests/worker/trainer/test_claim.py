"""Training of claims on a real store: epochs, checkpoints, stops and failures of single runs."""

import math
import threading
import time
from pathlib import Path

import pytest
from redis import Redis

from noisesweep.local.launcher import free_port
from noisesweep.models import Model
from shared.settings import Settings
from shared.store.keys import LEASES, SweepKeys
from tests.support.claims import claim_next, claim_runs, reap, release
from tests.support.networks import cnn, mlp
from tests.support.redis_server import RedisServer
from tests.support.stored_sweeps import Sweeps
from tests.support.trainer import REQUEST, Interruption, Trainer, stop_after
from tests.support.waiting import wait_until
from worker.claims import Claim
from worker.heartbeat import POLL_SECONDS
from worker.leases import Leases
from worker.trainer.loop import DivergedError


def test_all_runs_of_a_stack_succeed(trainer: Trainer) -> None:
    claim = trainer.create_claim(REQUEST, limit=3)
    assert trainer.train(claim) == 0
    for index in range(3):
        run = trainer.sweeps.run(claim.sweep_id, index)
        assert run["outcome"] == "succeeded"
        assert len(run["weights_sha256"]) == 64
        assert [metrics["epoch"] for metrics in trainer.metrics(claim.sweep_id, index)] == [0, 1, 2]
    assert trainer.metrics(claim.sweep_id, 0)[-1]["val_accuracy"] > 0.85


def test_results_are_reproducible_and_depend_on_the_seed(trainer: Trainer) -> None:
    first, second = trainer.train_uninterrupted(REQUEST), trainer.train_uninterrupted(REQUEST)
    assert first == second
    other = trainer.train_uninterrupted(REQUEST.model_copy(update={"seeds": [1]}))
    assert other[1] != first[1]


@pytest.mark.parametrize(
    ("network", "checks"),
    [*((mlp(32), checks) for checks in (0, 1, 2, 3, 5)), (cnn([4], dense_units=[20]), 3)],
    ids=["mlp-0", "mlp-1", "mlp-2", "mlp-3", "mlp-5", "cnn-3"],
)
def test_an_interrupted_run_ends_with_the_same_bits(trainer: Trainer, network: Model, checks: int) -> None:
    request = REQUEST.model_copy(update={"model": network})
    claim = trainer.create_claim(request)
    assert trainer.train(claim, stop=stop_after(checks)) == 1
    again = trainer.leases.claim(limit=1)
    assert again
    assert again.runs == claim.runs
    state = trainer.leases.checkpoint(again, again.runs[0])
    assert state
    assert (state.epoch, state.step) > (0, 0) or checks == 0
    stack = trainer.stack_cache.get(request.config, 1)
    positions: list[tuple[int, int]] = []

    def record_position() -> bool:
        positions.append((stack.epoch, stack.step))
        return False

    trainer.train(again, stop=record_position)
    assert positions[0] == (state.epoch, state.step)
    run = trainer.sweeps.run(claim.sweep_id, 0)
    assert (trainer.metrics(claim.sweep_id, 0), run["weights_sha256"]) == trainer.train_uninterrupted(request)


def test_released_runs_and_new_runs_are_claimed_separately(trainer: Trainer) -> None:
    request = REQUEST.model_copy(update={"scales": [0.1, 0.5, 1.0, 2.0]})
    claim = trainer.create_claim(request, limit=2)
    assert trainer.train(claim, stop=stop_after(3)) == 2
    claims = [trainer.leases.claim(limit=4) for _ in range(2)]
    assert [[run.index for run in claim.runs] for claim in claims if claim] == [[0, 1], [2, 3]]


def test_checkpoints_respect_their_interval(trainer: Trainer, redis: Redis) -> None:
    written = []
    for seconds in (0.0, 3600.0):
        trainer.settings = Settings(checkpoint_interval_seconds=seconds)
        redis.config_resetstat()
        trainer.train_uninterrupted(REQUEST)
        written.append(redis.info("commandstats")["cmdstat_set"]["calls"])
    # Checkpoints after the first two of three epochs. Every run also writes its turn and its evaluation.
    assert written[0] - written[1] == 2


def test_a_stop_takes_effect_within_an_epoch(trainer: Trainer) -> None:
    claim = trainer.create_claim(REQUEST.model_copy(update={"batch_size": 1}))
    trainer.train(claim, stop=stop_after(4))
    state = trainer.leases.checkpoint(claim, claim.runs[0])
    assert state
    assert state.epoch == 0
    assert 4 <= state.step < 1442


def test_a_failing_run_does_not_affect_others(trainer: Trainer, redis: Redis) -> None:
    claim = trainer.create_claim(REQUEST, limit=3)
    redis.set(SweepKeys(claim.sweep_id).epochs(1), "not a list")  # so that commits fail
    trainer.train(claim)
    runs = [trainer.sweeps.run(claim.sweep_id, index) for index in range(3)]
    assert [run["outcome"] for run in runs] == ["succeeded", "failed", "succeeded"]
    assert runs[1]["error_code"] == "internal_error"
    assert runs[1]["error_message"] == "The training failed with ResponseError. See the worker's log for details."


def test_a_diverging_run_fails_with_advice(trainer: Trainer) -> None:
    claim = trainer.create_claim(REQUEST, limit=3)
    stack = trainer.stack_cache.get(REQUEST.config, 3)
    stack.start(0, [run.scale for run in claim.runs])
    for run, checkpoint in zip(claim.runs, map(stack.state, range(3)), strict=True):
        if run.index == 1:
            checkpoint.weights[-1][0] = math.nan  # as after a step that is too large
        release(trainer.leases, claim, run, checkpoint)
    again = trainer.leases.claim(limit=3)
    assert again
    trainer.train(again)
    runs = [trainer.sweeps.run(claim.sweep_id, index) for index in range(3)]
    assert [run["outcome"] for run in runs] == ["succeeded", "failed", "succeeded"]
    assert runs[1]["error_code"] == DivergedError.code
    assert "smaller learning_rate" in runs[1]["error_message"]
    healthy = trainer.create_claim(REQUEST, limit=3)  # trained by the same program
    trainer.train(healthy)
    assert [trainer.sweeps.run(healthy.sweep_id, index)["outcome"] for index in range(3)] == ["succeeded"] * 3
    for index in (0, 2):
        assert trainer.metrics(claim.sweep_id, index) == trainer.metrics(healthy.sweep_id, index)


def test_a_lost_run_is_dropped_and_the_others_continue(trainer: Trainer, redis: Redis) -> None:
    claim = trainer.create_claim(REQUEST, limit=2)
    redis.hset(SweepKeys(claim.sweep_id).run(0), "owner", "another owner")
    before = trainer.sweeps.run(claim.sweep_id, 0)
    trainer.train(claim)
    assert trainer.sweeps.run(claim.sweep_id, 0) == before
    assert trainer.sweeps.epochs(claim.sweep_id, 0) == []
    assert trainer.sweeps.run(claim.sweep_id, 1)["outcome"] == "succeeded"


def interrupt_to_cancel(trainer: Trainer, claim: Claim, *indices: int) -> Interruption:
    """Return a stop check that cancels runs during training and then waits for a heartbeat."""

    def cancel() -> None:
        assert trainer.sweeps.cancel(claim.sweep_id, *indices)
        time.sleep(1.5 * POLL_SECONDS)

    return Interruption(8, cancel)


def test_a_cancelled_run_keeps_its_epochs(trainer: Trainer) -> None:
    request = REQUEST.model_copy(update={"epochs": 9})
    claim = trainer.create_claim(request, limit=3)
    trainer.train(claim, interrupt_to_cancel(trainer, claim, 1))
    runs = [trainer.sweeps.run(claim.sweep_id, index) for index in range(3)]
    assert [run["outcome"] for run in runs] == ["succeeded", "cancelled", "succeeded"]
    epochs = [len(trainer.sweeps.epochs(claim.sweep_id, index)) for index in range(3)]
    assert epochs[0] == epochs[2] == 9
    assert 0 < epochs[1] < 9
    expected = trainer.create_claim(request, limit=3)
    trainer.train(expected)
    for index in range(3):
        metrics = trainer.metrics(expected.sweep_id, index)
        assert trainer.metrics(claim.sweep_id, index) == metrics[: epochs[index]]


def test_training_stops_when_all_runs_are_cancelled(trainer: Trainer) -> None:
    claim = trainer.create_claim(REQUEST.model_copy(update={"epochs": 200, "batch_size": 1}), limit=2)
    assert trainer.train(claim, interrupt_to_cancel(trainer, claim)) == 0
    assert trainer.sweeps.run(claim.sweep_id, 0)["outcome"] == "cancelled"
    assert trainer.sweeps.run(claim.sweep_id, 1)["outcome"] == "cancelled"


def test_cancels_are_heard_while_training_waits_for_a_full_store(trainer: Trainer, redis: Redis) -> None:
    claim = trainer.create_claim(REQUEST.model_copy(update={"epochs": 200}), limit=2)
    ended: list[object] = []

    def cancel() -> None:
        """Cancel one run after the other. Room is made only after both have ended."""
        for run in claim.runs:
            trainer.sweeps.cancel(claim.sweep_id, run.index)
            wait_until(lambda run=run: trainer.sweeps.run(claim.sweep_id, run.index).get("outcome"))  # type: ignore[misc]
            ended.append(trainer.sweeps.run(claim.sweep_id, run.index)["outcome"])

    client = threading.Thread(target=cancel)

    def fill() -> None:
        redis.config_set("maxmemory", 1)
        client.start()

    try:
        assert trainer.train(claim, Interruption(8, fill)) == 0
        client.join()
    finally:
        redis.config_set("maxmemory", 0)
    assert ended == ["cancelled", "cancelled"]


def test_a_run_reaped_during_training_is_dropped(trainer: Trainer, redis: Redis) -> None:
    claim = trainer.create_claim(REQUEST, limit=1)

    def lose() -> None:
        redis.zadd(LEASES, {f"{claim.sweep_id}-0": 1})
        reap(trainer.leases)
        claim_runs(trainer.leases, claim.sweep_id)

    trainer.train(claim, Interruption(4, lose))
    epochs = trainer.sweeps.epochs(claim.sweep_id, 0)
    assert len(epochs) < 3
    assert "outcome" not in trainer.sweeps.run(claim.sweep_id, 0)


def test_outages_of_the_store_change_no_results(trainer: Trainer, tmp_path: Path) -> None:
    store = RedisServer(tmp_path, free_port(), durable=True)
    settings = Settings(redis_url=store.url, lease_seconds=3)
    other = Trainer(Sweeps(store.client), Leases(settings), settings, trainer.stack_cache)
    expected = trainer.train_uninterrupted(REQUEST)

    short = other.create_claim(REQUEST)
    restart = threading.Timer(0.5, store.start)

    def restart_store() -> None:
        store.kill()
        restart.start()

    other.train(short, Interruption(4, restart_store))
    restart.join()
    run = other.sweeps.run(short.sweep_id, 0)
    assert (other.metrics(short.sweep_id, 0), run["weights_sha256"]) == expected

    long = other.create_claim(REQUEST)
    restart = threading.Timer(1.5 * settings.lease_seconds, store.start)
    other.train(long, Interruption(4, restart_store))
    restart.join()
    run = other.sweeps.run(long.sweep_id, 0)
    assert (other.metrics(long.sweep_id, 0), run["weights_sha256"]) == expected
    assert run["attempts"] == "1"

    stopped = other.create_claim(REQUEST)
    stop = Interruption(4, store.kill)
    assert other.train(stopped, lambda: stop() or stop.checks < 0) == 0
    store.start()
    assert "outcome" not in other.sweeps.run(stopped.sweep_id, 0)
    wait_until(lambda: reap(other.leases).requeued)
    again = claim_next(other.leases)
    other.train(again)
    run = other.sweeps.run(stopped.sweep_id, 0)
    assert (other.metrics(stopped.sweep_id, 0), run["weights_sha256"]) == expected
    other.leases.close()
    store.close()
