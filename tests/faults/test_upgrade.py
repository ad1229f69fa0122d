"""An upgrade while everything runs: workers of two versions side by side on one store.

The next version is this one with its schema raised, in a folder of its own: what a release would be that writes sweeps
which this one could misread.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import shared
from noisesweep.models import Sweep
from shared.store.keys import QUEUE, SCHEMA
from tests.support.api import ApiProcess
from tests.support.fleet import BODY, Fleet
from tests.support.waiting import wait_until
from tests.support.worker import Worker

HERE = Path(shared.__file__).parents[1]


@pytest.fixture(scope="module")
def next_version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("next")
    for room in ("api", "worker", "shared", "noisesweep"):
        shutil.copytree(HERE / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    keys = folder / "shared" / "store" / "keys.py"
    raised, times = re.subn(r"^SCHEMA = \d+$", f"SCHEMA = {SCHEMA + 1}", keys.read_text(), flags=re.MULTILINE)
    assert times == 1
    keys.write_text(raised)
    return folder


@pytest.fixture
def next_api(fleet: Fleet, next_version: Path) -> Iterator[httpx.Client]:
    """A client of the next version's API, beside this one's."""
    api = ApiProcess(fleet.environment, fleet.folder / "next-api.log", program=next_version)
    try:
        api.wait_until_ready()
        yield api.http
    finally:
        api.close()


def whose(sweep: Sweep, worker: Worker) -> list[str]:
    """The runs that the worker has trained last."""
    return [run.id for run in sweep.runs if run.worker and run.worker.startswith(f"{worker.main.pid}-")]


def test_old_and_new_workers_share_old_sweeps_and_leave_new_ones_to_the_new(
    fleet: Fleet, undisturbed: Sweep, next_version: Path, next_api: httpx.Client
) -> None:
    fleet.close_workers()
    old = fleet.start_worker(processes=1)
    before = fleet.submit()
    fleet.wait_for_epochs(before, 2)
    new_sweep = str(next_api.post("/sweeps", json=BODY).raise_for_status().json()["id"])
    fleet.assert_whole(before, undisturbed)
    assert len(whose(fleet.sweep(before), old)) == 4
    asked = next_api.get(f"/sweeps/{new_sweep}").raise_for_status().json()
    assert {run["status"] for run in asked["runs"]} == {"queued"}  # the old worker was idle, and has not touched it
    assert fleet.http.get(f"/sweeps/{new_sweep}").json()["type"] == "/problems/newer-sweep"

    new = fleet.start_worker(processes=1, program=next_version)
    wait_until(lambda: next_api.get(f"/sweeps/{new_sweep}").json()["status"] == "succeeded", seconds=90)
    ended = Sweep.model_validate(next_api.get(f"/sweeps/{new_sweep}").json())
    assert len(whose(ended, new)) == 4
    assert [run.weights_sha256 for run in ended.runs] == [run.weights_sha256 for run in undisturbed.runs]

    shared_sweep = fleet.submit(BODY | {"epochs": 60})  # both are idle: each takes a run of it
    wait_until(lambda: whose(fleet.sweep(shared_sweep), old) and whose(fleet.sweep(shared_sweep), new), seconds=60)
    assert old.terminate() == 0  # in the middle: what it trains goes to the new one
    sweep = fleet.wait_for_end(shared_sweep)
    assert sweep.status == "succeeded"
    assert [run.attempts for run in sweep.runs] == [1] * 4


def test_sweeps_of_before_the_upgrade_are_read_and_ended_by_the_new_version_alone(
    fleet: Fleet, undisturbed: Sweep, next_version: Path, next_api: httpx.Client
) -> None:
    fleet.close_workers()
    sweep_id = fleet.submit()  # its messages wait in the queue of the old version, which nobody serves any more
    assert fleet.redis.llen(QUEUE) >= len(BODY["scales"])  # type: ignore[arg-type]
    fleet.start_worker(program=next_version)
    fleet.assert_whole(sweep_id, undisturbed)
    assert next_api.get(f"/sweeps/{sweep_id}").json()["status"] == "succeeded"
    fleet.redis.delete(QUEUE)
