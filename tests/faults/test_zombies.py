"""A worker that is stopped like a laptop that is closed, and wakes when all is done."""

import re
import signal

from noisesweep.models import Sweep
from shared.store.keys import SweepKeys
from tests.support.fleet import Fleet
from tests.support.waiting import wait_until


def test_a_worker_that_slept_through_its_lease_writes_nothing_when_it_wakes(fleet: Fleet, undisturbed: Sweep) -> None:
    sleeper = fleet.ensure_worker()
    sweep_id = fleet.submit()
    fleet.wait_for_epochs(sweep_id, 3)
    asleep = sleeper.everything()
    for process in asleep:
        process.send_signal(signal.SIGSTOP)
    fleet.start_worker()
    fleet.assert_whole(sweep_id, undisturbed)
    claims = [event["type"] for event in fleet.events(sweep_id)].count("run.started")
    assert claims > len(undisturbed.runs)  # the second worker has taken over what the first had begun
    before = fleet.everything_of(sweep_id)
    for process in asleep:
        process.send_signal(signal.SIGCONT)
    asleep_again = fleet.submit()  # by its end the woken worker has had the time to do what it would do
    fleet.assert_whole(asleep_again, undisturbed)
    given_up = re.compile(f"Sweep {sweep_id}: leaving its runs|Run {sweep_id}-. is left to its new owner")
    wait_until(lambda: given_up.search(fleet.log()))
    assert fleet.everything_of(sweep_id) == before
    assert fleet.redis.zcard(SweepKeys(sweep_id).queued) == 0
