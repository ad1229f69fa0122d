"""Worker that is suspended during a sweep and resumes after another worker has finished it."""

import re
import signal

from noisesweep.models import Sweep
from tests.support.fleet import Fleet
from tests.support.stored_sweeps import Sweeps
from tests.support.waiting import wait_until


def test_suspended_worker_writes_nothing_after_its_lease(fleet: Fleet, undisturbed: Sweep) -> None:
    suspended = fleet.ensure_worker()
    sweep_id = fleet.submit()
    fleet.wait_for_epochs(sweep_id, 3)
    processes = suspended.everything()
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    fleet.start_worker()
    fleet.assert_complete(sweep_id, undisturbed)
    claims = [event["type"] for event in fleet.events(sweep_id)].count("run.started")
    assert claims > len(undisturbed.runs)  # the second worker has claimed the runs of the first again
    before = fleet.dump_sweep(sweep_id)
    for process in processes:
        process.send_signal(signal.SIGCONT)
    next_sweep = fleet.submit()  # gives the resumed worker time for a wrong write
    fleet.assert_complete(next_sweep, undisturbed)
    abandoned = re.compile(f"Sweep {sweep_id}: giving up its runs|Run {sweep_id}-. dropped")
    wait_until(lambda: abandoned.search(fleet.log()))
    assert fleet.dump_sweep(sweep_id) == before
    assert Sweeps(fleet.redis).queued(sweep_id) == []
