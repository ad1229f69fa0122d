"""Random faults of all kinds, mixed with each other and with random requests of two API keys.

Afterwards all faults end, and the history and the key space are checked: every accepted sweep is there and ends, no
epoch is doubled or lost, equal runs have equal weights, and the store is consistent.
"""

import hashlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from redis.exceptions import RedisError

from noisesweep.models import RunStatus, Sweep
from shared.store.keys import LEASES, REAPER, WORKERS
from tests.support.concurrency import NO_LIMITS
from tests.support.fleet import Fleet, rounds
from tests.support.key_space import assert_consistent
from tests.support.proxy import Proxy
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until

KEYS = {"alice": "a" * 32, "bob": "b" * 32}
BODY = {"dataset": "digits", "epochs": 6, "batch_size": 16, "reuse": False}
NETWORKS = [
    {"kind": "mlp", "hidden_units": [32]},
    {"kind": "cnn", "filters": [4], "kernel_size": 5, "dense_units": [16]},
]
SCALES = [0.1, 0.5, 1.0, 2.0]
SEEDS = [0, 1, 2]
FAULTS_PER_ROUND = 6
# A step of the clock moves every stored time by the opposite amount.
STEP_CLOCK = """
for _, key in ipairs({KEYS[1], KEYS[2]}) do
  for _, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do
    redis.call('ZINCRBY', key, ARGV[1], member)
  end
end
if redis.call('HEXISTS', KEYS[3], 'at') == 1 then
  redis.call('HINCRBYFLOAT', KEYS[3], 'at', ARGV[1])
end
"""


class Chaos:
    """A service whose workers train stacks, its store behind a slow link, and one method for each kind of fault."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.rng = rng
        self.client_rng = random.Random(rng.randrange(2**32))
        self.folder = folder
        self.store = RedisServer(folder, durable=True)
        self.link = Proxy(self.store.port)
        # Instructors, so that each may change the sweeps of the other.
        hashes = {name: hashlib.sha256(key.encode()).hexdigest() for name, key in KEYS.items()}
        keys = ",".join(f"{name}:{digest}:instructor" for name, digest in hashes.items())
        environment = {"NOISESWEEP_API_KEYS": keys, "NOISESWEEP_STACK": "3", "NOISESWEEP_MAX_ATTEMPTS": "50"}
        self.fleet = Fleet(folder, store=self.store, url=f"redis://{self.link.address}/0", environment=environment)
        self.accepted: dict[str, str] = {}  # owner's key name by sweep id
        self.deleted: set[str] = set()
        self.faults: Counter[str] = Counter()

    def client(self, name: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {KEYS[name]}"}
        return httpx.Client(base_url=self.fleet.api.url, headers=headers, timeout=5, limits=NO_LIMITS, trust_env=False)

    # Faults. Each ends before it returns, or is ended by `heal`.

    def kill_worker(self) -> None:
        worker = self.fleet.ensure_worker()
        victim = self.rng.choice([worker.main, *worker.training_processes()])
        victim.kill()

    def stop_worker(self) -> None:
        self.fleet.ensure_worker().terminate()

    def suspend_worker(self) -> None:
        processes = self.fleet.ensure_worker().everything()
        self._suspend([process.pid for process in processes], self.rng.uniform(0.5, 5))

    def kill_api(self) -> None:
        self.fleet.api.kill()
        time.sleep(self.rng.uniform(0, 1))
        self.fleet.api.start()

    def suspend_api(self) -> None:
        self._suspend([self.fleet.api.pid], self.rng.uniform(0.5, 3))

    def kill_store(self) -> None:
        self.store.kill()
        time.sleep(self.rng.uniform(0, 2))
        self.store.start()

    def tear_append_only_file(self) -> None:
        """Kill the store and append half a command to its file, as a crash in the middle of a write leaves it."""
        self.store.kill()
        (newest, *_) = sorted((self.folder / "appendonlydir").glob("*.incr.aof"), reverse=True)
        with newest.open("ab") as file:
            file.write(b"*3\r\n$3\r\nSET\r\n$4\r\nhal")
        self.store.start()

    def suspend_store(self) -> None:
        self._suspend([self.store.pid], self.rng.uniform(0.5, 6))

    def slow_network(self) -> None:
        self.link.delay_seconds = self.rng.uniform(0.01, 0.15)
        time.sleep(self.rng.uniform(1, 4))
        self.link.delay_seconds = 0

    def kill_connections(self) -> None:
        for _ in range(self.rng.randrange(1, 8)):
            self.store.client.client_kill_filter(_type="normal", skipme=True)
            time.sleep(self.rng.uniform(0, 0.3))

    def flush_functions(self) -> None:
        self.store.client.function_flush("SYNC")
        self.store.client.script_flush()

    def step_clock(self) -> None:
        step = self.rng.choice([-1, 1]) * self.rng.choice([5, 600, 3600]) * 1_000_000
        self.store.client.eval(STEP_CLOCK, 3, LEASES, WORKERS, REAPER, step)

    def fill_store(self) -> None:
        self.store.client.config_set("maxmemory", 1)
        time.sleep(self.rng.uniform(0, 1))
        self.cancel()
        time.sleep(self.rng.uniform(0, 1))
        self.store.client.config_set("maxmemory", 0)

    def crowd(self) -> None:
        """Keep 150 requests in flight."""
        with self.client("alice") as client, ThreadPoolExecutor(150) as threads:
            paths = [f"/sweeps/{sweep_id}" for sweep_id in self.accepted] or ["/sweeps"]
            for _ in range(450):
                threads.submit(self._request, client, "GET", self.rng.choice(paths))

    # Requests of clients.

    def submit(self) -> None:
        name = self.client_rng.choice(list(KEYS))
        scales = self.client_rng.sample(SCALES, self.client_rng.randrange(1, 4))
        body = BODY | {
            "scales": scales,
            "model": self.client_rng.choice(NETWORKS),
            "seeds": self.client_rng.sample(SEEDS, self.client_rng.randrange(1, 3)),
        }
        with self.client(name) as client:
            answer = self._request(client, "POST", "/sweeps", json=body)
            if answer is not None and answer.status_code == 202:
                self.accepted[answer.json()["id"]] = name

    def extend(self) -> None:
        self._change("POST", "/runs", json={"scales": self.client_rng.sample(SCALES, 2)})

    def retry(self) -> None:
        self._change("POST", "/retry")

    def cancel(self) -> None:
        self._change("POST", "/cancel")

    def delete(self) -> None:
        self._change("DELETE", "")

    def _change(self, method: str, path: str, json: object = None) -> None:
        known = [sweep_id for sweep_id in self.accepted if sweep_id not in self.deleted]
        if not known:
            return
        sweep_id = self.client_rng.choice(known)
        if method == "DELETE":
            self.deleted.add(sweep_id)  # whatever the answer is, it may be gone
        with self.client(self.client_rng.choice(list(KEYS))) as client:
            self._request(client, method, f"/sweeps/{sweep_id}{path}", json=json)

    @staticmethod
    def _request(client: httpx.Client, method: str, path: str, json: object = None) -> httpx.Response | None:
        with suppress(httpx.TransportError):
            return client.request(method, path, json=json)
        return None

    def _suspend(self, pids: list[int], seconds: float) -> None:
        for signal_ in (signal.SIGSTOP, signal.SIGCONT):
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal_)
            if signal_ is signal.SIGSTOP:
                time.sleep(seconds)

    def round(self) -> None:
        """Make random requests while random faults happen one after the other."""
        faults: list[Callable[[], None]] = [
            self.kill_worker, self.stop_worker, self.suspend_worker, self.kill_api, self.suspend_api, self.kill_store,
            self.tear_append_only_file, self.suspend_store, self.slow_network, self.kill_connections,
            self.flush_functions, self.step_clock, self.fill_store, self.crowd,
        ]  # fmt: skip
        requests = [self.submit, self.submit, self.extend, self.retry, self.cancel, self.delete]
        ended = threading.Event()

        def request_repeatedly() -> None:
            while not ended.is_set():
                self.client_rng.choice(requests)()
                time.sleep(self.client_rng.uniform(0.05, 0.6))

        requester = threading.Thread(target=request_repeatedly)
        requester.start()
        try:
            for fault in self.rng.choices(faults, k=FAULTS_PER_ROUND):
                self.fleet.ensure_worker()
                print(f"{time.monotonic():.1f} {fault.__name__}")
                self.faults[fault.__name__] += 1
                with suppress(RedisError):
                    fault()
                time.sleep(self.rng.uniform(0, 1))
        finally:
            ended.set()
            requester.join()

    def heal(self) -> None:
        """End all faults, and wait until every sweep has ended."""
        self.store.client.config_set("maxmemory", 0)
        self.link.delay_seconds = 0
        self.fleet.api.wait_until_ready()

        def all_ended() -> bool:
            self.fleet.ensure_worker()  # a worker ends if its training processes are killed while they start
            return all(sweep.status.is_final for sweep in self.sweeps())

        wait_until(all_ended, seconds=600)

    def sweeps(self) -> list[Sweep]:
        with self.client("alice") as client:
            answers = [client.get(f"/sweeps/{sweep_id}") for sweep_id in self.accepted]
        for sweep_id, answer in zip(self.accepted, answers, strict=True):
            assert answer.is_success or (answer.status_code == 404 and sweep_id in self.deleted), answer.text
        return [Sweep.model_validate_json(answer.content) for answer in answers if answer.is_success]

    def close(self) -> None:
        self.fleet.close()
        self.link.close()


@pytest.fixture
def chaos(tmp_path: Path, rng: random.Random) -> Iterator[Chaos]:
    chaos = Chaos(tmp_path, rng)
    yield chaos
    chaos.close()


def test_random_faults_and_requests_lose_and_double_nothing(chaos: Chaos) -> None:
    weights: dict[tuple[str, float, int], str] = {}
    for number in rounds(full=40, in_ci=2):
        print(f"round {number}")
        chaos.round()
        chaos.heal()
        chaos.fleet.close_workers()
        assert_consistent(chaos.store.client)
        for sweep in chaos.sweeps():
            for run in sweep.runs:
                assert run.status in (RunStatus.SUCCEEDED, RunStatus.CANCELLED), run
                if run.status is RunStatus.SUCCEEDED:
                    assert run.epochs_done == BODY["epochs"]
                    assert run.weights_sha256
                    equal = (sweep.config.model.kind, run.scale, run.seed)
                    assert weights.setdefault(equal, run.weights_sha256) == run.weights_sha256
    print(dict(chaos.faults), f"{len(chaos.accepted)} sweeps accepted")
