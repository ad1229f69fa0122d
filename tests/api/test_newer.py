"""What the API says of sweeps of a newer schema than its own."""

import httpx
import pytest
from redis import Redis

from shared.keys import SCHEMA, SweepKeys


@pytest.fixture
def newer(http: httpx.Client, redis: Redis) -> str:
    """The address of a sweep that the next version has written."""
    address = http.post("/sweeps", json={"scales": [0.1]}).headers["Location"]
    redis.hset(SweepKeys(address.removeprefix("/sweeps/")).record, "schema", SCHEMA + 1)
    return str(address)


@pytest.mark.parametrize(("method", "of_it"), [("GET", ""), ("POST", "/cancel"), ("POST", "/retry"), ("DELETE", "")])
def test_a_newer_sweep_is_a_problem_that_says_so(http: httpx.Client, newer: str, method: str, of_it: str) -> None:
    answer = http.request(method, newer + of_it)
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/newer-sweep")
    assert int(answer.headers["Retry-After"]) > 0


def test_lists_leave_newer_sweeps_out(http: httpx.Client, newer: str) -> None:
    known = http.post("/sweeps", json={"scales": [0.5]}).json()["id"]
    assert [sweep["id"] for sweep in http.get("/sweeps").json()["sweeps"]] == [known]
