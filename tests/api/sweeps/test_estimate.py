"""Tests of the dry run, which estimates the cost of a submission."""

from contextlib import closing
from typing import Any

import httpx
import pytest
from redis import Redis

from api.sweeps.admission import REFERENCE_PACE
from noisesweep.models import SweepRequest
from shared.datasets import epoch_work, run_work
from shared.settings import Settings
from shared.store.keys import PACE
from tests.support.api import ApiThread
from tests.support.claims import claim_next
from tests.support.keys import configured
from tests.support.training import Training
from worker.devices import Device, DeviceKind
from worker.leases import Leases
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
        "core_seconds": pytest.approx(
            4 * run_work(SweepRequest.model_validate(DIGITS)) / REFERENCE_PACE, abs=4 * 3 * 0.001
        ),
        "model_bytes": 0,
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
        {"model": "cnn"},
        {"work": 60_000 * 10_000},
    ):
        redis.xadd(PACE, alike | other | {"seconds": 9})
    assert estimate(http, mine, "/runs")["estimated_seconds"] is None
    redis.xadd(PACE, alike | {"seconds": 2})
    tests = 2 * 10_000 / 3 / 60_000
    assert estimate(http, mine, "/runs")["estimated_seconds"] == pytest.approx(2 * (1 + tests), abs=0.01)
    smaller = mine | {"hidden_units": [256, 512]}
    assert estimate(http, smaller, "/runs")["estimated_seconds"] == pytest.approx(1 + tests, rel=0.1)


def test_estimates_follow_the_turns_of_keys(settings: Settings, redis: Redis, leases: Leases) -> None:
    keys = configured("alice", "bob")
    served = ApiThread(settings.model_copy(update={"api_keys": keys}))

    def post(name: str, path: str, body: object) -> dict[str, Any]:
        answer = served.http.post(path, json=body, headers={"Authorization": f"Bearer ns_{name}"})
        return dict(answer.raise_for_status().json())

    def estimates(body: object) -> dict[str, tuple[float, float]]:
        """Return the queue position, and the time as a multiple of the time of a run, by key."""
        answers = {name: post(name, "/sweeps?dry_run=true", body) for name in keys}
        return {
            name: (answer["queue_position"], round(answer["estimated_seconds"] / run_seconds, 1))
            for name, answer in answers.items()
        }

    sixty = {"scales": [0.5], "seeds": list(range(60)), "epochs": 3, "dataset": "digits"}
    one = sixty | {"seeds": [100]}
    run_work_in_epochs = 3 + 2 * 355 / 3 / 1442
    work = epoch_work(SweepRequest.model_validate(one))
    redis.xadd(PACE, {"dataset": "digits", "precision": "float32", "batch_size": 128, "work": work, "seconds": 10})
    run_seconds = 10 * run_work_in_epochs
    Presence(redis, profile("7@here", CPU, processes=1)).beat()
    try:
        post("alice", "/sweeps", sixty)
        assert estimates(one) == {"alice": (60, 61), "bob": (0, 1)}
        claim_next(leases)
        assert estimates(one) == {"alice": (59, 61), "bob": (0, 2)}  # the running run counts in full
        # The last of sixty runs follows as many of the other key.
        position, runs = estimates(sixty)["bob"]
        assert position == 0
        assert 118 <= runs <= 121
        bobs = post("bob", "/sweeps", one)["id"]
        assert estimates(one)["alice"] == (60, 62)
        assert estimates(one)["bob"][0] in (1, 2)
        assert claim_next(leases).sweep_id == bobs
    finally:
        served.close()


def test_size_of_models_is_estimated_and_limited(settings: Settings, redis: Redis) -> None:
    served = ApiThread(settings.model_copy(update={"max_model_bytes": 100_000_000}))
    http = served.http
    body = {"scales": [n / 10 for n in range(18)], "dataset": "digits", "keep_model": True}
    with closing(served):
        assert estimate(http, body)["model_bytes"] == 18 * (8 * 669_706 + 32_000)
        assert estimate(http, body | {"keep_model": False})["model_bytes"] == 0
        largest = {"scale": 1, "hidden_units": [3500, 3500], "keep_model": True}
        for path, too_large, reason in (
            ("/sweeps", body | {"repeats": 2}, "194.0 MB: 36 x 5.4 MB."),
            ("/sweeps?dry_run=true", body | {"repeats": 2}, "194.0 MB: 36 x 5.4 MB."),
            ("/runs", largest, "120.3 MB: 1 x 120.3 MB."),
        ):
            refused = http.post(path, json=too_large)
            assert refused.status_code == 422
            (error,) = refused.json()["errors"]
            assert error["pointer"] == "#/keep_model"
            assert f"expected at most 100.0 MB of models in a sweep, received {reason}" in error["detail"]
        assert redis.keys() == []
        sweep = http.post("/sweeps", json=body).raise_for_status().json()["links"]["self"]
        refused = http.post(f"{sweep}/runs", json={"scales": [2.0]})
        assert (refused.status_code, refused.json()["type"]) == (422, "/problems/sweep-too-large")
        assert "102.4 MB: 19 x 5.4 MB." in refused.json()["detail"]
        assert http.post("/sweeps", json=body | {"repeats": 2, "keep_model": False}).status_code == 202
