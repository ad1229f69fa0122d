"""State of the queue."""

from typing import Any

import httpx
import pytest
from redis import Redis

from noisesweep.models import SweepRequest
from shared.datasets import run_work
from shared.store.keys import PACE
from tests.support.claims import claim_next
from tests.support.stored_sweeps import Sweeps
from worker.devices import Device, DeviceKind
from worker.leases import Leases
from worker.presence import Presence, profile

REQUEST = SweepRequest(scales=[0.1], seeds=[0, 1, 2, 3], epochs=3, dataset="digits")
CPU = Device(DeviceKind.CPU, processes=2, stack=1, xla=False, reason="no GPU on this host")
PACE_WORK, PACE_SECONDS = 5_000_000, 2.0


def test_expected_wait_follows_work_pace_and_processes(http: httpx.Client, redis: Redis, leases: Leases) -> None:
    sweeps = Sweeps(redis)
    first, second = sweeps.create(REQUEST), sweeps.create(REQUEST)
    Presence(redis, profile("7@here", CPU, processes=2)).beat()

    def waits() -> dict[str, float | None]:
        return {sweep["id"]: sweep["expected_wait_seconds"] for sweep in http.get("/queue").json()["own"]}

    assert waits() == {first: None, second: None}  # no epoch was measured
    measured: dict[Any, Any] = {"dataset": "mnist", "precision": "float32", "model": "mlp", "batch_size": 100}
    redis.xadd(PACE, measured | {"work": PACE_WORK, "seconds": PACE_SECONDS})
    assert waits()[first] == 0  # both processes are idle
    claim_next(leases)
    assert waits()[first] == 0
    claim_next(leases)
    # Both processes train. Two runs are queued before the second sweep.
    pace = PACE_WORK / PACE_SECONDS
    assert waits()[first] == pytest.approx(2 * run_work(REQUEST) / 2 / pace, rel=0.2)
    assert waits()[second] == pytest.approx(4 * run_work(REQUEST) / 2 / pace, rel=0.2)


def test_a_sweep_whose_record_cannot_be_read_does_not_hide_the_others(http: httpx.Client, redis: Redis) -> None:
    broken, other = Sweeps(redis).create(REQUEST), Sweeps(redis).create(REQUEST)
    redis.hset(f"ns:sweep:{broken}", "request", "[]")
    queue = http.get("/queue").raise_for_status().json()
    assert [(sweep["id"], sweep["name"]) for sweep in queue["own"]] == [(broken, None), (other, None)]
