"""The service on a store with a disk, its parts in processes that the tests may kill, and what must hold afterwards."""

import os
from collections import Counter
from pathlib import Path
from typing import cast

from noisesweep.models import EpochMetrics, RunStatus, Sweep
from shared.store.keys import QUEUE, UNACKED, SweepKeys
from tests.support.redis_server import RedisServer
from tests.support.service import Service
from tests.support.waiting import wait_until
from tests.support.worker import Worker

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


class Fleet(Service):
    """A store with a disk, an API, and workers that come and go.

    Args:
        folder: Holds the logs, and the store's data if it is given no store.
        store: The store to use; one with a disk if None.
        url: The address under which the parts reach the store, where that is not its own.
    """

    def __init__(self, folder: Path, store: RedisServer | None = None, url: str | None = None) -> None:
        self.points = folder / "points"
        self.points.mkdir()
        environment = TIMES | {"NOISESWEEP_FAIL_POINTS": str(self.points)}
        super().__init__(folder, environment, store=store or RedisServer(folder, durable=True), url=url, body=BODY)
        self.api.wait_until_ready()

    def ensure_worker(self) -> Worker:
        """One worker that runs, as a process manager would have it."""
        self.workers = [worker for worker in self.workers if worker.is_running]
        return self.workers[0] if self.workers else self.start_worker()

    def arm(self, point: str, target: str = "", index: int = 0) -> Path:
        """Let the next training process that reaches the point with that run die there, or its worker first."""
        armed = self.points / f"{point}-{index}"
        unarmed = armed.with_suffix(".new")  # so that nobody reads the file before it is written
        unarmed.write_text(target)
        return unarmed.rename(armed)

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

    def assert_drained(self) -> None:
        """No message waits, and none is held by a worker that is gone."""
        try:
            wait_until(lambda: self.redis.llen(QUEUE) == 0 and self.redis.hlen(UNACKED) == 0, seconds=60)
        except AssertionError:
            for key in (UNACKED, f"{UNACKED}_index", f"{UNACKED}_mutex"):
                print(key, self.redis.type(key), self.redis.ttl(key), self.redis.object("IDLETIME", key))
            print(self.redis.hgetall(UNACKED), self.redis.lrange(QUEUE, 0, -1), self.redis.time())
            raise
