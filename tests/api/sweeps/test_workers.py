"""Tests of the list of workers, and of the status detail without live workers."""

from collections.abc import Callable

import httpx
import pytest
from redis import Redis

from api.limits import Limits
from shared.store.keys import WORKERS
from shared.store.keys import worker as worker_key
from tests.support.waiting import wait_until
from worker.devices import Device, DeviceKind
from worker.leases import Leases
from worker.presence import Presence, profile

TWO = {"scales": [0.1, 0.5]}
GPU = Device(DeviceKind.GPU, processes=1, stack=32, xla=True, reason="NVIDIA GPU, through CUDA")


@pytest.fixture
def presence(redis: Redis) -> Presence:
    return Presence(redis, profile("7@gpu-1", GPU, processes=1))


@pytest.fixture
def http(serve_with_limits: Callable[[Limits], httpx.Client]) -> httpx.Client:
    """Return a client of an API that does not cache the liveness of workers."""
    return serve_with_limits(Limits(liveness_seconds=-1))


def age(redis: Redis, seconds: float) -> None:
    redis.zincrby(WORKERS, -seconds * 1e6, "7@gpu-1")


def test_worker_is_listed_with_device_and_running_runs(http: httpx.Client, presence: Presence, leases: Leases) -> None:
    presence.beat()
    sweep = http.post("/sweeps", json=TWO).json()
    leases.claim(limit=2, worker="7@gpu-1")
    (worker,) = http.get("/workers").json()["workers"]
    assert (worker["name"], worker["device"], worker["processes"]) == ("7@gpu-1", "gpu", 1)
    assert worker["alive"]
    assert worker["current_runs"] == [f"{sweep['id']}-0", f"{sweep['id']}-1"]
    assert {run["worker"] for run in http.get(f"/sweeps/{sweep['id']}").json()["runs"]} == {"7@gpu-1"}


def test_control_characters_of_a_worker_are_escaped(http: httpx.Client, redis: Redis, leases: Leases) -> None:
    hostile = "7@\x1b]0;x\x07"
    named = profile("7", GPU, processes=1).model_copy(update={"name": hostile, "host": hostile})
    Presence(redis, named).beat()
    sweep = http.post("/sweeps", json=TWO).json()
    leases.claim(limit=2, worker=hostile)
    (worker,) = http.get("/workers").json()["workers"]
    assert (worker["name"], worker["host"]) == (r"7@\x1b]0;x\x07",) * 2
    assert len(worker["current_runs"]) == 2
    assert {run["worker"] for run in http.get(f"/sweeps/{sweep['id']}").json()["runs"]} == {worker["name"]}


def test_lost_worker_is_listed_but_stopped_worker_is_not(http: httpx.Client, presence: Presence, redis: Redis) -> None:
    presence.beat()
    age(redis, 16)
    (lost,) = http.get("/workers").json()["workers"]
    assert not lost["alive"]
    presence.beat()
    assert http.get("/workers").json()["workers"][0]["alive"]
    presence.remove()
    assert http.get("/workers").json() == {"workers": []}


def test_worker_stays_alive_if_the_store_is_full(http: httpx.Client, presence: Presence, redis: Redis) -> None:
    redis.config_set("maxmemory", 1)
    try:
        presence.beat()
        assert http.get("/workers").json()["workers"][0]["alive"]
    finally:
        redis.config_set("maxmemory", 0)


def test_worker_lost_over_an_hour_ago_is_removed(http: httpx.Client, presence: Presence, redis: Redis) -> None:
    presence.beat()
    redis.rename(worker_key("7@gpu-1"), worker_key("8@gpu-1"))
    redis.zadd(WORKERS, {"8@gpu-1": redis.time()[0] * 1e6 - 3601e6})
    presence.beat()
    assert [worker["name"] for worker in http.get("/workers").json()["workers"]] == ["7@gpu-1"]


def test_status_detail_reports_that_no_worker_is_alive(
    http: httpx.Client, presence: Presence, leases: Leases, redis: Redis
) -> None:
    sweep = http.post("/sweeps", json=TWO).json()
    run = sweep["links"]["runs"][0]
    assert "no worker is alive" in sweep["status_detail"]
    assert "no worker is alive" in http.get(run).json()["status_detail"]
    assert "no worker is alive" in http.get("/sweeps").json()["sweeps"][0]["status_detail"]
    presence.beat()
    assert http.get(sweep["links"]["self"]).json()["status_detail"] is None
    assert http.get(run).json()["status_detail"] is None
    leases.claim(limit=2)
    age(redis, 16)
    assert "no worker is alive" in http.get(run).json()["status_detail"]  # it has a lease, but nobody trains it


@pytest.mark.parametrize("of_run", [False, True])
def test_change_of_worker_liveness_changes_the_etag(http: httpx.Client, presence: Presence, *, of_run: bool) -> None:
    links = http.post("/sweeps", json=TWO).json()["links"]
    path = links["runs"][0] if of_run else links["self"]
    stranded = http.get(path).headers["ETag"]
    assert http.get(path, headers={"If-None-Match": stranded}).status_code == 304
    presence.beat()
    fresh = http.get(path, headers={"If-None-Match": stranded})
    assert fresh.status_code == 200
    assert http.get(path, headers={"If-None-Match": fresh.headers["ETag"]}).status_code == 304


def test_liveness_cache_expires(serve_with_limits: Callable[[Limits], httpx.Client], presence: Presence) -> None:
    http = serve_with_limits(Limits(liveness_seconds=0.2))
    path = http.post("/sweeps", json=TWO).json()["links"]["self"]
    presence.beat()
    wait_until(lambda: http.get(path).json()["status_detail"] is None, seconds=5)
