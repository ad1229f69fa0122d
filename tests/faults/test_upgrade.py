"""Upgrade of a running service: workers of two versions on one store.

The next version is a copy of the current one with a higher SCHEMA or NUMERICS. It stands for a release with a new
format of stored sweeps, or with a trainer that computes other bits.
"""

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import httpx
import pytest

import shared
from noisesweep.models import Sweep
from shared.numerics import NUMERICS
from shared.store.keys import QUEUE, SCHEMA
from tests.support.api import ApiProcess
from tests.support.fleet import BODY, Fleet
from tests.support.waiting import wait_until
from tests.support.worker import Worker

HERE = Path(shared.__file__).parents[1]


def copy_program(folder: Path, changes: Mapping[str, Sequence[str]], number: int) -> Path:
    """Write a copy of the program, with `number` after each pattern in a file under shared/, and return the folder."""
    for package in ("api", "worker", "shared", "noisesweep"):
        shutil.copytree(HERE / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for file, patterns in changes.items():
        path = folder / "shared" / file
        for pattern in patterns:
            text, replaced = re.subn(rf"^({pattern})\d+$", rf"\g<1>{number}", path.read_text(), flags=re.MULTILINE)
            assert replaced == 1
            path.write_text(text)
    return folder


@pytest.fixture(scope="module")
def next_version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a version that has a higher SCHEMA."""
    changes = {
        "store/keys.py": ["SCHEMA = "],
        "store/noisesweep.lua": [r"local REVISION, SCHEMA = \d+, ", "#!lua name=noisesweep"],
    }
    return copy_program(tmp_path_factory.mktemp("next"), changes, SCHEMA + 1)


@pytest.fixture(scope="module")
def next_numerics(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a version that has a higher NUMERICS."""
    return copy_program(tmp_path_factory.mktemp("numerics"), {"numerics.py": ["NUMERICS = "]}, NUMERICS + 1)


@pytest.fixture(autouse=True)
def _own_workers(fleet: Fleet, undisturbed: Sweep) -> Iterator[None]:
    """Stop the workers before and after each test. A worker of another version would begin the runs of later tests."""
    fleet.close_workers()
    yield
    fleet.close_workers()


@pytest.fixture
def next_api(fleet: Fleet, next_version: Path) -> Iterator[httpx.Client]:
    """Yield a client of the next version's API, which runs beside the current one."""
    api = ApiProcess(fleet.environment, fleet.folder / "next-api.log", program=next_version)
    try:
        api.wait_until_ready()
        yield api.http
    finally:
        api.close()


def run_ids_of(sweep: Sweep, worker: Worker) -> list[str]:
    """Return the ids of the runs that this worker was the last to train."""
    return [run.id for run in sweep.runs if run.worker and run.worker.startswith(f"{worker.main.pid}-")]


def test_old_worker_leaves_new_sweeps_to_new_worker(
    fleet: Fleet, undisturbed: Sweep, next_version: Path, next_api: httpx.Client
) -> None:
    old = fleet.start_worker(processes=1)
    before = fleet.submit()
    fleet.wait_for_epochs(before, 2)
    new_sweep = str(next_api.post("/sweeps", json=BODY).raise_for_status().json()["id"])
    fleet.assert_complete(before, undisturbed)
    assert len(run_ids_of(fleet.sweep(before), old)) == 4
    answer = next_api.get(f"/sweeps/{new_sweep}").raise_for_status().json()
    assert {run["status"] for run in answer["runs"]} == {"queued"}  # the old worker was idle and did not claim them
    assert fleet.http.get(f"/sweeps/{new_sweep}").json()["type"] == "/problems/newer-sweep"

    new = fleet.start_worker(processes=1, program=next_version)
    wait_until(lambda: next_api.get(f"/sweeps/{new_sweep}").json()["status"] == "succeeded", seconds=90)
    ended = Sweep.model_validate(next_api.get(f"/sweeps/{new_sweep}").json())
    assert len(run_ids_of(ended, new)) == 4
    assert [run.weights_sha256 for run in ended.runs] == [run.weights_sha256 for run in undisturbed.runs]

    shared_sweep = fleet.submit(BODY | {"epochs": 60})  # both workers are idle, so each claims a run
    wait_until(lambda: all(run_ids_of(fleet.sweep(shared_sweep), worker) for worker in (old, new)), seconds=60)
    assert old.terminate() == 0  # during its run, which the new worker continues
    sweep = fleet.wait_for_end(shared_sweep)
    assert sweep.status == "succeeded"
    assert [run.attempts for run in sweep.runs] == [1] * 4


def test_new_version_finishes_sweeps_of_the_old_one(
    fleet: Fleet, undisturbed: Sweep, next_version: Path, next_api: httpx.Client
) -> None:
    sweep_id = fleet.submit()  # its messages are in the queue of the old version, which has no worker any more
    assert fleet.redis.llen(QUEUE) >= len(BODY["scales"])  # type: ignore[arg-type]
    fleet.start_worker(program=next_version)
    fleet.assert_complete(sweep_id, undisturbed)
    assert next_api.get(f"/sweeps/{sweep_id}").json()["status"] == "succeeded"
    fleet.redis.delete(QUEUE)


def test_run_continued_with_other_numerics_starts_again(fleet: Fleet, undisturbed: Sweep, next_numerics: Path) -> None:
    old = fleet.start_worker(processes=1)
    sweep_id = fleet.submit()
    wait_until(lambda: fleet.sweep(sweep_id).runs[1].epochs_done > 1, seconds=60)  # the first run has succeeded
    assert old.terminate() == 0
    before = fleet.sweep(sweep_id)
    assert [run.numerics for run in before.runs] == [NUMERICS, NUMERICS, None, None]
    assert before.numerics == [NUMERICS]

    fleet.start_worker(program=next_numerics)
    sweep = fleet.wait_for_end(sweep_id)
    assert [run.numerics for run in sweep.runs] == [NUMERICS, *[NUMERICS + 1] * 3]
    assert f"different numerics versions ({NUMERICS} and {NUMERICS + 1})" in (sweep.status_detail or "")
    # The copy computes the same bits, so the weights are those of one whole training.
    assert [run.weights_sha256 for run in sweep.runs] == [run.weights_sha256 for run in undisturbed.runs]
    assert [run.epochs_done for run in sweep.runs] == [sweep.config.epochs] * 4
    epochs = [event for event in fleet.events(sweep_id) if event["type"] == "epoch" and event["index"] == "1"]
    assert len(epochs) == before.runs[1].epochs_done + sweep.config.epochs
