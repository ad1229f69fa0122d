"""The service as it runs: the API, a worker and Redis, each in a process of its own."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from noisesweep.local.launcher import free_port
from noisesweep.models import SweepList, hash_api_key
from tests.conftest import RedisServer, wait_until
from tests.faults.conftest import Worker

# Small enough to have ended before the first case is sent, and with all there is to read of a sweep.
TRAINED = {
    "scales": [0.1, 1.0],
    "dataset": "digits",
    "epochs": 2,
    "hidden_units": [16],
    "keep_model": True,
    "include_clean": True,
    "name": "trained",
    "tags": {"course": "ml-101"},
}
# Few, so that a full queue is met again and again, and sweeps too large for it.
MAX_QUEUED_RUNS = 64
PATIENCE_SECONDS = 5.0
KEY = "ns_of-the-fuzzer"
AUTHORIZATION = f"Bearer {KEY}"


class Stack:
    """The API over a real store, with a real worker that trains what it is sent."""

    def __init__(self, folder: Path) -> None:
        self.trained = ""
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.store = RedisServer(folder, free_port())
        nowhere = folder / "nowhere"
        environment = os.environ | {
            "NOISESWEEP_REDIS_URL": self.store.url,
            "NOISESWEEP_PORT": str(port),
            "NOISESWEEP_MAX_QUEUED_RUNS": str(MAX_QUEUED_RUNS),
            "NOISESWEEP_API_KEYS": f"fuzzer:{hash_api_key(KEY)}",
            # MNIST takes long to train on; that it is not there is an answer, too.
            "NOISESWEEP_DATA_DIR": str(nowhere),
            "KERAS_HOME": str(nowhere),
            "XDG_CACHE_HOME": str(nowhere),
            "HTTPS_PROXY": "http://127.0.0.1:9",
        }
        self.log = folder / "api.log"
        with self.log.open("wb") as output:
            self._api = subprocess.Popen(
                [sys.executable, "-m", "api"], env=environment, stdout=output, stderr=subprocess.STDOUT
            )
        self._worker = Worker(environment, folder / "worker.log", processes=1)
        self.http = httpx.Client(base_url=self.url, timeout=30, headers={"Authorization": AUTHORIZATION})
        self._over = threading.Event()
        self._operator = threading.Thread(target=self._cancel_what_takes_long)

    def start(self) -> None:
        """Wait until it serves, and let there be a sweep that has succeeded."""
        wait_until(self._answers)
        self.trained = str(self.http.post("/sweeps", json=TRAINED).raise_for_status().json()["id"])
        wait_until(lambda: self.http.get(f"/sweeps/{self.trained}").json()["status"] == "succeeded", seconds=120)
        self._operator.start()

    def close(self) -> None:
        self._over.set()
        if self._operator.is_alive():
            self._operator.join()
        self.http.close()
        self._worker.close()
        self._api.terminate()
        self._api.wait(timeout=30)
        self.store.close()

    def _answers(self) -> bool:
        assert self._api.poll() is None, self.log.read_text()
        try:
            return self.http.get("/readyz").is_success
        except httpx.TransportError:
            return False

    def _cancel_what_takes_long(self) -> None:
        """A sweep may be a day's work; nobody waits for it here."""
        seen: set[str] = set()
        while not self._over.wait(PATIENCE_SECONDS):
            page = SweepList.model_validate_json(self.http.get("/sweeps", params={"limit": 100}).content)
            open_sweeps = {sweep.id for sweep in page.sweeps if not sweep.status.is_final}
            for sweep_id in seen & open_sweeps:
                self.http.post(f"/sweeps/{sweep_id}/cancel")
            seen = open_sweeps


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(tmp_path)
    try:
        stack.start()
        yield stack
    finally:
        stack.close()
