"""The service as a benchmark of the API needs it: a store and one process of the API, on loopback, and sweeps in it."""

import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import zip_longest
from pathlib import Path

import httpx
import psutil
from pydantic import SecretStr

from noisesweep.local.launcher import (
    LOOPBACK,
    STORE_CONFIG,
    LaunchError,
    Processes,
    free_port,
    module,
    process_group,
    store_binary,
)
from noisesweep.models import EpochMetrics, Evaluation
from shared.settings import Settings
from worker.leases import Leases

SCALES = (0.1, 0.5, 1.0, 2.0, 4.0)
# How often each of the runs commits an epoch, where nothing is trained.
EPOCH_SECONDS = 0.2
# What such a run ends with.
NO_WEIGHTS = "ab" * 32
# Nobody trains what a load generator submits, so it all waits.
MAX_QUEUED_RUNS = 1_000_000
STORE_BYTES = 2 * 1024**3
TIMEOUT_SECONDS = 60.0


class Service:
    """A store and one process of the API.

    Attributes:
        port: Where the API is served on loopback.
        http: A client of the API that sends no more headers than a load generator does.
        settings: Of another API or worker on the same store.
        leases: What a worker writes with.
    """

    def __init__(self, folder: Path, group: int) -> None:
        self.port = free_port()
        password, store_port = secrets.token_urlsafe(24), free_port()
        url = f"redis://:{password}@{LOOPBACK}:{store_port}/0"
        (folder / "store.conf").write_text(
            STORE_CONFIG.format(host=LOOPBACK, port=store_port, password=password, directory=folder, memory=STORE_BYTES)
        )
        self._group = group
        self._environment = os.environ | {
            "NOISESWEEP_HOST": LOOPBACK,
            "NOISESWEEP_PORT": str(self.port),
            "NOISESWEEP_REDIS_URL": url,
            "NOISESWEEP_MAX_QUEUED_RUNS": str(MAX_QUEUED_RUNS),
            "NOISESWEEP_API_KEYS": "",
            "NOISESWEEP_ALLOWED_HOSTS": "",
        }
        self._log = folder / "log"
        self._stack = Processes(url=f"http://{LOOPBACK}:{self.port}", log=self._log)
        self.http = httpx.Client(base_url=self._stack.url, timeout=TIMEOUT_SECONDS, trust_env=False)
        for header in ("Accept", "Accept-Encoding", "User-Agent"):
            del self.http.headers[header]
        self.settings = Settings(redis_url=SecretStr(url), max_queued_runs=MAX_QUEUED_RUNS)
        self.leases = Leases(self.settings)
        self._start("store", [store_binary(), str(folder / "store.conf")])
        self._api = psutil.Process(self._start("API", module("api")))

    def start_worker(self) -> None:
        """Start a worker as the product does: one training process per core."""
        self._start("worker", module("worker"))

    def wait_until_ready(self) -> None:
        """Return when the API answers and its store does; raise LaunchError if that takes too long."""
        self._stack.wait_until_ready()

    def check(self) -> None:
        """Raise LaunchError if a part has ended by itself."""
        self._stack.check()

    def log_tail(self) -> str:
        """The last lines that the parts printed."""
        return self._stack.tail()

    def stop(self) -> None:
        """Stop all parts."""
        self._stack.stop()
        self.http.close()
        self.leases.close()

    @property
    def api_megabytes(self) -> float:
        """The memory that the API's process holds (RSS), in 10^6 bytes."""
        return float(self._api.memory_info().rss) / 1e6

    @property
    def api_cpu_seconds(self) -> float:
        """The processor time that the API's process has taken, its own and the kernel's for it."""
        times = self._api.cpu_times()
        return float(times.user + times.system)

    def submit(self, **request: object) -> str:
        """Submit a sweep over SCALES; return its id."""
        answer = self.http.post("/sweeps", json={"scales": SCALES, "dataset": "digits"} | request).raise_for_status()
        return str(answer.headers["Location"]).rsplit("/", maxsplit=1)[-1]

    def training(self, sweep_id: str, epochs: int) -> Iterator[None]:
        """Do to a sweep's record what a worker does, without training, write by write."""
        claim = self.leases.claim(sweep_id, limit=len(SCALES))
        assert claim  # noqa: S101 - nobody else has claimed its runs
        yield
        for epoch in range(epochs):
            for run in claim.runs:
                self.leases.commit(claim, run, invented_metrics(epoch, run.scale))
                yield
        for run in claim.runs:
            self.leases.succeed(claim, run, NO_WEIGHTS, invented_evaluation(self.leases.test_scales(claim)))
            yield

    def finished(self, epochs: int) -> str:
        """Submit a sweep, and make its record that of one whose runs have been trained; return its id."""
        sweep_id = self.submit(epochs=epochs)
        for _ in self.training(sweep_id, epochs):
            pass
        return sweep_id

    def _start(self, name: str, command: list[str]) -> int:
        with self._log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - the project's own
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                process_group=self._group,
            )
        self._stack.processes[name] = process
        return process.pid


@contextmanager
def serve() -> Iterator[Service]:
    """Start a store, durable as the product's, and one process of the API; stop every process at the end.

    The store's file lies in a temporary folder, and how long that disk takes to keep a write is part of what is
    measured: TMPDIR names another one.
    """
    with ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="noisesweep-bench-")))
        # The group ends with this process, however it ends.
        service = Service(folder, group=cleanup.enter_context(process_group()))
        cleanup.callback(service.stop)
        try:
            service.wait_until_ready()
            yield service
            service.check()
        except LaunchError:
            raise  # it shows the log itself
        except Exception:
            print(f"The end of the log of store, API and worker:\n{service.log_tail()}", file=sys.stderr)
            raise


def invented_metrics(epoch: int, scale: float) -> EpochMetrics:
    """Metrics with as many digits as trained ones have."""
    return EpochMetrics(
        epoch=epoch,
        loss=1.2345678901 / (epoch + 1),
        accuracy=1 / (1 + scale / 7),
        val_loss=1.2345678901 + scale / 7,
        val_accuracy=1 / (1 + scale / 3),
        seconds=0.8312345678,
    )


def invented_evaluation(test_scales: list[float]) -> Evaluation:
    """Of a network that takes every image for a zero."""
    confusion = [[100, *[0] * 9] for _ in range(10)]
    return Evaluation(test_scales=test_scales, val_accuracy=[0.1] * len(test_scales), confusion=confusion)


def paced(works: Sequence[Iterator[None]]) -> None:
    """Take a step of each work, and again, as often as the runs of a sweep commit an epoch, until all have ended."""
    due = time.monotonic()
    for _ in zip_longest(*works):
        due += EPOCH_SECONDS / len(SCALES)
        time.sleep(max(0.0, due - time.monotonic()))
