"""The service as benchmarks need it: a durable store and one process of the API, and sweeps in it without training."""

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

from noisesweep.local.launcher import Processes, launch
from noisesweep.models import EpochMetrics, Evaluation
from shared.settings import Settings
from worker.leases import Claim, Leases

SCALES = (0.1, 0.5, 1.0, 2.0, 4.0)
# How often each run commits an epoch where nothing is trained.
EPOCH_SECONDS = 0.2
NO_WEIGHTS = "ab" * 32
# Nobody trains what a load generator submits, so all of it waits.
QUEUE = {"NOISESWEEP_MAX_QUEUED_RUNS": "1000000", "NOISESWEEP_MAX_QUEUED_RUNS_PER_KEY": "1000000"}
TIMEOUT_SECONDS = 60.0


class Service:
    """A store and one process of the API.

    Attributes:
        http: A client that sends no more headers than a load generator does.
        settings: The settings of a worker on the same store.
        leases: The worker's side of the store.
        redis: A connection to the store.
    """

    def __init__(self, processes: Processes) -> None:
        self.http = httpx.Client(base_url=processes.url, timeout=TIMEOUT_SECONDS, trust_env=False)
        for header in ("Accept", "Accept-Encoding", "User-Agent"):
            del self.http.headers[header]
        self.settings = Settings(redis_url=SecretStr(processes.redis_url))
        self.leases = Leases(self.settings)
        self.redis: Redis = self.leases.redis
        self.check = processes.check
        self._api = psutil.Process(processes.processes["API"].pid)

    @property
    def api_megabytes(self) -> float:
        """Return the memory of the API's process (RSS) in 10^6 bytes."""
        return float(self._api.memory_info().rss) / 1e6

    @property
    def api_cpu_seconds(self) -> float:
        """Return the processor time of the API's process, user and system."""
        times = self._api.cpu_times()
        return float(times.user + times.system)

    def submit(self, **request: object) -> str:
        """Submit a sweep over SCALES and return its id."""
        body = {"scales": SCALES, "dataset": "digits"} | request
        return str(self.http.post("/sweeps", json=body).raise_for_status().json()["id"])

    def training(self, sweep_id: str, epochs: int) -> Iterator[None]:
        """Write what a worker writes of a sweep, without training, one write per step."""
        claim = self.leases.claim(sweep_id, limit=len(SCALES))
        assert claim  # noqa: S101 - no other worker has claimed its runs
        yield
        for epoch in range(epochs):
            for run in claim.runs:
                self.leases.commit(claim, run, made_up_metrics(epoch, run.scale))
                yield
        for run in claim.runs:
            self.leases.succeed(claim, run, NO_WEIGHTS, made_up_evaluation(self.leases, claim))
            yield

    def finished(self, epochs: int) -> str:
        """Submit a sweep, write the record of its training, and return its id."""
        sweep_id = self.submit(epochs=epochs)
        for _ in self.training(sweep_id, epochs):
            pass
        return sweep_id


@contextmanager
def serve() -> Iterator[Service]:
    """Start a store and the API, and stop both at the end.

    The store writes its file into a temporary folder; the speed of that disk is part of what is measured, and TMPDIR
    names another one.
    """
    os.environ.update(QUEUE)
    for variable in ("NOISESWEEP_REDIS_URL", "NOISESWEEP_API_KEYS", "NOISESWEEP_ALLOWED_HOSTS"):
        os.environ.pop(variable, None)
    with tempfile.TemporaryDirectory(prefix="noisesweep-bench-") as folder:
        data = Path(folder)
        with launch(data, port=None, workers=0, log=data / "log") as processes:
            service = Service(processes)
            yield service
            service.check()
            service.http.close()
            service.leases.close()


def made_up_metrics(epoch: int, scale: float) -> EpochMetrics:
    """Return metrics with as many digits as measured ones have."""
    return EpochMetrics(
        epoch=epoch,
        loss=1.2345678901 / (epoch + 1),
        accuracy=1 / (1 + scale / 7),
        val_loss=1.2345678901 + scale / 7,
        val_accuracy=1 / (1 + scale / 3),
        seconds=0.8312345678,
    )


def made_up_evaluation(leases: Leases, claim: Claim) -> Evaluation:
    """Return the evaluation of a network that predicts class 0 for every image."""
    scales = leases.test_scales(claim)
    confusion = [[100, *[0] * 9] for _ in range(10)]
    return Evaluation(test_scales=scales, val_accuracy=[0.1] * len(scales), confusion=confusion)


def paced(works: Sequence[Iterator[None]]) -> None:
    """Advance each work step by step, at the rate at which the runs of a sweep commit epochs, until all have ended."""
    due = time.monotonic()
    for _ in zip_longest(*works):
        due += EPOCH_SECONDS / len(SCALES)
        time.sleep(max(0.0, due - time.monotonic()))
