"""SIGKILL of worker processes at random times and at every step of the protocol."""

import random
import time

import psutil
import pytest

from noisesweep.models import Sweep
from tests.support.fleet import Fleet, rounds
from tests.support.waiting import wait_until

POINTS = ["after_claim", "before_commit", "after_commit", "before_finish", "after_finish"]


def test_sweep_is_complete_after_kills_at_random_times(fleet: Fleet, undisturbed: Sweep, rng: random.Random) -> None:
    for number in rounds(full=30, in_ci=4):
        worker = fleet.ensure_worker()
        sweep_id = fleet.submit()
        fleet.wait_for_epochs(sweep_id, rng.randrange(46))
        time.sleep(rng.uniform(0, 0.3))
        target = rng.choice(["child", "main", "both"])
        print(f"round {number}: {target} of {worker.main.pid}, {fleet.sweep(sweep_id).progress}")
        children = worker.training_processes()
        if target in ("main", "both"):
            worker.main.kill()
            worker.main.wait()
        if target in ("child", "both") and children:
            rng.choice(children).kill()
        fleet.ensure_worker()
        fleet.assert_complete(sweep_id, undisturbed)
    fleet.assert_no_messages()


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("target", ["", "worker"])
def test_kill_between_protocol_steps_loses_nothing(fleet: Fleet, undisturbed: Sweep, point: str, target: str) -> None:
    fleet.ensure_worker()
    armed = fleet.arm(point, target)
    sweep_id = fleet.submit()
    wait_until(lambda: not armed.exists(), seconds=60)
    if target:
        wait_until(lambda: fleet.workers[-1].main.poll() is not None)
    fleet.ensure_worker()
    fleet.assert_complete(sweep_id, undisturbed)
    fleet.assert_no_messages()


def test_training_processes_exit_with_their_worker(fleet: Fleet, undisturbed: Sweep) -> None:
    worker = fleet.ensure_worker()
    sweep_id = fleet.submit()
    fleet.wait_for_epochs(sweep_id, 1)
    worker.main.kill()
    worker.main.wait()
    _, left = psutil.wait_procs(worker.everything(), timeout=20)
    assert not left
    fleet.ensure_worker()
    fleet.assert_complete(sweep_id, undisturbed)
