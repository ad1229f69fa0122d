"""State of the queue."""

import httpx
import pytest
from redis import Redis

from noisesweep.models import SweepRequest
from shared.datasets import epoch_work, run_work
from shared.store.paces import Kind, add_epoch
from tests.support.claims import claim_next, metrics
from tests.support.stored_sweeps import Sweeps
from tests.support.waiting import wait_until
from worker.devices import Device, DeviceKind
from worker.leases import Leases
from worker.presence import Presence, profile

REQUEST = SweepRequest(scales=[0.1], seeds=[0, 1, 2, 3], epochs=3, dataset="digits")
CPU = Device(DeviceKind.CPU, processes=2, stack=1, xla=False, reason="no GPU on this host")
EPOCH_SECONDS = 2.0


def test_expected_wait_follows_work_pace_and_processes(http: httpx.Client, redis: Redis, leases: Leases) -> None:
    sweeps = Sweeps(redis)
    first, second = sweeps.create(REQUEST), sweeps.create(REQUEST)
    with redis.pipeline() as pipeline:
        add_epoch(pipeline, Kind.of(REQUEST.config, "cpu"), metrics(1), EPOCH_SECONDS)
        pipeline.execute()

    def waits() -> dict[str, float | None]:
        return {sweep["id"]: sweep["expected_wait_seconds"] for sweep in http.get("/queue").json()["own"]}

    assert waits() == {first: None, second: None}  # no worker is alive
    Presence(redis, profile("7@here", CPU, processes=2)).beat()
    wait_until(lambda: waits()[first] == 0)  # both processes are idle
    claim_next(leases)
    assert waits()[first] == 0
    claim_next(leases)
    # Both processes train. Two runs are queued before the second sweep.
    pace = epoch_work(REQUEST) / EPOCH_SECONDS
    assert waits()[first] == pytest.approx(2 * run_work(REQUEST) / 2 / pace, rel=0.2)
    assert waits()[second] == pytest.approx(4 * run_work(REQUEST) / 2 / pace, rel=0.2)


def test_a_sweep_whose_record_cannot_be_read_does_not_hide_the_others(http: httpx.Client, redis: Redis) -> None:
    broken, other = Sweeps(redis).create(REQUEST), Sweeps(redis).create(REQUEST)
    redis.hset(f"ns:sweep:{broken}", "request", "[]")
    queue = http.get("/queue").raise_for_status().json()
    assert [(sweep["id"], sweep["name"]) for sweep in queue["own"]] == [(broken, None), (other, None)]
