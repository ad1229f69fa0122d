"""Runs that kill their worker, rolling deployments, and cancellation during training."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from noisesweep.models import EpochMetrics, RunStatus, Sweep
from shared.settings import Settings
from tests.support.claims import claim_runs
from tests.support.fleet import BODY, Fleet, rounds
from tests.support.records import evaluation
from tests.support.stored_sweeps import Sweeps
from tests.support.waiting import wait_until
from worker.leases import LeaseLostError, Leases

SHA = "ab" * 32


def test_run_that_always_kills_its_worker_fails_alone(fleet: Fleet, undisturbed: Sweep) -> None:
    fleet.ensure_worker()
    stop = threading.Event()

    def arm_repeatedly() -> None:
        while not stop.wait(0.02):
            if not (fleet.points / "before_commit-1").exists():
                fleet.arm("before_commit", index=1)

    killer = threading.Thread(target=arm_repeatedly)
    killer.start()
    try:
        sweep_id = fleet.submit()
        sweep = fleet.wait_for_end(sweep_id, seconds=180)
    finally:
        stop.set()
        killer.join()
        (fleet.points / "before_commit-1").unlink(missing_ok=True)
    fleet.assert_complete(sweep_id, undisturbed, RunStatus.FAILED)
    assert [run.status for run in sweep.runs] == ["succeeded", "failed", "succeeded", "succeeded"]
    failed = sweep.runs[1]
    assert failed.error
    assert failed.error.code == "worker_lost"
    assert failed.attempts == 3
    assert fleet.http.post(f"/sweeps/{sweep_id}/retry").status_code == 202
    retried = fleet.wait_for_end(sweep_id)
    assert [run.weights_sha256 for run in retried.runs] == [run.weights_sha256 for run in undisturbed.runs]
    assert [run.attempts for run in retried.runs if run is not retried.runs[1]] == [
        run.attempts for run in sweep.runs if run is not failed
    ]


def test_rolling_deployment_costs_no_attempts(fleet: Fleet) -> None:
    body = BODY | {"scales": [0.1, 0.5], "seeds": list(range(10)), "epochs": 20}
    fleet.close_workers()
    undisturbed_worker = fleet.start_worker()
    undisturbed = fleet.wait_for_end(fleet.submit(body), seconds=180)
    undisturbed_worker.close()
    fleet.workers = [fleet.start_worker(processes=1), fleet.start_worker(processes=1)]
    sweep_id = fleet.submit(body)
    for number in rounds(full=8, in_ci=3):
        epochs = 1 + 50 * number
        wait_until(lambda epochs=epochs: fleet.sweep(sweep_id).progress.epochs_done >= epochs, seconds=120)  # type: ignore[misc]
        old = fleet.workers.pop(0)
        assert old.terminate() == 0
        fleet.start_worker(processes=1)
    fleet.assert_complete(sweep_id, undisturbed)
    assert [run.attempts for run in fleet.sweep(sweep_id).runs] == [1] * 20
    fleet.assert_no_messages()


def test_cancel_during_the_end_of_a_run_is_atomic(fleet: Fleet, rng: random.Random) -> None:
    fleet.close_workers()
    leases = Leases(Settings(redis_url=fleet.store.url))
    outcomes = set()
    metrics = EpochMetrics(epoch=0, loss=0.5, accuracy=0.8, val_loss=0.6, val_accuracy=0.7, seconds=1.0)
    # The loser starts earlier in the next round, so the race stays close on any machine.
    lead_seconds = 0.0  # head start of `end` over `cancel`
    for _ in rounds(full=200, in_ci=40):
        sweep_id = fleet.submit(BODY | {"scales": [0.1], "epochs": 1})
        claim = claim_runs(leases, sweep_id)

        def end() -> RunStatus:
            time.sleep(max(0.0, -lead_seconds))  # noqa: B023 - it is called within this iteration
            leases.commit(claim, claim.runs[0], metrics)  # noqa: B023
            return leases.succeed(claim, claim.runs[0], SHA, evaluation())  # noqa: B023

        def cancel() -> int:
            time.sleep(max(0.0, lead_seconds))  # noqa: B023
            return fleet.http.post(f"/sweeps/{sweep_id}/cancel").status_code  # noqa: B023

        order = [end, cancel]
        rng.shuffle(order)
        with ThreadPoolExecutor(2) as threads:
            futures = {action.__name__: threads.submit(action) for action in order}
        outcome, status = futures["end"].result(), futures["cancel"].result()
        run = fleet.sweep(sweep_id).runs[0]
        assert run.status is outcome
        assert (status, outcome, run.weights_sha256) in [(202, "cancelled", None), (409, "succeeded", SHA)]
        kinds = [event["type"] for event in fleet.events(sweep_id) if event["type"] != "run.cancelling"]
        assert kinds == ["run.started", "epoch", "run.ended", "sweep.ended"]
        stored = Sweeps(fleet.redis)
        assert stored.queued(sweep_id) == stored.leased(sweep_id) == []
        outcomes.add(outcome)
        lead_seconds += rng.uniform(0, 0.004) * (1 if outcome is RunStatus.CANCELLED else -1)
        try:
            leases.commit(claim, claim.runs[0], metrics)
        except LeaseLostError:
            continue
        raise AssertionError("a run that has ended accepted a commit")
    leases.close()
    assert outcomes == {"cancelled", "succeeded"}


def test_cancelled_run_ends_soon_and_keeps_its_epochs(fleet: Fleet, undisturbed: Sweep) -> None:
    fleet.ensure_worker()
    sweep_id = fleet.submit(BODY | {"epochs": 200})
    fleet.wait_for_epochs(sweep_id, 3)
    epochs_before = fleet.sweep(sweep_id).progress.epochs_done
    assert fleet.http.post(f"/sweeps/{sweep_id}/cancel").status_code == 202
    fleet.assert_complete(sweep_id, undisturbed, RunStatus.CANCELLED)
    assert fleet.sweep(sweep_id).progress.epochs_done >= epochs_before
    fleet.assert_no_messages()
