"""Tests of the dry run, which estimates the cost of a submission."""

from typing import Any

import httpx
import pytest
from redis import Redis

from shared.store.keys import PACE
from tests.support.training import Training
from worker.devices import Device, DeviceKind
from worker.presence import Presence, profile

DIGITS = {"scales": [0.1, 0.5], "seeds": [0, 1], "epochs": 3, "dataset": "digits"}
CPU = Device(DeviceKind.CPU, processes=2, stack=1, xla=False, reason="no GPU on this host")


def estimate(http: httpx.Client, body: dict[str, object], path: str = "/sweeps") -> dict[str, float]:
    answer = http.post(path, params={"dry_run": "true"}, json=body)
    assert answer.status_code == 200
    return dict(answer.json())


def test_dry_run_counts_runs_and_stores_nothing(http: httpx.Client, redis: Redis) -> None:
    assert estimate(http, DIGITS) == {
        "runs": 4,
        "reused_runs": 0,
        "images": 4 * 3 * 1442,
        "estimated_seconds": None,
        "queue_position": 0,
    }
    assert estimate(http, {"scale": 0.5}, "/runs")["images"] == 20 * 60_000
    assert redis.keys() == []


def test_dry_run_rejects_invalid_requests(http: httpx.Client) -> None:
    assert http.post("/sweeps?dry_run=true", json={"scales": [-1]}).status_code == 422
    assert http.post("/sweeps?dry_run=perhaps", json=DIGITS).status_code == 422


def test_queue_position_counts_queued_runs(http: httpx.Client) -> None:
    http.post("/sweeps", json=DIGITS)
    assert estimate(http, DIGITS)["queue_position"] == 4


def test_time_depends_on_pace_and_live_processes(http: httpx.Client, redis: Redis, training: Training) -> None:
    first = http.post("/sweeps", json=DIGITS).json()["links"]["self"]
    training.epochs(first, runs=2, epochs=3, end=True)  # each epoch is said to have taken 1.5 s, for two at once
    assert estimate(http, DIGITS)["estimated_seconds"] is None  # no worker is alive
    Presence(redis, profile("7@here", CPU, processes=2)).beat()
    # Two processes share 2 running and 4 new runs. Each run has three epochs of 0.75 s and is tested at two scales and
    # clean. Testing an image is a third of the work of training on it.
    tests = 3 * 355 / 3 / 1442
    assert estimate(http, DIGITS)["estimated_seconds"] == pytest.approx((2 + 4) * (3 + tests) * 0.75 / 2, abs=0.01)
    # Two processes cannot share a single run.
    training.epochs(first, runs=2, epochs=3, end=True)
    one = {"scale": 0.5, "epochs": 3, "dataset": "digits"}
    tests = 2 * 355 / 3 / 1442
    assert estimate(http, one, "/runs")["estimated_seconds"] == pytest.approx((3 + tests) * 0.75, abs=0.01)


def test_pace_is_measured_from_similar_epochs_only(http: httpx.Client, redis: Redis) -> None:
    Presence(redis, profile("7@here", CPU, processes=1)).beat()
    mine = {"scale": 1, "epochs": 1, "precision": "mixed_bfloat16"}
    alike: dict[Any, Any] = {
        "dataset": "mnist",
        "precision": "mixed_bfloat16",
        "batch_size": 128,
        "work": 60_000 * 669_706,
    }
    for other in (
        {"dataset": "digits"},
        {"precision": "float32"},
        {"batch_size": 8},
        {"work": 60_000 * 10_000},
    ):
        redis.xadd(PACE, alike | other | {"seconds": 9})
    assert estimate(http, mine, "/runs")["estimated_seconds"] is None
    redis.xadd(PACE, alike | {"seconds": 2})
    tests = 2 * 10_000 / 3 / 60_000
    assert estimate(http, mine, "/runs")["estimated_seconds"] == pytest.approx(2 * (1 + tests), abs=0.01)
    smaller = mine | {"hidden_units": [256, 512]}
    assert estimate(http, smaller, "/runs")["estimated_seconds"] == pytest.approx(1 + tests, rel=0.1)
