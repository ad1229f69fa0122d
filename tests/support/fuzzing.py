"""A service for a fuzzer, which cancels what would train for too long."""

import threading
from pathlib import Path

from noisesweep.models import RunStatus, SweepList, hash_api_key
from tests.support.service import Service, without_data_sets

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


class FuzzedService(Service):
    """A service with one key and one worker, on a host that has the bundled digits alone.

    MNIST takes long to train on, and that it is not there is an answer too.

    Attributes:
        trained: The id of a sweep that has succeeded.
    """

    def __init__(self, folder: Path) -> None:
        limits = {
            "NOISESWEEP_MAX_QUEUED_RUNS": str(MAX_QUEUED_RUNS),
            "NOISESWEEP_API_KEYS": f"fuzzer:{hash_api_key(KEY)}",
        }
        super().__init__(folder, without_data_sets(folder) | limits, body=TRAINED)
        self.http.headers["Authorization"] = AUTHORIZATION
        self._over = threading.Event()
        self._operator = threading.Thread(target=self._cancel_what_takes_long)
        self.trained = ""

    def start(self) -> None:
        """Return when it serves and has a sweep that has succeeded."""
        self.start_worker(processes=1)
        self.api.wait_until_ready()
        self.trained = self.submit()
        assert self.wait_for_end(self.trained, seconds=120).status is RunStatus.SUCCEEDED
        self._operator.start()

    def close(self) -> None:
        self._over.set()
        if self._operator.is_alive():
            self._operator.join()
        super().close()

    def _cancel_what_takes_long(self) -> None:
        """A sweep may be a day's work; nobody waits for it here."""
        seen: set[str] = set()
        while not self._over.wait(PATIENCE_SECONDS):
            page = SweepList.model_validate_json(self.http.get("/sweeps", params={"limit": 100}).content)
            open_sweeps = {sweep.id for sweep in page.sweeps if not sweep.status.is_final}
            for sweep_id in seen & open_sweeps:
                self.http.post(f"/sweeps/{sweep_id}/cancel")
            seen = open_sweeps
