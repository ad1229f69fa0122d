"""Tests of responses about sweeps with a newer schema version than the API's own."""

import json

import httpx
import pytest
from redis import Redis

from shared.store.keys import SCHEMA, SweepKeys
from tests.api.sweeps.test_estimate import CPU
from tests.support.training import Training
from worker.presence import Presence, profile


@pytest.fixture
def newer(http: httpx.Client, redis: Redis) -> str:
    """Return the path of a sweep with the next schema version."""
    address = str(http.post("/sweeps", json={"scales": [0.1]}).headers["Location"])
    record = SweepKeys(address.removeprefix("/sweeps/")).record
    request = json.loads(str(redis.hget(record, "request"))) | {"unknown_field": True}
    redis.hset(record, mapping={"schema": SCHEMA + 1, "request": json.dumps(request)})
    return address


@pytest.mark.parametrize(("method", "suffix"), [("GET", ""), ("POST", "/cancel"), ("POST", "/retry"), ("DELETE", "")])
def test_newer_sweep_is_rejected_with_its_problem_type(
    http: httpx.Client, newer: str, method: str, suffix: str
) -> None:
    answer = http.request(method, newer + suffix)
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/newer-sweep")
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize(("method", "suffix"), [("GET", ""), ("GET", "/plot"), ("POST", "/cancel"), ("GET", "/model")])
def test_runs_of_newer_sweep_are_rejected(http: httpx.Client, newer: str, method: str, suffix: str) -> None:
    answer = http.request(method, f"{newer.replace('sweeps', 'runs')}-0{suffix}")
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/newer-sweep")


def test_estimate_ignores_work_of_newer_sweeps(
    http: httpx.Client, redis: Redis, newer: str, training: Training
) -> None:
    Presence(redis, profile("7@here", CPU, processes=1)).beat()
    known = http.post("/sweeps", json={"scales": [0.5]}).headers["Location"]
    training.epochs(known, runs=1, epochs=1)  # the pace for the estimate
    answer = http.post("/sweeps?dry_run=true", json={"scales": [1.0]})
    assert answer.raise_for_status().json()["estimated_seconds"] > 0


def test_list_omits_newer_sweeps(http: httpx.Client, newer: str) -> None:
    known = http.post("/sweeps", json={"scales": [0.5]}).json()["id"]
    assert [sweep["id"] for sweep in http.get("/sweeps").json()["sweeps"]] == [known]
