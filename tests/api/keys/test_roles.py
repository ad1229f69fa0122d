"""Roles: what each API key sees and changes."""

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from redis import Redis

from api.keys.access import Access
from api.keys.errors import NotAllowedError
from noisesweep.models import Caller, Role, SweepRequest, WorkerProfile
from shared.settings import Settings, Visibility
from shared.store.keys import SweepKeys
from tests.support.api import ApiThread
from tests.support.keys import CLASS, bearer
from tests.support.own_data import bars, npz
from tests.support.redis_server import RedisServer
from tests.support.stored_sweeps import Sweeps

ONE = {"scales": [0.5], "dataset": "digits", "epochs": 1}
PROFILE = WorkerProfile(
    name="w",
    host="here",
    version="1",
    device="cpu",
    device_reason="none",
    processes=1,
    stack=1,
    started_at=datetime(2026, 1, 1, tzinfo=UTC),
).model_dump_json()
CHANGES = (
    ("POST", "/sweeps/{id}/cancel", None),
    ("POST", "/sweeps/{id}/retry", None),
    ("POST", "/sweeps/{id}/runs", {"scales": [0.9]}),
    ("POST", "/runs/{id}-0/cancel", None),
    ("PATCH", "/sweeps/{id}", {"name": "week 4"}),
    ("DELETE", "/sweeps/{id}", None),
)
READS = (
    "/sweeps/{id}", "/sweeps/{id}/plot", "/sweeps/{id}/results", "/sweeps/{id}/summary", "/sweeps/{id}/events",
    "/runs/{id}-0", "/runs/{id}-0/plot", "/runs/{id}-0/events", "/runs/{id}-0/model",
    "/compare?sweep={id}&sweep={id}", "/plots/compare?sweep={id}", "/transfer?sweep={id}&sweep={id}",
)  # fmt: skip


@pytest.fixture(scope="module")
def private_api(redis_server: RedisServer) -> Iterator[ApiThread]:
    """Yield an API whose members see their own sweeps."""
    served = ApiThread(Settings(redis_url=redis_server.url, api_keys=CLASS, visibility=Visibility.OWN))
    yield served
    served.close()


@pytest.fixture
def private(private_api: ApiThread, redis: Redis) -> httpx.Client:
    return private_api.http


def submit(http: httpx.Client, name: str) -> str:
    answer = http.post("/sweeps", json=ONE, headers=bearer(name))
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
@pytest.mark.parametrize("name", ["bob", "guest"])
def test_another_keys_sweep_cannot_be_changed(
    http: httpx.Client, name: str, method: str, path: str, body: dict[str, object] | None
) -> None:
    sweep_id = submit(http, "alice")
    before = http.get(f"/sweeps/{sweep_id}", headers=bearer("alice")).json()
    refused = http.request(method, path.format(id=sweep_id), json=body, headers=bearer(name))
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/not-allowed")
    assert http.get(f"/sweeps/{sweep_id}", headers=bearer("alice")).json() == before


@pytest.mark.parametrize("name", ["alice", "teacher", "boss"])
def test_submitters_instructors_and_administrators_change_a_sweep(http: httpx.Client, name: str) -> None:
    sweep_id = submit(http, "alice")
    statuses = [
        http.request(method, path.format(id=sweep_id), json=body, headers=bearer(name)).status_code
        for method, path, body in CHANGES
        if "/runs/" not in path and not path.endswith("/runs")
    ]
    assert statuses == [202, 202, 200, 409]  # cancelled, retried, renamed, and not deleted because it is open


def test_sweeps_submitted_without_keys_are_changed_by_instructors_only(http: httpx.Client, redis: Redis) -> None:
    sweep_id = Sweeps(redis).create(SweepRequest(scales=[0.1], epochs=1, dataset="digits"))
    assert http.post(f"/sweeps/{sweep_id}/cancel", headers=bearer("alice")).status_code == 403
    assert http.post(f"/sweeps/{sweep_id}/cancel", headers=bearer("teacher")).status_code == 202


@pytest.mark.parametrize(("path", "body"), [
    ("/sweeps", ONE), ("/runs", {"scale": 1}), ("/sweeps?dry_run=true", ONE), ("/sweeps/{id}/fresh-noise", None),
])  # fmt: skip
def test_a_viewer_cannot_submit(http: httpx.Client, path: str, body: dict[str, object] | None) -> None:
    sweep_id = submit(http, "alice")
    assert http.post(path.format(id=sweep_id), json=body, headers=bearer("guest")).status_code == 403
    assert len(http.get("/sweeps", headers=bearer("guest")).json()["sweeps"]) == 1


def test_data_sets_are_deleted_by_the_key_that_added_them_and_by_instructors(http: httpx.Client) -> None:
    def change(method: str, name: str, dataset: str) -> int:
        content = npz(bars(training=20 + len(dataset))) if method == "POST" else None
        headers = bearer(name) | {"Content-Type": "application/zip"}
        path = f"/datasets?name={dataset}" if method == "POST" else f"/datasets/{dataset}"
        return http.request(method, path, content=content, headers=headers).status_code

    assert [change("POST", "alice", name) for name in ("a", "bb")] == [201, 201]
    assert change("POST", "guest", "ccc") == 403
    assert [change("DELETE", name, "a") for name in ("bob", "guest", "alice")] == [403, 403, 204]
    assert change("DELETE", "teacher", "bb") == 204
    assert [change("DELETE", "bob", name) for name in ("a", "digits")] == [404, 409]


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("name", ["bob", "guest"])
def test_what_a_key_may_not_see_does_not_exist(private: httpx.Client, name: str, path: str) -> None:
    sweep_id = submit(private, "alice")
    answer = private.get(path.format(id=sweep_id), headers=bearer(name))
    other = private.get(path.format(id="0123456789abcdef"), headers=bearer(name))
    assert (answer.status_code, other.status_code) == (404, 404)
    assert answer.json()["detail"].replace(sweep_id, "0123456789abcdef") == other.json()["detail"]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_changes_of_an_invisible_sweep_are_answered_as_if_it_did_not_exist(
    private: httpx.Client, method: str, path: str, body: dict[str, object] | None
) -> None:
    sweep_id = submit(private, "alice")
    for headers in ({}, {"If-Match": '"1"'}):
        answer = private.request(method, path.format(id=sweep_id), json=body, headers=bearer("bob") | headers)
        assert answer.status_code == 404, answer.text


def test_an_etag_does_not_reveal_an_invisible_sweep(private: httpx.Client) -> None:
    path = f"/sweeps/{submit(private, 'alice')}"
    etag = private.get(path, headers=bearer("alice")).headers["ETag"]
    assert private.get(path, headers=bearer("alice") | {"If-None-Match": etag}).status_code == 304
    assert private.get(path, headers=bearer("bob") | {"If-None-Match": etag}).status_code == 404


def test_the_list_contains_what_a_key_sees(private: httpx.Client, http: httpx.Client) -> None:
    submitted = {name: submit(private, name) for name in ("alice", "bob", "teacher")}

    def listed(client: httpx.Client, name: str, query: str = "") -> set[str]:
        return {sweep["submitter"] for sweep in client.get(f"/sweeps{query}", headers=bearer(name)).json()["sweeps"]}

    assert [listed(private, name) for name in ("alice", "bob", "guest")] == [{"alice"}, {"bob"}, set()]
    assert listed(private, "teacher") == listed(private, "boss") == listed(http, "guest") == set(submitted)
    assert listed(http, "alice", "?submitter=bob") == {"bob"}
    assert listed(private, "alice", "?submitter=bob") == set()


def test_a_class_consists_of_what_a_key_sees(private: httpx.Client) -> None:
    for name in ("alice", "bob"):
        private.post("/sweeps", json=ONE | {"tags": {"course": "ml"}}, headers=bearer(name)).raise_for_status()

    def members(name: str) -> list[str]:
        found = private.get("/class?tag=course:ml", headers=bearer(name)).json()
        return [member["name"] for member in found["members"]]

    assert [members(name) for name in ("alice", "guest", "teacher")] == [["alice"], [], ["alice", "bob"]]


def test_workers_list_only_runs_that_a_key_sees(private: httpx.Client, redis: Redis) -> None:
    sweep_id = submit(private, "alice")
    redis.zadd("ns:workers", {"w": 9e15})
    redis.set("ns:worker:w", PROFILE)
    redis.zadd("ns:2:leases", {f"{sweep_id}-0": 9e15})
    redis.hset(SweepKeys(sweep_id).run(0), "worker", "w")
    seen = {
        name: private.get("/workers", headers=bearer(name)).json()["workers"][0]["current_runs"]
        for name in ("alice", "bob", "teacher")
    }
    assert seen == {"alice": [f"{sweep_id}-0"], "bob": [], "teacher": [f"{sweep_id}-0"]}


@pytest.mark.parametrize(("name", "role"), [("alice", "member"), ("boss", "admin"), ("guest", "viewer")])
def test_whoami_names_the_key_and_its_role(http: httpx.Client, name: str, role: str) -> None:
    assert http.get("/whoami", headers=bearer(name)).json() == {
        "name": name,
        "role": role,
        "only_sweep": None,
        "only_dataset": None,
    }


def test_permissions_without_keys() -> None:
    caller = Caller(name="", role=Role.ADMIN)
    access = Access(caller, Visibility.OWN)
    assert access.may_see("5f0c6a1e9b3d2748", "alice")
    assert access.may_see("5f0c6a1e9b3d2748", None)
    access.check_change(None)


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
def test_a_key_with_an_empty_name_owns_nothing(role: Role) -> None:
    access = Access(Caller(name="", role=role), Visibility.OWN)
    assert not access.may_see("5f0c6a1e9b3d2748", None)
    with pytest.raises(NotAllowedError):
        access.check_change(None)
