"""API keys: authentication and per-key limits."""

import logging
from collections.abc import Iterator

import httpx
import pytest
from redis import Redis

from noisesweep.models import hash_api_key
from shared.settings import Settings
from tests.support.api import ApiThread
from tests.support.keys import configured
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until

ALICE, BOB = {"Authorization": "Bearer ns_alice"}, {"Authorization": "Bearer ns_bob"}
ONE, THREE = {"scales": [0.5]}, {"scales": [0.1, 0.5, 1.0]}


@pytest.fixture(scope="module")
def api_with_keys(redis_server: RedisServer) -> Iterator[ApiThread]:
    keys = configured("alice", "bob")
    served = ApiThread(
        Settings(redis_url=redis_server.url, api_keys=keys, max_queued_runs=7, max_queued_runs_per_key=4)
    )
    yield served
    served.close()


@pytest.fixture
def http(api_with_keys: ApiThread, redis: Redis) -> httpx.Client:
    return api_with_keys.http


@pytest.mark.parametrize("headers", [
    {}, {"Authorization": "Bearer ns_eve"}, {"Authorization": "Bearer"},
    {"Authorization": "ns_alice"}, {"Authorization": "Basic ns_alice"}, {"Authorization": "Bearer ns_alice ns_alice"},
    {"Authorization": f"Bearer {hash_api_key('ns_alice')}"}, {"Authorization": b"Bearer \xff\xfe"},
])  # fmt: skip
@pytest.mark.parametrize("path", ["/sweeps", "/runs/0123456789abcdef-0", "/queue", "/workers", "/datasets", "/metrics"])
def test_missing_or_unknown_key_is_rejected(http: httpx.Client, path: str, headers: dict[str, str]) -> None:
    refused = http.get(path, headers=headers)
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert refused.json()["type"] == "/problems/api-key-refused"
    assert refused.headers["Content-Type"] == "application/problem+json"


def test_submission_without_key_stores_nothing(http: httpx.Client, redis: Redis) -> None:
    assert http.post("/sweeps", json=ONE).status_code == 401
    assert redis.keys() == []


def test_missing_key_is_answered_with_the_ways_to_send_one(http: httpx.Client) -> None:
    detail = http.get("/sweeps").json()["detail"]
    assert "NOISESWEEP_API_KEY" in detail
    assert "Authorization: Bearer" in detail


def test_any_valid_key_can_read_everything(http: httpx.Client) -> None:
    sweep = http.post("/sweeps", json=ONE, headers=ALICE)
    assert sweep.status_code == 202
    for path in (sweep.headers["Location"], "/queue", "/workers", "/datasets", "/metrics"):
        assert http.get(path, headers=BOB).status_code == 200


def test_sweep_and_its_runs_name_their_submitter(http: httpx.Client) -> None:
    sweep = http.post("/sweeps", json=ONE, headers=ALICE).json()
    run = http.get(f"/runs/{sweep['id']}-0", headers=BOB).json()
    assert (sweep["submitter"], run["submitter"]) == ("alice", "alice")
    assert http.get("/sweeps", headers=BOB).json()["sweeps"][0]["submitter"] == "alice"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/problems", "/docs", "/openapi.json"])
def test_public_routes_need_no_key(http: httpx.Client, path: str) -> None:
    assert http.get(path).status_code == 200


def test_openapi_names_routes_that_require_a_key(http: httpx.Client) -> None:
    document = http.get("/openapi.json").json()
    assert document["components"]["securitySchemes"]["api_key"]["scheme"] == "bearer"
    assert document["paths"]["/sweeps"]["get"]["security"] == [{"api_key": []}]
    assert "401" in document["paths"]["/sweeps"]["get"]["responses"]
    assert "security" not in document["paths"]["/healthz"]["get"]


def test_one_key_cannot_fill_the_queue(http: httpx.Client) -> None:
    assert http.post("/sweeps", json=THREE, headers=ALICE).status_code == 202
    refused = http.post("/sweeps", json=THREE, headers=ALICE)
    assert refused.status_code == 429
    assert refused.json()["detail"].startswith("3 runs of this API key are queued and 4 may be")
    assert http.post("/sweeps", json=THREE, headers=BOB).status_code == 202
    assert http.post("/sweeps", json={"scales": [1, 2, 3, 4, 5]}, headers=BOB).status_code == 422


def test_idempotency_keys_are_separate_per_api_key(http: httpx.Client) -> None:
    same = {"Idempotency-Key": "1"}
    first = http.post("/sweeps", json=ONE, headers=ALICE | same)
    assert http.post("/sweeps", json=ONE, headers=BOB | same).json()["id"] != first.json()["id"]
    assert http.post("/sweeps", json=ONE, headers=ALICE | same).json() == first.json()


def test_request_log_names_the_key_but_never_contains_it(http: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="api.http.telemetry"):
        sweep = http.post("/sweeps", json=ONE, headers=ALICE).headers["Location"]
        http.post(f"{sweep}/cancel", headers=BOB)
        http.get("/sweeps/nothing", headers=BOB)
        http.post("/sweeps", json=ONE, headers={"Authorization": "Bearer ns_eve"})
        wait_until(lambda: "401" in caplog.text)  # the line is logged after the answer
    lines = [record.getMessage() for record in caplog.records if record.name == "api.http.telemetry"]
    assert [line.partition(" s")[2] for line in lines] == [", API key of alice", *[", API key of bob"] * 2, ""]
    assert "ns_" not in caplog.text
    assert hash_api_key("ns_alice") not in caplog.text
