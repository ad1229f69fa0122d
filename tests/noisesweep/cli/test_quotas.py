"""The commands `queue` and `quota show | list | set | remove`."""

import json

import httpx
import pytest

from tests.noisesweep.cli.conftest import ServeWithKeys
from tests.support.commands import Run
from tests.support.keys import bearer

SWEEP = {"scales": [0.5, 1], "dataset": "digits", "epochs": 1, "name": "of ada"}


@pytest.fixture
def http(serve_with_keys: ServeWithKeys) -> httpx.Client:
    """Return a client of a service with keys, whose instructor runs the commands."""
    return serve_with_keys("ada", teacher="instructor")


def test_quotas_are_set_changed_listed_and_removed(run: Run, http: httpx.Client) -> None:
    done = run("quota", "set", "role:member", "--runs", "20", "--core-seconds", "3600")
    assert done.stdout == "Limits of role:member: queued runs 20, stored MB not set, core-seconds per day 3,600.\n"
    changed = run("quota", "set", "role:member", "--megabytes", "0.5", "--runs", "30", "--json")
    assert json.loads(changed.stdout)["limits"] == {
        "max_queued_runs": 30, "max_stored_bytes": 500_000, "max_core_seconds_per_day": 3600,
    }  # fmt: skip
    listed = run("quota", "list").stdout
    assert all(text in listed for text in ("role:member", "30", "0.5", "3,600", "teacher", "2,000.0", "no limit"))
    assert run("quota", "remove", "role:member").stdout == "Limits of role:member removed.\n"
    refused = run("quota", "remove", "role:member")
    assert (refused.returncode, refused.stderr) == (2, "noisesweep: There is no quota of role:member.\n")


def test_wrong_use_is_explained(run: Run, http: httpx.Client) -> None:
    nothing = run("quota", "set", "key:ada")
    assert (nothing.returncode, "at least one of --runs" in nothing.stderr) == (2, True)
    holder = run("quota", "set", "ada", "--runs", "1")
    assert holder.returncode == 2
    assert "HOLDER: expected role:member, role:instructor, role:admin or key:NAME, received 'ada'" in holder.stderr
    both = run("quota", "set", "key:ada", "--runs", "1", "--clear", "runs")
    assert (both.returncode, "--clear: expected a limit that is not set by --runs" in both.stderr) == (2, True)


def test_one_limit_is_cleared_alone(run: Run, http: httpx.Client) -> None:
    run("quota", "set", "role:member", "--runs", "20", "--megabytes", "1", "--core-seconds", "3600")
    cleared = run("quota", "set", "role:member", "--clear", "runs", "megabytes", "--core-seconds", "60", "--json")
    assert json.loads(cleared.stdout)["limits"] == {
        "max_queued_runs": None, "max_stored_bytes": None, "max_core_seconds_per_day": 60,
    }  # fmt: skip


def test_a_member_sees_its_use_and_its_queue(run: Run, http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOISESWEEP_API_KEY", "ns_ada")
    assert "None of your sweeps has queued runs." in run("queue").stdout
    sweep_id = http.post("/sweeps", json=SWEEP, headers=bearer("ada")).json()["id"]
    shown = run("quota", "show").stdout
    assert all(text in shown for text in ("queued runs", "2", "500", "no limit"))
    assert json.loads(run("quota", "show", "--json").stdout)["queued_runs"] == 2
    queue = run("queue").stdout
    assert queue.startswith(f"{sweep_id}  2 runs queued, 0 before, starts at an unknown time  of ada\n")
    assert "Runs of all users: 2 queued, 0 running." in queue
    assert json.loads(run("queue", "--json").stdout)["own"][0]["id"] == sweep_id
