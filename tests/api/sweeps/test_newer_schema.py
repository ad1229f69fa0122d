"""What the API says of sweeps of a newer schema than its own."""

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
    """The address of a sweep that the next version has written."""
    address = str(http.post("/sweeps", json={"scales": [0.1]}).headers["Location"])
    record = SweepKeys(address.removeprefix("/sweeps/")).record
    request = json.loads(str(redis.hget(record, "request"))) | {"what_this_one_knows_not": True}
    redis.hset(record, mapping={"schema": SCHEMA + 1, "request": json.dumps(request)})
    return address


@pytest.mark.parametrize(("method", "of_it"), [("GET", ""), ("POST", "/cancel"), ("POST", "/retry"), ("DELETE", "")])
def test_a_newer_sweep_is_a_problem_that_says_so(http: httpx.Client, newer: str, method: str, of_it: str) -> None:
    answer = http.request(method, newer + of_it)
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/newer-sweep")
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize(("method", "of_it"), [("GET", ""), ("GET", "/plot"), ("POST", "/cancel"), ("GET", "/model")])
def test_so_is_each_of_its_runs(http: httpx.Client, newer: str, method: str, of_it: str) -> None:
    answer = http.request(method, f"{newer.replace('sweeps', 'runs')}-0{of_it}")
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/newer-sweep")


def test_estimates_leave_its_work_to_newer_workers(
    http: httpx.Client, redis: Redis, newer: str, training: Training
) -> None:
    Presence(redis, profile("7@here", CPU, processes=1)).beat()
    known = http.post("/sweeps", json={"scales": [0.5]}).headers["Location"]
    training.epochs(known, runs=1, epochs=1)  # from which times are estimated
    answer = http.post("/sweeps?dry_run=true", json={"scales": [1.0]})
    assert answer.raise_for_status().json()["estimated_seconds"] > 0


def test_lists_leave_newer_sweeps_out(http: httpx.Client, newer: str) -> None:
    known = http.post("/sweeps", json={"scales": [0.5]}).json()["id"]
    assert [sweep["id"] for sweep in http.get("/sweeps").json()["sweeps"]] == [known]
