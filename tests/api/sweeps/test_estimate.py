"""A dry run: what a submission would cost, with nothing stored."""

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


def test_runs_and_images_are_counted_and_nothing_is_stored(http: httpx.Client, redis: Redis) -> None:
    assert estimate(http, DIGITS) == {
        "runs": 4,
        "reused_runs": 0,
        "images": 4 * 3 * 1442,
        "estimated_seconds": None,
        "queue_position": 0,
    }
    assert estimate(http, {"scale": 0.5}, "/runs")["images"] == 20 * 60_000
    assert redis.keys() == []


def test_what_would_be_refused_is_refused(http: httpx.Client) -> None:
    assert http.post("/sweeps?dry_run=true", json={"scales": [-1]}).status_code == 422
    assert http.post("/sweeps?dry_run=perhaps", json=DIGITS).status_code == 422


def test_runs_that_wait_come_first(http: httpx.Client) -> None:
    http.post("/sweeps", json=DIGITS)
    assert estimate(http, DIGITS)["queue_position"] == 4


def test_the_time_follows_from_the_pace_measured_lately_and_the_processes_that_live(
    http: httpx.Client, redis: Redis, training: Training
) -> None:
    first = http.post("/sweeps", json=DIGITS).json()["links"]["self"]
    training.epochs(first, runs=2, epochs=3, end=True)  # each epoch is said to have taken 1.5 s, for two at once
    assert estimate(http, DIGITS)["estimated_seconds"] is None  # nobody is there to train it
    Presence(redis, profile("7@here", CPU, processes=2)).beat()
    # Two runs of the first and four of its own, of three epochs of 0.75 s each, on two processes; each is tested at its
    # two scales and clean, where an image is a third of the work that one is in training.
    tests = 3 * 355 / 3 / 1442
    assert estimate(http, DIGITS)["estimated_seconds"] == pytest.approx((2 + 4) * (3 + tests) * 0.75 / 2, abs=0.01)
    # A single run cannot be shared by two processes.
    training.epochs(first, runs=2, epochs=3, end=True)
    one = {"scale": 0.5, "epochs": 3, "dataset": "digits"}
    tests = 2 * 355 / 3 / 1442
    assert estimate(http, one, "/runs")["estimated_seconds"] == pytest.approx((3 + tests) * 0.75, abs=0.01)


def test_only_epochs_like_its_own_tell_how_long_it_takes(http: httpx.Client, redis: Redis) -> None:
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
