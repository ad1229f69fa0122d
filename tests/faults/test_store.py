"""Store that is killed, unavailable for seconds, out of memory, or out of disk space."""

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


class Subscriber:
    """Client that receives the events of a sweep until its end, and reconnects after the last event."""

    def __init__(self, fleet: Fleet, sweep_id: str) -> None:
        self._ids: list[str] = []
        self._url = fleet.http.base_url.join(f"/sweeps/{sweep_id}/events")
        self._thread = threading.Thread(target=self._subscribe)
        self._thread.start()

    def _subscribe(self) -> None:
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

    def wait(self) -> list[str]:
        """Wait for the end of the sweep, and return the ids of the received events."""
        self._thread.join(60)
        assert not self._thread.is_alive()
        return self._ids


def test_killed_store_loses_no_work(fleet: Fleet, undisturbed: Sweep, rng: random.Random) -> None:
    for number in rounds(full=10, in_ci=2):
        fleet.ensure_worker()
        sweep_id = fleet.submit()
        subscriber = Subscriber(fleet, sweep_id)
        fleet.wait_for_epochs(sweep_id, rng.randrange(1, 40))
        fleet.store.kill()
        down_seconds = rng.choice([0, 0.5, 5])  # no time, less than a lease, more than a lease
        print(f"round {number}: down for {down_seconds} s")
        time.sleep(down_seconds)
        assert fleet.http.get(f"/sweeps/{sweep_id}").status_code == 503
        fleet.store.start()
        wait_until(lambda: fleet.http.get("/readyz").status_code == 200)
        fleet.assert_complete(sweep_id, undisturbed)
        assert subscriber.wait() == fleet.event_ids(sweep_id)
    fleet.assert_no_messages()


def test_killed_store_keeps_accepted_sweeps_and_no_partial_ones(
    fleet: Fleet, undisturbed: Sweep, rng: random.Random
) -> None:
    fleet.ensure_worker()
    before = set(cast("list[str]", fleet.redis.zrange(SWEEPS, 0, -1)))
    accepted, stop = [], threading.Event()

    def submit_repeatedly() -> None:
        with httpx.Client(base_url=fleet.http.base_url, timeout=30) as http:
            while not stop.wait(0.05):
                answer = http.post("/sweeps", json=TINY)
                assert answer.status_code in (202, 503)
                if answer.status_code == 202:
                    accepted.append(answer.json()["id"])

    submitter = threading.Thread(target=submit_repeatedly)
    submitter.start()
    try:
        for _ in rounds(full=10, in_ci=3):
            time.sleep(rng.uniform(0.2, 1))
            fleet.store.kill()
            fleet.store.start()
    finally:
        stop.set()
        submitter.join()
    wait_until(lambda: fleet.http.get("/readyz").status_code == 200)
    tiny = fleet.wait_for_end(fleet.submit(TINY))
    stored = set(cast("list[str]", fleet.redis.zrange(SWEEPS, 0, -1))) - before
    assert set(accepted) <= stored
    for sweep_id in stored:
        # A 404 means that the store was killed after it had listed the sweep and before it had written it.
        if fleet.http.get(f"/sweeps/{sweep_id}").status_code != 404:
            fleet.assert_complete(sweep_id, tiny)
        else:
            assert sweep_id not in accepted
            assert fleet.dump_sweep(sweep_id) == {}
    fleet.assert_no_messages()


def test_full_store_rejects_sweeps_and_pauses_training(fleet: Fleet, undisturbed: Sweep) -> None:
    fleet.ensure_worker()
    sweep_id = fleet.submit()
    fleet.wait_for_epochs(sweep_id, 2)
    # Far below the used memory: Redis frees buffers of connections that have transferred a checkpoint.
    fleet.redis.config_set("maxmemory", fleet.redis.info("memory")["used_memory"] // 2)
    try:
        before = set(fleet.redis.keys("*"))
        answer = fleet.http.post("/sweeps", json=BODY)
        assert answer.status_code == 507
        assert "full" in answer.json()["detail"]
        assert set(fleet.redis.keys("*")) <= before
        assert fleet.http.get(f"/sweeps/{sweep_id}").status_code == 200
        time.sleep(5)  # longer than a lease: a waiting run must not fail
        assert not fleet.sweep(sweep_id).status.is_final
    finally:
        fleet.redis.config_set("maxmemory", 0)
    fleet.assert_complete(sweep_id, undisturbed)
    fleet.assert_no_messages()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder on a file system of 1 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("this user may not mount a small tmpfs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)  # noqa: S607 - its path depends on the system


def test_full_disk_stops_the_service_without_losing_work(small_disk: Path, undisturbed: Sweep) -> None:
    fleet = Fleet(small_disk.parent, store=RedisServer(small_disk, durable=True))
    try:
        fleet.start_worker()
        sweep_id = fleet.submit(BODY)
        wait_until(lambda: fleet.http.get("/readyz").status_code == 503, seconds=60)
        assert fleet.http.post("/sweeps", json=BODY).status_code == 503
        subprocess.run(["mount", "-o", "remount,size=300m", str(small_disk)], check=True)  # noqa: S607 - as above
        fleet.store.start()
        fleet.assert_complete(sweep_id, undisturbed)
        fleet.assert_no_messages()
    finally:
        fleet.close()
