"""Service for benchmarks: a durable store, one API process, and sweeps with simulated training."""

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path

import httpx
import psutil
from pydantic import SecretStr
from redis import Redis

from noisesweep.local.launcher import Processes, free_port, launch
from noisesweep.local.listener import Listener
from noisesweep.models import EpochMetrics, Evaluation
from shared.settings import Settings
from worker.claims import Claim
from worker.leases import Leases

SCALES = (0.1, 0.5, 1.0, 2.0, 4.0)
# Time between two epochs of a simulated run.
EPOCH_SECONDS = 0.2
NO_WEIGHTS = "ab" * 32
# No worker trains the submitted runs, so the queue and the store must have room for all of them.
NO_LIMITS = {"NOISESWEEP_MAX_QUEUED_RUNS": "1000000", "NOISESWEEP_MAX_STORED_BYTES": "1000000000000"}
TIMEOUT_SECONDS = 60.0


class Service:
    """Store and one API process.

    Attributes:
        http: Client that sends only the headers that a load generator sends.
        settings: Settings of a worker on the same store.
        leases: Leases of a worker on the same store.
        redis: Connection to the store.
        check: Function that raises an exception if a process has ended.
    """

    def __init__(self, processes: Processes) -> None:
        self.http = httpx.Client(base_url=processes.url, timeout=TIMEOUT_SECONDS, trust_env=False)
        for header in ("Accept", "Accept-Encoding", "User-Agent"):
            del self.http.headers[header]
        self.settings = Settings(redis_url=SecretStr(processes.redis_url))
        self.leases = Leases(self.settings)
        self.redis: Redis = self.leases.redis
        self.check = processes.check
        self._api = psutil.Process(processes.pid("API"))

    @property
    def api_megabytes(self) -> float:
        """Return the resident memory of the API process in MB (10^6 bytes)."""
        return float(self._api.memory_info().rss) / 1e6

    @property
    def api_cpu_seconds(self) -> float:
        """Return the CPU time of the API process, user and system."""
        times = self._api.cpu_times()
        return float(times.user + times.system)

    def submit(self, **request: object) -> str:
        """Submit a sweep over SCALES and return its id."""
        body = {"scales": SCALES, "dataset": "digits"} | request
        return str(self.http.post("/sweeps", json=body).raise_for_status().json()["id"])

    def simulate_training(self, epochs: int) -> Iterator[None]:
        """Simulate the training of the next sweep in the queue. Yield after each write to the store."""
        claim = self.leases.claim(len(SCALES))
        assert claim  # noqa: S101 - a sweep was submitted, and there is no other worker
        yield
        for epoch in range(epochs):
            for run in claim.runs:
                self.leases.commit(claim, run, fake_metrics(epoch, run.scale))
                yield
        for run in claim.runs:
            self.leases.succeed(claim, run, NO_WEIGHTS, fake_evaluation(self.leases, claim))
            yield

    def create_finished_sweep(self, epochs: int) -> str:
        """Submit a sweep, simulate its training, and return its id."""
        sweep_id = self.submit(epochs=epochs)
        for _ in self.simulate_training(epochs):
            pass
        return sweep_id


@contextmanager
def serve() -> Iterator[Service]:
    """Start a store and the API, and stop both at the end.

    The store writes to a temporary folder, so its disk affects the results. TMPDIR selects another disk.
    """
    os.environ.update(NO_LIMITS)
    for variable in ("NOISESWEEP_REDIS_URL", "NOISESWEEP_API_KEYS", "NOISESWEEP_ALLOWED_HOSTS"):
        os.environ.pop(variable, None)
    with tempfile.TemporaryDirectory(prefix="noisesweep-bench-") as folder:
        data = Path(folder)
        with launch(data, Listener(free_port()), workers=0, log=data / "log") as processes:
            service = Service(processes)
            yield service
            service.check()
            service.http.close()
            service.leases.close()


def fake_metrics(epoch: int, scale: float) -> EpochMetrics:
    """Return metrics with the same number of digits as measured metrics."""
    return EpochMetrics(
        epoch=epoch,
        loss=1.2345678901 / (epoch + 1),
        accuracy=1 / (1 + scale / 7),
        val_loss=1.2345678901 + scale / 7,
        val_accuracy=1 / (1 + scale / 3),
        seconds=0.8312345678,
    )


def fake_evaluation(leases: Leases, claim: Claim) -> Evaluation:
    """Return the evaluation of a network that predicts class 0 for every image."""
    scales = leases.test_scales(claim)
    confusion = [[100, *[0] * 9] for _ in range(10)]
    return Evaluation(test_scales=scales, val_accuracy=[0.1] * len(scales), confusion=confusion)


def run_paced(simulations: Sequence[Iterator[None]]) -> None:
    """Advance all simulations together until they end, with one epoch of each run per EPOCH_SECONDS."""
    due = time.monotonic()
    for _ in zip_longest(*simulations):
        due += EPOCH_SECONDS / len(SCALES)
        time.sleep(max(0.0, due - time.monotonic()))
