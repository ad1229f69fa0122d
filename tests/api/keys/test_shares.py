"""Share links: each shows one sweep without an API key, and nothing else."""

import threading
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from redis import Redis

from api.keys.shares import MAX_SHARES, StoredShare
from noisesweep.models import hash_api_key
from shared.store.keys import SweepKeys
from tests.api.conftest import Serve
from tests.support.keys import CLASS, bearer
from tests.support.waiting import wait_until

ONE = {"scales": [0.5], "dataset": "digits", "epochs": 1}


@pytest.fixture
def sweep_id(http: httpx.Client) -> str:
    return str(http.post("/sweeps", json=ONE, headers=bearer("alice")).raise_for_status().json()["id"])


def share(http: httpx.Client, sweep_id: str, **fields: object) -> dict[str, Any]:
    answer = http.post(f"/sweeps/{sweep_id}/shares", json=fields, headers=bearer("alice"))
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


def token(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@pytest.mark.parametrize("path", [
    "/sweeps/{id}", "/sweeps/{id}/plot", "/sweeps/{id}/plot?kind=epochs&format=json", "/sweeps/{id}/results",
    "/sweeps/{id}/summary", "/runs/{id}-0", "/runs/{id}-0/plot", "/whoami", "/datasets/digits",
    "/noise/samples?dataset=digits",
    "/compare?sweep={id}&sweep={id}",
])  # fmt: skip
def test_a_link_reads_what_the_page_of_its_sweep_shows(http: httpx.Client, sweep_id: str, path: str) -> None:
    headers = token(share(http, sweep_id)["token"])
    answer = http.get(path.format(id=sweep_id), headers=headers)
    assert answer.status_code == 200, answer.text


def test_all_links_of_a_key_are_one_caller(http: httpx.Client, sweep_id: str) -> None:
    callers = [http.get("/whoami", headers=token(share(http, sweep_id)["token"])).json() for _ in range(2)]
    assert {caller["name"] for caller in callers} == {"share:alice"}  # for the limits of a key


def test_a_link_reaches_no_other_sweep(http: httpx.Client, sweep_id: str) -> None:
    headers = token(share(http, sweep_id)["token"])
    other = http.post("/sweeps", json=ONE | {"tags": {"a": "b"}}, headers=bearer("alice")).json()["id"]
    for path in (
        f"/sweeps/{other}",
        f"/runs/{other}-0",
        f"/sweeps/{other}/plot",
        f"/compare?sweep={other}&sweep={other}",
    ):
        assert http.get(path, headers=headers).status_code == 404
    assert [sweep["id"] for sweep in http.get("/sweeps", headers=headers).json()["sweeps"]] == [sweep_id]


@pytest.mark.parametrize("path", [
    "/queue", "/workers", "/class?tag=a:b", "/plots/class?tag=a:b", "/metrics",
    "/keys", "/datasets", "/datasets/mnist", "/noise/samples?dataset=mnist",
    "/sweeps/{id}/shares",
])  # fmt: skip
def test_a_link_shows_nothing_else_of_the_service(http: httpx.Client, sweep_id: str, path: str) -> None:
    headers = token(share(http, sweep_id)["token"])
    assert http.get(path.format(id=sweep_id), headers=headers).status_code == 403


@pytest.mark.parametrize(("method", "path", "body"), [
    ("POST", "/sweeps", ONE), ("POST", "/sweeps/{id}/cancel", None), ("POST", "/sweeps/{id}/runs", {"scales": [2]}),
    ("POST", "/sweeps/{id}/fresh-noise", None), ("POST", "/sweeps/{id}/shares", {}), ("DELETE", "/sweeps/{id}", None),
    ("PATCH", "/sweeps/{id}", {"name": "eve"}),
    ("POST", "/keys", {"name": "eve"}), ("DELETE", "/datasets/nope", None),
])  # fmt: skip
def test_a_link_changes_nothing(
    http: httpx.Client, sweep_id: str, method: str, path: str, body: dict[str, object] | None
) -> None:
    headers = token(share(http, sweep_id)["token"])
    assert http.request(method, path.format(id=sweep_id), json=body, headers=headers).status_code == 403


def test_the_store_has_only_the_hash(http: httpx.Client, sweep_id: str, redis: Redis) -> None:
    created = share(http, sweep_id, expires_in_days=7)
    (record,) = redis.hvals(SweepKeys(sweep_id).shares)
    assert hash_api_key(created["token"]) in str(record)
    assert created["token"] not in str(record)
    assert created["page"] == f"/ui/sweeps/{sweep_id}#share={created['token']}"
    times = [datetime.fromisoformat(created[field]) for field in ("created_at", "expires_at")]
    assert times[1] - times[0] == timedelta(days=7)
    listed = http.get(f"/sweeps/{sweep_id}/shares", headers=bearer("teacher"))
    assert created["token"] not in listed.text
    assert [each["created_by"] for each in listed.json()["shares"]] == ["alice"]


def test_a_revoked_link_stops_and_its_stream_ends(http: httpx.Client, sweep_id: str) -> None:
    created = share(http, sweep_id)
    headers, opened = token(created["token"]), threading.Event()
    lines: list[str] = []

    def follow() -> None:
        with http.stream("GET", f"/sweeps/{sweep_id}/events", headers=headers) as answer:
            opened.set()
            lines.extend(answer.iter_lines())

    reader = threading.Thread(target=follow)
    reader.start()
    opened.wait()
    revoked = http.delete(f"/sweeps/{sweep_id}/shares/{created['id']}", headers=bearer("alice"))
    assert revoked.status_code == 204
    refused = http.get(f"/sweeps/{sweep_id}", headers=headers)
    assert (refused.status_code, "expired or was revoked" in refused.json()["detail"]) == (401, True)
    reader.join(timeout=30)
    assert "event: closing" in lines
    assert http.delete(f"/sweeps/{sweep_id}/shares/{created['id']}", headers=bearer("alice")).status_code == 404


def test_an_expired_link_stops_and_is_not_listed(http: httpx.Client, sweep_id: str, redis: Redis) -> None:
    created, key = share(http, sweep_id), SweepKeys(sweep_id).shares
    stored = StoredShare.model_validate_json(str(redis.hget(key, created["id"])))
    past = stored.share.model_copy(update={"expires_at": stored.share.created_at})
    redis.hset(key, created["id"], stored.model_copy(update={"share": past}).model_dump_json())
    assert http.get(f"/sweeps/{sweep_id}", headers=token(created["token"])).status_code == 401
    assert http.get(f"/sweeps/{sweep_id}/shares", headers=bearer("alice")).json() == {"shares": []}
    assert not redis.exists(key)


def test_a_record_that_cannot_be_read_breaks_no_other_link(http: httpx.Client, sweep_id: str, redis: Redis) -> None:
    headers = token(share(http, sweep_id)["token"])
    redis.hset(SweepKeys(sweep_id).shares, "broken", '{"id": "x"}')
    assert http.get(f"/sweeps/{sweep_id}", headers=headers).status_code == 200
    assert len(http.get(f"/sweeps/{sweep_id}/shares", headers=bearer("alice")).json()["shares"]) == 1


def test_a_deleted_sweep_leaves_no_link(http: httpx.Client, sweep_id: str, redis: Redis) -> None:
    headers = token(share(http, sweep_id)["token"])
    http.post(f"/sweeps/{sweep_id}/cancel", headers=bearer("alice"))
    wait_until(lambda: http.delete(f"/sweeps/{sweep_id}", headers=bearer("alice")).status_code == 204)
    assert http.get(f"/sweeps/{sweep_id}", headers=headers).status_code == 401
    assert not redis.exists(SweepKeys(sweep_id).shares)


@pytest.mark.parametrize("secret", ["nss_", "nss_0123456789abcdef_" + "x" * 43, "nss_../../_" + "x" * 43])
def test_an_invented_token_is_refused(http: httpx.Client, secret: str) -> None:
    assert http.get("/sweeps", headers=token(secret)).status_code == 401


@pytest.mark.parametrize(("name", "status"), [("bob", 403), ("guest", 403), ("teacher", 201)])
def test_only_who_may_change_a_sweep_shares_it(http: httpx.Client, sweep_id: str, name: str, status: int) -> None:
    assert http.post(f"/sweeps/{sweep_id}/shares", json={}, headers=bearer(name)).status_code == status


@pytest.mark.parametrize("body", [{"expires_in_days": 0}, {"expires_in_days": 367}, {"expires_in_days": 1.5}, {"x": 1}])
def test_an_invalid_request_creates_no_link(http: httpx.Client, sweep_id: str, redis: Redis, body: object) -> None:
    refused = http.post(f"/sweeps/{sweep_id}/shares", json=body, headers=bearer("alice"))
    assert refused.status_code == 422
    assert not redis.exists(SweepKeys(sweep_id).shares)


def test_the_number_of_links_is_limited(http: httpx.Client, sweep_id: str) -> None:
    for _ in range(MAX_SHARES):
        share(http, sweep_id)
    refused = http.post(f"/sweeps/{sweep_id}/shares", json={}, headers=bearer("alice"))
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/key-conflict")


def test_links_can_be_switched_off(http: httpx.Client, sweep_id: str, serve: Serve) -> None:
    headers = token(share(http, sweep_id)["token"])
    without = serve(api_keys=CLASS, shares=False)
    assert without.get(f"/sweeps/{sweep_id}", headers=headers).status_code == 401
    refused = without.post(f"/sweeps/{sweep_id}/shares", json={}, headers=bearer("alice"))
    assert (refused.status_code, "switched off" in refused.json()["detail"]) == (409, True)


def test_a_service_without_keys_has_no_links(serve: Serve, redis: Redis) -> None:
    http = serve()
    sweep_id = http.post("/sweeps", json=ONE).raise_for_status().json()["id"]
    assert http.post(f"/sweeps/{sweep_id}/shares", json={}).status_code == 409
