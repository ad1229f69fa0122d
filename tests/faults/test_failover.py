"""Store with a primary, a replica and three Sentinels, during failovers."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from redis import Redis
from redis.exceptions import RedisError

from noisesweep.local.launcher import LOOPBACK, free_port, store_binary
from noisesweep.models import Sweep
from shared.settings import Settings
from shared.store.keys import SweepKeys
from tests.support.fleet import BODY, Fleet, rounds
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until
from worker.doctor.findings import Verdict
from worker.doctor.store import check_store

SERVICE, USER, PASSWORD, SENTINEL_PASSWORD = "noisesweep", "sweeper", "p@ss/word", "other & word"
SENTINEL_CONFIG = """\
bind {host}
port {port}
dir "{folder}"
requirepass "{password}"
sentinel sentinel-pass "{password}"
sentinel monitor {service} {host} {primary} 2
sentinel down-after-milliseconds {service} 2000
sentinel failover-timeout {service} 10000
"""


class SentinelServer:
    """Redis Sentinel that monitors the primary."""

    def __init__(self, folder: Path, primary: int) -> None:
        self.port = free_port()
        config = folder / "sentinel.conf"
        names = {"host": LOOPBACK, "port": self.port, "folder": folder, "password": SENTINEL_PASSWORD}
        config.write_text(SENTINEL_CONFIG.format(**names, primary=primary, service=SERVICE))
        with (folder / "sentinel.log").open("wb") as log:
            self._process = subprocess.Popen([store_binary(), str(config), "--sentinel"], stdout=log, stderr=log)
        self.client: Redis = Redis(port=self.port, password=SENTINEL_PASSWORD, decode_responses=True)

    def reports(self, expected: dict[str, int]) -> bool:
        """Return true if its state of the primary has the expected values and no failure flags."""
        try:
            state = cast("dict[str, Any]", self.client.sentinel_master(SERVICE))
        except RedisError:
            return False
        return expected.items() <= state.items() and state["flags"] == "master"

    def close(self) -> None:
        self.client.close()
        self._process.terminate()
        self._process.wait()


def role_of(client: Redis) -> str | None:
    """Return the replication role of a server; None while it closes connections, as it does during a failover."""
    try:
        return str(client.info("replication")["role"])
    except RedisError:
        return None


class WatchedFleet(Fleet):
    """Fleet whose store has a replica. After a failover, `store` and `replica` swap."""

    def __init__(self, folder: Path) -> None:
        self._cleanup = ExitStack()
        primary = self._server(folder / "first")
        self.replica = self._server(folder / "second", "--replicaof", f"{LOOPBACK} {primary.port}")
        self.sentinels = []
        for name in ("one", "two", "three"):
            own_folder = folder / name
            own_folder.mkdir()
            self.sentinels.append(SentinelServer(own_folder, primary.port))
            self._cleanup.callback(self.sentinels[-1].close)
        hosts = ",".join(f"{LOOPBACK}:{sentinel.port}" for sentinel in self.sentinels)
        escapes: dict[str | int, str | int | None] = {"@": "%40", "/": "%2F", " ": "%20", "&": "%26"}
        password, sentinel = (text.translate(str.maketrans(escapes)) for text in (PASSWORD, SENTINEL_PASSWORD))
        self.url = f"redis+sentinel://{USER}:{password}@{hosts}/0?service={SERVICE}&sentinel_password={sentinel}"
        super().__init__(folder, store=primary, url=self.url)
        # The leases must outlast a failover, which takes some seconds.
        self.environment["NOISESWEEP_LEASE_SECONDS"] = "15"

    def _server(self, folder: Path, *options: str) -> RedisServer:
        folder.mkdir()
        user = ("--user", USER, "on", f">{PASSWORD}", "~*", "&*", "+@all")
        # A full synchronization of a replica starts without the default delay.
        server = RedisServer(folder, durable=True, options=[*user, "--repl-diskless-sync-delay", "0", *options])
        self._cleanup.callback(server.close)
        return server

    def sweep(self, sweep_id: str) -> Sweep:
        """Return the sweep. Wait while there is no primary."""
        answers: list[httpx.Response] = []

        def answered() -> bool:
            answers.append(self.http.get(f"/sweeps/{sweep_id}"))
            return answers[-1].status_code != 503

        wait_until(answered, seconds=60)
        return Sweep.model_validate_json(answers[-1].raise_for_status().content)

    def wait_for_end(self, sweep_id: str, seconds: float = 90) -> Sweep:
        """Wait for the end of the sweep. Wait again if the end was written to a demoted primary and lost."""
        sweep = super().wait_for_end(sweep_id, seconds)
        self.settle()
        return sweep if self.sweep(sweep_id).status.is_final else super().wait_for_end(sweep_id, seconds)

    def settle(self) -> None:
        """Wait until the replica is synchronized and each Sentinel knows both servers and the other Sentinels."""
        wait_until(self._settled, seconds=60)

    def _settled(self) -> bool:
        try:
            if self.store.client.info("replication")["role"] == "slave":
                self.store, self.replica = self.replica, self.store
            linked = self.replica.client.info("replication").get("master_link_status") == "up"
        except RedisError:  # Sentinels close all connections of a server whose role they change
            return False
        expected = {"port": self.store.port, "num-slaves": 1, "num-other-sentinels": 2}
        return linked and all(sentinel.reports(expected) for sentinel in self.sentinels)

    def cut_replication(self) -> None:
        """Stop the replication, so that the replica misses all further writes."""
        self.replica.client.config_set("masterauth", "wrong")
        self.replica.client.config_set("masteruser", "wrong")
        self.store.client.execute_command("CLIENT", "KILL", "TYPE", "replica")  # type: ignore[no-untyped-call]
        wait_until(lambda: self.replica.client.info("replication")["master_link_status"] == "down")

    def await_promotion(self) -> None:
        """Wait until the replica is the primary and the API uses it, and swap the attributes."""
        wait_until(lambda: role_of(self.replica.client) == "master", seconds=60)
        self.store, self.replica = self.replica, self.store
        wait_until(lambda: self.http.get("/readyz").status_code == 200, seconds=60)

    def restore_replica(self) -> None:
        """Start the former primary as a replica."""
        self.replica.start()
        self.replica.client.replicaof(LOOPBACK, str(self.store.port))

    def close(self) -> None:
        self.close_parts()
        self._cleanup.close()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[WatchedFleet]:
    fleet = WatchedFleet(tmp_path)
    yield fleet
    had_workers = bool(fleet.workers)
    fleet.close()
    if had_workers:
        print(fleet.log()[-20_000:])


def test_failover_loses_no_run(watched: WatchedFleet, undisturbed: Sweep) -> None:
    for number in rounds(full=6, in_ci=2):
        watched.settle()
        watched.ensure_worker()
        sweep_id = watched.submit()
        watched.wait_for_epochs(sweep_id, 6)
        if number % 2:
            watched.sentinels[0].client.sentinel_failover(SERVICE)
            watched.await_promotion()
        else:
            watched.store.kill()
            assert watched.http.get(f"/sweeps/{sweep_id}").status_code == 503
            watched.await_promotion()
            watched.restore_replica()
        watched.assert_complete(sweep_id, undisturbed)
    watched.assert_no_messages()
    assert PASSWORD not in watched.log()
    assert SENTINEL_PASSWORD not in watched.log()


def test_epochs_lost_in_a_failover_are_trained_again(watched: WatchedFleet, undisturbed: Sweep) -> None:
    watched.settle()
    watched.ensure_worker()
    sweep_id = watched.submit()
    watched.wait_for_epochs(sweep_id, 4)
    watched.cut_replication()
    replicated = sum(watched.replica.client.llen(SweepKeys(sweep_id).epochs(index)) for index in range(4))
    watched.wait_for_epochs(sweep_id, replicated + 6)
    watched.store.kill()
    watched.await_promotion()
    assert watched.sweep(sweep_id).progress.epochs_done < replicated + 6
    watched.restore_replica()
    watched.assert_complete(sweep_id, undisturbed)
    assert "dropped, its lease is lost: The store rejected " in watched.log()


def test_doctor_reports_the_primary_of_the_sentinels(watched: WatchedFleet) -> None:
    watched.settle()
    reached, *rest = check_store(Settings(redis_url=watched.url), own_store=None)
    assert reached.found.startswith(
        f"answers at {LOOPBACK}:{watched.store.port}, database 0, the primary according to "
    )
    assert {finding.verdict for finding in rest} == {Verdict.OK}
    wrong = watched.url.replace(f"service={SERVICE}", "service=another")
    (reached,) = check_store(Settings(redis_url=wrong), own_store=None)
    assert "No master found for 'another'" in reached.found
    assert PASSWORD not in str(reached)


def test_training_waits_while_the_store_rejects_writes(fleet: Fleet, undisturbed: Sweep) -> None:
    fleet.ensure_worker()
    sweep_id = fleet.submit()
    fleet.wait_for_epochs(sweep_id, 4)
    fleet.redis.config_set("min-replicas-to-write", 1)
    try:
        assert fleet.http.post("/sweeps", json=BODY).status_code == 503
        time.sleep(5)  # longer than a lease
        assert not fleet.sweep(sweep_id).status.is_final
    finally:
        fleet.redis.config_set("min-replicas-to-write", 0)
    fleet.assert_complete(sweep_id, undisturbed)
    fleet.assert_no_messages()
