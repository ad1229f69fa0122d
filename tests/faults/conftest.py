"""The service on a store with a disk, its parts in processes that the tests may kill, and what must hold afterwards."""

import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, cast

import httpx
import psutil
import pytest
from redis import Redis

from noisesweep.local.launcher import free_port
from noisesweep.models import EpochMetrics, RunStatus, Sweep
from shared.settings import Settings
from shared.store.keys import QUEUE, UNACKED, SweepKeys
from tests.conftest import RedisServer, Served, wait_until

# Long enough to be struck in the middle, short enough for many rounds; checkpoints fall on some epochs and not on all.
BODY = {
    "scales": [0.1, 0.5, 1.0, 2.0],
    "dataset": "digits",
    "epochs": 12,
    "batch_size": 8,
    "hidden_units": [64],
    "reuse": False,  # each is to be trained
}
# Each run of it long enough that what takes a while strikes one in its middle.
LONG = BODY | {"epochs": 40}
# Everything that takes time in production takes little here.
TIMES = {
    "NOISESWEEP_LEASE_SECONDS": "3",
    "NOISESWEEP_REAP_INTERVAL_SECONDS": "0.3",
    "NOISESWEEP_REPUBLISH_SECONDS": "2",
    "NOISESWEEP_REDELIVERY_SECONDS": "5",
    "NOISESWEEP_CHECKPOINT_INTERVAL_SECONDS": "0.3",
}
ROUNDS = int(os.environ.get("NOISESWEEP_FAULT_ROUNDS", "0"))


def rounds(full: int, in_ci: int) -> range:
    """So many rounds: `make faults` goes them all, CI a few."""
    return range(full if ROUNDS == 0 else min(full, max(ROUNDS, in_ci)))


class Worker:
    """A worker in processes of its own, with its output in a file: of this program, or of the one in a folder.

    `within` stands before its command.
    """

    def __init__(
        self,
        environment: dict[str, str],
        log: Path,
        processes: int = 2,
        program: Path | None = None,
        within: Sequence[str] = (),
    ) -> None:
        self.log = log
        command = [*within, sys.executable, "-m", "worker", "--concurrency", str(processes)]
        with log.open("ab") as output:
            self.main = psutil.Popen(
                command, env=environment, cwd=program, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        self.processes = processes

    def training_processes(self) -> list[psutil.Process]:
        return [child for child in self.main.children() if child.status() != psutil.STATUS_ZOMBIE]

    def everything(self) -> list[psutil.Process]:
        group = []
        for process in psutil.process_iter():
            try:
                if os.getpgid(process.pid) == self.main.pid and process.status() != psutil.STATUS_ZOMBIE:
                    group.append(process)
            except (ProcessLookupError, psutil.NoSuchProcess):
                pass  # it has ended meanwhile
        return group

    def terminate(self) -> int:
        """SIGTERM, and how it ended."""
        self.main.terminate()
        return int(self.main.wait(timeout=30))

    def close(self) -> None:
        for process in self.everything():
            process.kill()
        self.main.wait()


class Serving(Protocol):
    """An API, wherever it runs."""

    http: httpx.Client

    def close(self) -> None: ...


class Fleet:
    """A store with a disk, an API, and workers that come and go."""

    def __init__(self, folder: Path, data: Path | None = None) -> None:
        self.folder = folder
        self.workers: list[Worker] = []
        self.points = folder / "points"
        self.points.mkdir()
        self.store = self.start_store(data or folder)
        self.environment = (
            os.environ
            | TIMES
            | {
                "NOISESWEEP_REDIS_URL": self.store.url,
                "NOISESWEEP_FAIL_POINTS": str(self.points),
            }
        )
        self.served = self.serve()
        self.http = self.served.http

    @property
    def redis(self) -> Redis:
        return self.store.client

    def start_store(self, data: Path) -> RedisServer:
        return RedisServer(data, free_port(), durable=True)

    def serve(self) -> Serving:
        return Served(Settings(redis_url=self.store.url))

    def start_worker(self, processes: int = 2, program: Path | None = None) -> Worker:
        worker = Worker(self.environment, self.folder / "worker.log", processes, program)
        self.workers.append(worker)
        return worker

    def ensure_worker(self) -> Worker:
        """One worker that runs, as a process manager would have it."""
        self.workers = [worker for worker in self.workers if worker.main.is_running() and worker.main.poll() is None]
        return self.workers[0] if self.workers else self.start_worker()

    def arm(self, point: str, target: str = "", index: int = 0) -> Path:
        """Let the next training process that reaches the point with that run die there, or its worker first."""
        armed = self.points / f"{point}-{index}"
        unarmed = armed.with_suffix(".new")  # so that nobody reads the file before it is written
        unarmed.write_text(target)
        return unarmed.rename(armed)

    def submit(self, body: dict[str, object] | None = None) -> str:
        return str(self.http.post("/sweeps", json=body or BODY).raise_for_status().json()["id"])

    def sweep(self, sweep_id: str) -> Sweep:
        return Sweep.model_validate_json(self.http.get(f"/sweeps/{sweep_id}").raise_for_status().content)

    def wait_for_epochs(self, sweep_id: str, epochs: int) -> None:
        wait_until(lambda: self.sweep(sweep_id).progress.epochs_done >= epochs, seconds=60)

    def wait_for_end(self, sweep_id: str, seconds: float = 90) -> Sweep:
        wait_until(lambda: self.sweep(sweep_id).status.is_final, seconds)
        return self.sweep(sweep_id)

    def events(self, sweep_id: str) -> list[dict[str, str]]:
        entries = cast("list[tuple[str, dict[str, str]]]", self.redis.xrange(SweepKeys(sweep_id).events))
        return [event for _, event in entries]

    def event_ids(self, sweep_id: str) -> list[str]:
        entries = cast("list[tuple[str, dict[str, str]]]", self.redis.xrange(SweepKeys(sweep_id).events))
        return [event_id for event_id, _ in entries]

    def assert_whole(self, sweep_id: str, undisturbed: Sweep, status: RunStatus = RunStatus.SUCCEEDED) -> None:
        """The invariant: the sweep has ended, with each epoch once, in order, and the weights of an undisturbed one."""
        sweep = self.wait_for_end(sweep_id)
        assert sweep.status is status
        keys = SweepKeys(sweep_id)
        assert self.redis.zcard(keys.leases) == 0
        assert self.redis.zcard(keys.queued) == 0
        events = self.events(sweep_id)
        ended = Counter(event["index"] for event in events if event["type"] == "run.ended")
        assert ended == {str(index): 1 for index in range(len(sweep.runs))}
        assert [event["type"] for event in events].count("sweep.ended") == 1
        assert events[-1]["type"] == "sweep.ended"
        for index, (run, expected) in enumerate(zip(sweep.runs, undisturbed.runs, strict=True)):
            kept = [EpochMetrics.model_validate_json(text).epoch for text in self.epochs(sweep_id, index)]
            told = [
                EpochMetrics.model_validate_json(event["data"]).epoch
                for event in events
                if event["type"] == "epoch" and event["index"] == str(index)
            ]
            assert kept == told
            assert kept == list(range(len(kept)))
            assert not self.redis.exists(keys.checkpoint(index))
            if run.status is RunStatus.SUCCEEDED:
                assert len(kept) == sweep.config.epochs
                assert run.weights_sha256 == expected.weights_sha256

    def everything_of(self, sweep_id: str) -> dict[str, object]:
        """Every key of the sweep with its value, as the store dumps it; a hash, which has no order, as a dict."""
        keys = cast("list[str]", self.redis.keys(f"{SweepKeys(sweep_id).record}*"))
        return {
            key: self.redis.hgetall(key) if self.redis.type(key) == "hash" else self.redis.dump(key) for key in keys
        }

    def log(self) -> str:
        """What the workers have said so far."""
        return (self.folder / "worker.log").read_text(errors="replace")

    def epochs(self, sweep_id: str, index: int) -> list[str]:
        return cast("list[str]", self.redis.lrange(SweepKeys(sweep_id).epochs(index), 0, -1))

    def assert_drained(self) -> None:
        """No message waits, and none is held by a worker that is gone."""
        try:
            wait_until(lambda: self.redis.llen(QUEUE) == 0 and self.redis.hlen(UNACKED) == 0, seconds=60)
        except AssertionError:
            for key in (UNACKED, f"{UNACKED}_index", f"{UNACKED}_mutex"):
                print(key, self.redis.type(key), self.redis.ttl(key), self.redis.object("IDLETIME", key))
            print(self.redis.hgetall(UNACKED), self.redis.lrange(QUEUE, 0, -1), self.redis.time())
            raise

    def close(self) -> None:
        for worker in self.workers:
            worker.close()
        self.served.close()
        self.store.close()


@pytest.fixture(scope="package")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path_factory.mktemp("fleet"))
    yield fleet
    fleet.close()


@pytest.fixture(scope="package")
def undisturbed(fleet: Fleet) -> Sweep:
    """BODY as it ends when nothing happens to it."""
    fleet.ensure_worker()
    sweep = fleet.wait_for_end(fleet.submit())
    assert sweep.status is RunStatus.SUCCEEDED
    return sweep


@pytest.fixture(scope="package")
def undisturbed_long(fleet: Fleet) -> Sweep:
    """LONG as it ends when nothing happens to it."""
    fleet.ensure_worker()
    sweep = fleet.wait_for_end(fleet.submit(LONG))
    assert sweep.status is RunStatus.SUCCEEDED
    return sweep


@pytest.fixture
def chance() -> random.Random:
    """Random moments and targets; a failure shows the seed, and NOISESWEEP_FAULT_SEED gives it again."""
    seed = int(os.environ.get("NOISESWEEP_FAULT_SEED", random.SystemRandom().randrange(2**32)))
    print(f"NOISESWEEP_FAULT_SEED={seed}")
    return random.Random(seed)


@pytest.fixture(autouse=True)
def _log_on_failure(fleet: Fleet, request: pytest.FixtureRequest) -> Iterator[None]:
    """A failure shows what the workers said."""
    log = fleet.folder / "worker.log"
    before = log.stat().st_size if log.exists() else 0
    yield
    if log.exists():
        with log.open(errors="replace") as lines:
            lines.seek(before)
            print(lines.read()[-20_000:])
