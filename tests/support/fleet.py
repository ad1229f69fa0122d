"""The service with a durable store and processes that tests may kill, and the invariants to check afterwards."""

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from noisesweep.models import EpochMetrics, RunStatus, Sweep
from shared.store.keys import QUEUE, UNACKED, SweepKeys
from tests.support.redis_server import RedisServer
from tests.support.service import Service
from tests.support.stored_sweeps import Sweeps
from tests.support.waiting import wait_until
from tests.support.worker import Worker

# Long enough for a fault in the middle, short enough for many rounds. Only some epochs write a checkpoint.
BODY = {
    "scales": [0.1, 0.5, 1.0, 2.0],
    "dataset": "digits",
    "epochs": 12,
    "batch_size": 8,
    "hidden_units": [64],
    "reuse": False,  # train every sweep
}
# Each run is long enough for a slow fault to hit it in the middle.
LONG = BODY | {"epochs": 40}
# Shorter than in production, so that tests are fast.
TIMES = {
    "NOISESWEEP_LEASE_SECONDS": "3",
    "NOISESWEEP_REAP_INTERVAL_SECONDS": "0.3",
    "NOISESWEEP_CHECKPOINT_INTERVAL_SECONDS": "0.3",
}
ROUNDS = int(os.environ.get("NOISESWEEP_FAULT_ROUNDS", "0"))


def rounds(full: int, in_ci: int) -> range:
    """Return the rounds of a fault test: `make faults` runs `full`, CI fewer but at least `in_ci`."""
    return range(full if ROUNDS == 0 else min(full, max(ROUNDS, in_ci)))


class Fleet(Service):
    """Service with a durable store, for fault tests.

    Args:
        folder: Folder for logs, and for the store's data if `store` is None.
        store: The store to use; None starts a durable one.
        url: The URL of the store for the API and the workers; None means the store's own URL.
        environment: More environment variables of the API and the workers.
    """

    def __init__(
        self,
        folder: Path,
        store: RedisServer | None = None,
        url: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.points = folder / "points"
        self.points.mkdir()
        environment = TIMES | {"NOISESWEEP_FAIL_POINTS": str(self.points)} | dict(environment or {})
        super().__init__(folder, environment, store=store or RedisServer(folder, durable=True), url=url, body=BODY)
        self.api.wait_until_ready()

    def ensure_worker(self) -> Worker:
        """Return a running worker; start one if there is none, like a process manager."""
        self.workers = [worker for worker in self.workers if worker.is_running]
        return self.workers[0] if self.workers else self.start_worker()

    def arm(self, point: str, target: str = "", index: int = 0) -> Path:
        """Arm a fail point: the next training process that reaches it with this run dies, or its worker dies first."""
        armed = self.points / f"{point}-{index}"
        temporary = armed.with_suffix(".new")  # renamed, so that no process reads a partial file
        temporary.write_text(target)
        return temporary.rename(armed)

    def assert_complete(self, sweep_id: str, undisturbed: Sweep, status: RunStatus = RunStatus.SUCCEEDED) -> None:
        """Assert that the sweep ended, with each epoch once and in order, and with the weights of `undisturbed`."""
        sweep = self.wait_for_end(sweep_id)
        assert sweep.status is status
        keys, stored_sweeps = SweepKeys(sweep_id), Sweeps(self.redis)
        assert stored_sweeps.leased(sweep_id) == []
        assert stored_sweeps.queued(sweep_id) == []
        events = self.events(sweep_id)
        ended = Counter(event["index"] for event in events if event["type"] == "run.ended")
        assert ended == {str(index): 1 for index in range(len(sweep.runs))}
        assert [event["type"] for event in events].count("sweep.ended") == 1
        assert events[-1]["type"] == "sweep.ended"
        for index, (run, expected) in enumerate(zip(sweep.runs, undisturbed.runs, strict=True)):
            stored = [EpochMetrics.model_validate_json(text).epoch for text in self.epochs(sweep_id, index)]
            published = [
                EpochMetrics.model_validate_json(event["data"]).epoch
                for event in events
                if event["type"] == "epoch" and event["index"] == str(index)
            ]
            assert stored == published
            assert stored == list(range(len(stored)))
            assert not self.redis.exists(keys.checkpoint(index))
            if run.status is RunStatus.SUCCEEDED:
                assert len(stored) == sweep.config.epochs
                assert run.weights_sha256 == expected.weights_sha256

    def dump_sweep(self, sweep_id: str) -> dict[str, object]:
        """Return all keys of the sweep with their values from DUMP; hashes as dicts, because they have no order."""
        keys = cast("list[str]", self.redis.keys(f"{SweepKeys(sweep_id).record}*"))
        return {
            key: self.redis.hgetall(key) if self.redis.type(key) == "hash" else self.redis.dump(key) for key in keys
        }

    def assert_no_messages(self) -> None:
        """Wait until no message is queued or unacknowledged. Print them and fail after 60 s."""
        try:
            wait_until(lambda: self.redis.llen(QUEUE) == 0 and self.redis.hlen(UNACKED) == 0, seconds=60)
        except AssertionError:
            for key in (UNACKED, f"{UNACKED}_index"):
                print(key, self.redis.type(key), self.redis.ttl(key), self.redis.object("IDLETIME", key))
            print(self.redis.hgetall(UNACKED), self.redis.lrange(QUEUE, 0, -1), self.redis.time())
            raise
