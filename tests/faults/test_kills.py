"""kill -9 of anything, at any moment."""

import random
import time

import psutil
import pytest

from noisesweep.models import Sweep
from tests.support.fleet import Fleet, rounds
from tests.support.waiting import wait_until

POINTS = ["after_claim", "before_commit", "after_commit", "before_finish", "after_finish"]


def test_whatever_is_killed_at_whatever_moment_the_sweep_ends_whole(
    fleet: Fleet, undisturbed: Sweep, chance: random.Random
) -> None:
    for number in rounds(full=30, in_ci=4):
        worker = fleet.ensure_worker()
        sweep_id = fleet.submit()
        fleet.wait_for_epochs(sweep_id, chance.randrange(46))
        time.sleep(chance.uniform(0, 0.3))
        target = chance.choice(["child", "main", "both"])
        print(f"round {number}: {target} of {worker.main.pid}, {fleet.sweep(sweep_id).progress}")
        children = worker.training_processes()
        if target in ("main", "both"):
            worker.main.kill()
            worker.main.wait()
        if target in ("child", "both") and children:
            chance.choice(children).kill()
        fleet.ensure_worker()
        fleet.assert_whole(sweep_id, undisturbed)
    fleet.assert_drained()


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("target", ["", "worker"])
def test_a_death_between_any_two_steps_of_the_protocol_loses_nothing(
    fleet: Fleet, undisturbed: Sweep, point: str, target: str
) -> None:
    fleet.ensure_worker()
    armed = fleet.arm(point, target)
    sweep_id = fleet.submit()
    wait_until(lambda: not armed.exists(), seconds=60)
    if target:
        wait_until(lambda: fleet.workers[-1].main.poll() is not None)
    fleet.ensure_worker()
    fleet.assert_whole(sweep_id, undisturbed)
    fleet.assert_drained()


def test_training_processes_do_not_outlive_their_worker(fleet: Fleet, undisturbed: Sweep) -> None:
    worker = fleet.ensure_worker()
    sweep_id = fleet.submit()
    fleet.wait_for_epochs(sweep_id, 1)
    worker.main.kill()
    worker.main.wait()
    _, left = psutil.wait_procs(worker.everything(), timeout=20)
    assert not left
    fleet.ensure_worker()
    fleet.assert_whole(sweep_id, undisturbed)
