"""A service for the fuzzer that cancels sweeps with long training."""

import threading
from pathlib import Path

from noisesweep.models import RunStatus, SweepList, hash_api_key
from tests.support.service import Service, without_data_sets

# Small enough to end before the first case is sent, and with data for every endpoint that reads a sweep.
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
# Small, so that cases often meet a full queue, or exceed it with one sweep.
MAX_QUEUED_RUNS = 64
CANCEL_INTERVAL_SECONDS = 5.0
KEY = "ns_of-the-fuzzer"
AUTHORIZATION = f"Bearer {KEY}"


class FuzzedService(Service):
    """Service with one key and one worker, on a host that has only the bundled digits.

    MNIST would take long to train, and its absence covers the error response for a missing data set.

    Attributes:
        trained: The id of a succeeded sweep.
    """

    def __init__(self, folder: Path) -> None:
        limits = {
            "NOISESWEEP_MAX_QUEUED_RUNS": str(MAX_QUEUED_RUNS),
            # Limits that no schema expresses: valid requests must be accepted.
            "NOISESWEEP_MAX_MODEL_BYTES": str(10**15),
            "NOISESWEEP_MAX_STORED_BYTES": str(10**15),
            "NOISESWEEP_API_KEYS": f"fuzzer:{hash_api_key(KEY)}:admin",
        }
        super().__init__(folder, without_data_sets(folder) | limits, body=TRAINED)
        self.http.headers["Authorization"] = AUTHORIZATION
        self._closing = threading.Event()
        self._canceller = threading.Thread(target=self._cancel_long_sweeps)
        self.trained = ""

    def start(self) -> None:
        """Start the worker, and wait until the API is ready and one sweep has succeeded."""
        self.start_worker(processes=1)
        self.api.wait_until_ready()
        self.trained = self.submit()
        assert self.wait_for_end(self.trained, seconds=120).status is RunStatus.SUCCEEDED
        self._canceller.start()

    def close(self) -> None:
        self._closing.set()
        if self._canceller.is_alive():
            self._canceller.join()
        super().close()

    def _cancel_long_sweeps(self) -> None:
        """Cancel sweeps that are open for two checks in a row, because a sweep may take a day."""
        seen: set[str] = set()
        while not self._closing.wait(CANCEL_INTERVAL_SECONDS):
            page = SweepList.model_validate_json(self.http.get("/sweeps", params={"limit": 100}).content)
            open_sweeps = {sweep.id for sweep in page.sweeps if not sweep.status.is_final}
            for sweep_id in seen & open_sweeps:
                self.http.post(f"/sweeps/{sweep_id}/cancel")
            seen = open_sweeps
