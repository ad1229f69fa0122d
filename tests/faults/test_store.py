"""The store killed, away for long, full, and out of disk."""

import os
import random
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import httpx
import pytest

from noisesweep.models import Sweep
from shared.store.keys import SWEEPS
from tests.support.fleet import BODY, Fleet, rounds
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until

TINY = {"scales": [0.1], "dataset": "digits", "epochs": 1, "hidden_units": [8], "reuse": False}


class Follower:
    """A client that follows a sweep to its end, and comes back after the last event it has whenever it is cut off."""

    def __init__(self, fleet: Fleet, sweep_id: str) -> None:
        self._ids: list[str] = []
        self._url = fleet.http.base_url.join(f"/sweeps/{sweep_id}/events")
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def _follow(self) -> None:
        ended = False
        while not ended:
            headers = {"Last-Event-ID": self._ids[-1]} if self._ids else {}
            try:
                with httpx.stream("GET", self._url, headers=headers, timeout=30, trust_env=False) as response:
                    for line in response.iter_lines():
                        if line.startswith("id: "):
                            self._ids.append(line.removeprefix("id: "))
                        ended = ended or line == "event: sweep.ended"
            except httpx.TransportError:
                pass
            time.sleep(0.05)

    def told(self) -> list[str]:
        self._thread.join(60)
        assert not self._thread.is_alive()
        return self._ids


def test_a_store_that_is_killed_while_runs_train_costs_nothing(
    fleet: Fleet, undisturbed: Sweep, chance: random.Random
) -> None:
    for number in rounds(full=10, in_ci=2):
        fleet.ensure_worker()
        sweep_id = fleet.submit()
        follower = Follower(fleet, sweep_id)
        fleet.wait_for_epochs(sweep_id, chance.randrange(1, 40))
        fleet.store.kill()
        away_seconds = chance.choice([0, 0.5, 5])  # at once, within a lease, beyond it
        print(f"round {number}: away for {away_seconds} s")
        time.sleep(away_seconds)
        assert fleet.http.get(f"/sweeps/{sweep_id}").status_code == 503
        fleet.store.start()
        wait_until(lambda: fleet.http.get("/readyz").status_code == 200)
        fleet.assert_whole(sweep_id, undisturbed)
        assert follower.told() == fleet.event_ids(sweep_id)
    fleet.assert_drained()


def test_a_store_that_is_killed_while_sweeps_come_in_keeps_what_was_accepted_and_nothing_half(
    fleet: Fleet, undisturbed: Sweep, chance: random.Random
) -> None:
    fleet.ensure_worker()
    before = set(cast("list[str]", fleet.redis.zrange(SWEEPS, 0, -1)))
    accepted, over = [], threading.Event()

    def submit_again_and_again() -> None:
        with httpx.Client(base_url=fleet.http.base_url, timeout=30) as http:
            while not over.wait(0.05):
                answer = http.post("/sweeps", json=TINY)
                assert answer.status_code in (202, 503)
                if answer.status_code == 202:
                    accepted.append(answer.json()["id"])

    submitter = threading.Thread(target=submit_again_and_again)
    submitter.start()
    try:
        for _ in rounds(full=10, in_ci=3):
            time.sleep(chance.uniform(0.2, 1))
            fleet.store.kill()
            fleet.store.start()
    finally:
        over.set()
        submitter.join()
    wait_until(lambda: fleet.http.get("/readyz").status_code == 200)
    tiny = fleet.wait_for_end(fleet.submit(TINY))
    stored = set(cast("list[str]", fleet.redis.zrange(SWEEPS, 0, -1))) - before
    assert set(accepted) <= stored
    for sweep_id in stored:
        if fleet.http.get(f"/sweeps/{sweep_id}").status_code != 404:  # listed, and killed before it was written
            fleet.assert_whole(sweep_id, tiny)
        else:
            assert sweep_id not in accepted
            assert fleet.everything_of(sweep_id) == {}
    fleet.assert_drained()


def test_a_full_store_refuses_sweeps_whole_and_training_waits_for_room(fleet: Fleet, undisturbed: Sweep) -> None:
    fleet.ensure_worker()
    sweep_id = fleet.submit()
    fleet.wait_for_epochs(sweep_id, 2)
    fleet.redis.config_set("maxmemory", fleet.redis.info("memory")["used_memory"] - 100_000)
    try:
        before = set(fleet.redis.keys("*"))
        answer = fleet.http.post("/sweeps", json=BODY)
        assert answer.status_code == 507
        assert "full" in answer.json()["detail"]
        assert set(fleet.redis.keys("*")) <= before
        assert fleet.http.get(f"/sweeps/{sweep_id}").status_code == 200
        time.sleep(5)  # longer than a lease: waiting must not cost the run
        assert not fleet.sweep(sweep_id).status.is_final
    finally:
        fleet.redis.config_set("maxmemory", 0)
    fleet.assert_whole(sweep_id, undisturbed)
    fleet.assert_drained()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("a small disk is made by mounting one, which this user may not")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)  # noqa: S607 - where it lies differs


def test_a_disk_that_runs_full_stops_the_service_and_room_brings_it_back_without_a_loss(
    small_disk: Path, undisturbed: Sweep
) -> None:
    fleet = Fleet(small_disk.parent, store=RedisServer(small_disk, durable=True))
    try:
        fleet.start_worker()
        sweep_id = fleet.submit(BODY)
        wait_until(lambda: fleet.http.get("/readyz").status_code == 503, seconds=60)
        assert fleet.http.post("/sweeps", json=BODY).status_code == 503
        subprocess.run(["mount", "-o", "remount,size=300m", str(small_disk)], check=True)  # noqa: S607 - as above
        fleet.store.start()
        fleet.assert_whole(sweep_id, undisturbed)
        fleet.assert_drained()
    finally:
        fleet.close()
