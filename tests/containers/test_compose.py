"""`docker compose up`: sweeps from the host, scaling, killed containers, restarts and backups."""

import re
import time
from pathlib import Path

import pytest

from noisesweep.models import Sweep
from shared.store.functions import REVISION
from shared.store.keys import SCHEMA
from tests.support.compose import Project, inspect
from tests.support.old_store import write_schema_1
from tests.support.redis_server import RedisServer

PNG = b"\x89PNG"


def test_sweep_from_the_host_has_a_plot(project: Project, undisturbed: Sweep) -> None:
    assert all(run.epochs_done == undisturbed.config.epochs for run in undisturbed.runs)
    assert project.http.get(f"/sweeps/{undisturbed.id}/plot").raise_for_status().content.startswith(PNG)
    assert project.http.get("/ui", follow_redirects=True).status_code == 200


def test_two_workers_share_a_sweep(project: Project, undisturbed: Sweep) -> None:
    project.up("--scale", "worker=2", "--no-recreate")
    alive = [worker for worker in project.http.get("/workers").json()["workers"] if worker["alive"]]
    assert len({worker["host"] for worker in alive}) == 2
    grid = {"scales": [0.1, 0.5, 1.0, 2.0], "seeds": [0, 1]}
    sweep = project.wait_for_end_with_retries(
        project.submit({"dataset": "digits", "epochs": 40, "reuse": False, **grid})
    )
    assert sweep.status == "succeeded"
    assert len({run.worker.split("@")[1] for run in sweep.runs if run.worker}) == 2
    project.up("--scale", "worker=1", "--no-recreate")
    project.assert_complete(project.submit(), undisturbed)


def test_killed_worker_loses_no_work(project: Project, undisturbed: Sweep) -> None:
    sweep_id = project.submit()
    project.wait_for_epochs(sweep_id, 2)
    project.compose("kill", "--signal", "KILL", "worker")
    time.sleep(1)
    assert not project.sweep(sweep_id).status.is_final
    project.up()
    sweep = project.assert_complete(sweep_id, undisturbed)
    assert max(run.attempts for run in sweep.runs) == 2


def test_killed_store_loses_no_work(project: Project, undisturbed: Sweep) -> None:
    sweep_id = project.submit()
    project.wait_for_epochs(sweep_id, 2)
    project.compose("kill", "--signal", "KILL", "redis")
    assert project.http.get(f"/sweeps/{sweep_id}").status_code == 503
    project.up()
    project.assert_complete(sweep_id, undisturbed)


def test_stopped_worker_requeues_its_runs(project: Project, undisturbed: Sweep) -> None:
    sweep_id = project.submit()
    project.wait_for_epochs(sweep_id, 2)
    project.compose("stop", "worker")
    assert {run.status for run in project.sweep(sweep_id).runs} == {"queued"}
    (worker,) = inspect("container", *project.containers("worker"))
    assert worker["State"]["ExitCode"] == 0
    project.up()
    assert [run.attempts for run in project.assert_complete(sweep_id, undisturbed).runs] == [1, 1]


def test_sweeps_survive_down_and_up(project: Project, undisturbed: Sweep) -> None:
    paths = [f"/sweeps/{undisturbed.id}", f"/runs/{undisturbed.runs[0].id}", "/sweeps"]
    before = [project.http.get(path).raise_for_status().content for path in paths]
    project.compose("down")
    project.up()
    assert [project.http.get(path).raise_for_status().content for path in paths] == before


def test_restored_backup_has_every_sweep(project: Project, undisturbed: Sweep) -> None:
    unfinished = project.submit()
    project.wait_for_epochs(unfinished, 2)
    snapshot = project.compose("exec", "--no-TTY", "redis", "noisesweep-redis", "backup")
    before = project.http.get(f"/sweeps/{undisturbed.id}").content
    project.compose("down", "--volumes")
    project.compose("run", "--rm", "--no-TTY", "redis", "restore", stdin=snapshot)
    project.up()
    assert project.http.get(f"/sweeps/{undisturbed.id}").content == before
    project.assert_complete(unfinished, undisturbed)


def test_interrupted_restore_is_not_served_and_can_be_repeated(project: Project, undisturbed: Sweep) -> None:
    snapshot = project.compose("exec", "--no-TTY", "redis", "noisesweep-redis", "backup")
    project.compose("down", "--volumes")
    project.create_file_in_store_volume("restored.rdb")
    with pytest.raises(AssertionError, match="a restore was interrupted"):
        project.compose("run", "--rm", "--no-TTY", "redis", "serve")
    project.compose("run", "--rm", "--no-TTY", "redis", "restore", stdin=snapshot)
    project.up()
    assert project.sweep(undisturbed.id).status == "succeeded"


def test_functions_are_loaded_at_the_start_and_on_request(project: Project) -> None:
    assert project.run("redis", "noisesweep-redis", "cli", "fcall", f"ns{SCHEMA}_check", "0").strip() == str(REVISION)
    project.run("redis", "noisesweep-redis", "cli", "function", "flush")
    with pytest.raises(AssertionError):
        project.run("redis", "noisesweep-redis", "healthy")
    problem = project.http.get("/queue").json()
    assert problem["type"] == "/problems/store-without-functions"
    command = re.search(r"`docker compose exec redis (.+?)`", problem["detail"])
    assert command
    project.run("redis", *command[1].split())
    project.run("redis", "noisesweep-redis", "healthy")
    assert project.http.get("/queue").is_success


def test_restored_backup_of_an_older_version_is_refused(project: Project, undisturbed: Sweep, tmp_path: Path) -> None:
    old = RedisServer(tmp_path)
    write_schema_1(old.client)
    old.client.save()
    old.close()
    snapshot = project.compose("exec", "--no-TTY", "redis", "noisesweep-redis", "backup")
    project.compose("down", "--volumes")
    project.compose("run", "--rm", "--no-TTY", "redis", "restore", stdin=(tmp_path / "dump.rdb").read_bytes())
    project.up("redis")
    for service in ("api", "worker"):
        with pytest.raises(
            AssertionError, match=f"noisesweep {service}: The store contains sweeps of an older version"
        ):
            project.compose("run", "--rm", "--no-TTY", "--no-deps", service)
    project.compose("down", "--volumes")
    project.compose("run", "--rm", "--no-TTY", "redis", "restore", stdin=snapshot)
    project.up()
    assert project.sweep(undisturbed.id).status == "succeeded"


def test_restore_over_existing_data_is_rejected(project: Project) -> None:
    with pytest.raises(AssertionError, match="expected an empty store, but /data contains one"):
        project.compose("run", "--rm", "--no-TTY", "redis", "restore", stdin=b"")
