"""API keys in the store: create, list, expire and revoke them while the service runs."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx
import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from api.keys.keyring import Keyring
from api.keys.store import MAX_KEYS
from noisesweep.models import hash_api_key
from shared.settings import Settings
from shared.store.keys import API_KEYS
from tests.support.api import ApiThread
from tests.support.keys import bearer, configured
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until

BOSS = bearer("boss")
ONE = {"scales": [0.5], "dataset": "digits", "epochs": 1}


@pytest.fixture(scope="module")
def apis(redis_server: RedisServer) -> Iterator[list[ApiThread]]:
    """Yield two APIs on one store."""
    settings = Settings(redis_url=redis_server.url, api_keys=configured("member", boss="admin", teacher="instructor"))
    served = [ApiThread(settings) for _ in range(2)]
    yield served
    for api in served:
        api.close()


@pytest.fixture
def http(apis: list[ApiThread], redis: Redis) -> httpx.Client:
    return apis[0].http


@pytest.fixture
def other(apis: list[ApiThread]) -> httpx.Client:
    return apis[1].http


def create(http: httpx.Client, name: str, **fields: object) -> str:
    answer = http.post("/keys", json={"name": name, **fields}, headers=BOSS)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["key"])


def key(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def status(http: httpx.Client, secret: str) -> int:
    return http.get("/whoami", headers=key(secret)).status_code


def test_a_new_key_works_in_every_process_and_has_its_role(http: httpx.Client, other: httpx.Client) -> None:
    secret = create(http, "alice", role="viewer")
    caller = http.get("/whoami", headers=key(secret)).json()
    assert (caller["name"], caller["role"]) == ("alice", "viewer")
    wait_until(lambda: status(other, secret) == 200)


def test_the_store_has_only_the_hash(http: httpx.Client, redis: Redis) -> None:
    secret = create(http, "alice")
    record = redis.hget(API_KEYS, "alice")
    assert json.loads(record or "")["sha256"] == hash_api_key(secret)
    assert secret not in str(record)


def test_a_revoked_key_stops_in_every_process_and_its_sweep_remains(http: httpx.Client, other: httpx.Client) -> None:
    secret = create(http, "alice")
    wait_until(lambda: status(other, secret) == 200)
    sweep = other.post("/sweeps", json=ONE, headers=key(secret)).json()
    assert http.delete("/keys/alice", headers=BOSS).status_code == 204
    assert status(http, secret) == 401
    wait_until(lambda: status(other, secret) == 401)
    assert http.get(sweep["links"]["self"], headers=BOSS).json()["submitter"] == "alice"


def test_an_open_stream_ends_when_its_key_is_revoked(http: httpx.Client, other: httpx.Client) -> None:
    secret = create(http, "alice")
    wait_until(lambda: status(other, secret) == 200)
    sweep_id = other.post("/sweeps", json=ONE, headers=key(secret)).json()["id"]
    opened = threading.Event()
    lines: list[str] = []

    def follow() -> None:
        with other.stream("GET", f"/sweeps/{sweep_id}/events", headers=key(secret)) as answer:
            opened.set()
            lines.extend(answer.iter_lines())

    reader = threading.Thread(target=follow)
    reader.start()
    opened.wait()
    http.delete("/keys/alice", headers=BOSS)
    reader.join(timeout=30)
    assert not reader.is_alive()
    assert "event: closing" in lines


def test_a_replaced_key_has_the_same_sweeps(http: httpx.Client) -> None:
    lost = create(http, "alice")
    sweep = http.post("/sweeps", json=ONE, headers=key(lost)).json()["links"]["self"]
    http.delete("/keys/alice", headers=BOSS)
    replaced = create(http, "alice")
    assert status(http, lost) == 401
    assert http.post(f"{sweep}/cancel", headers=key(replaced)).status_code == 202


def test_an_expired_key_is_refused_with_the_reason(http: httpx.Client, redis: Redis) -> None:
    secret = create(http, "alice", expires_at=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    assert status(http, secret) == 200
    record = json.loads(redis.hget(API_KEYS, "alice") or "")
    redis.hset(API_KEYS, "alice", json.dumps(record | {"expires_at": "2026-01-01T00:00:00Z"}))
    wait_until(lambda: status(http, secret) == 401)
    assert "expired" in http.get("/whoami", headers=key(secret)).json()["detail"]


def test_the_list_has_all_keys_without_their_hashes(http: httpx.Client) -> None:
    secret = create(http, "alice")
    http.get("/queue", headers=key(secret))
    for name in ("boss", "teacher"):
        answer = http.get("/keys", headers=bearer(name))
        assert hash_api_key(secret) not in answer.text
    keys = {each["name"]: each for each in answer.json()["keys"]}
    assert list(keys) == ["alice", "boss", "member", "teacher"]
    assert (keys["alice"]["prefix"], keys["alice"]["created_by"]) == (secret[:8], "boss")
    assert datetime.fromisoformat(keys["alice"]["last_used_at"]) > datetime.now(UTC) - timedelta(minutes=1)
    assert (keys["member"]["prefix"], keys["member"]["last_used_at"]) == (None, None)


@pytest.mark.parametrize("name", ["member", "teacher"])
@pytest.mark.parametrize("change", [
    lambda http, headers: http.post("/keys", json={"name": "eve"}, headers=headers),
    lambda http, headers: http.delete("/keys/boss", headers=headers),
])  # fmt: skip
def test_only_administrators_create_and_revoke_keys(
    http: httpx.Client, redis: Redis, name: str, change: Callable[[httpx.Client, dict[str, str]], httpx.Response]
) -> None:
    refused = change(http, bearer(name))
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/not-allowed")
    assert "admin" in refused.json()["detail"]
    assert redis.hlen(API_KEYS) == 0


def test_members_do_not_list_keys(http: httpx.Client) -> None:
    assert http.get("/keys", headers=bearer("member")).status_code == 403


@pytest.mark.parametrize(("name", "reason"), [("alice", "revoke it"), ("boss", "NOISESWEEP_API_KEYS")])
def test_a_taken_name_is_refused(http: httpx.Client, name: str, reason: str) -> None:
    create(http, "alice")
    refused = http.post("/keys", json={"name": name}, headers=BOSS)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/key-conflict")
    assert reason in refused.json()["detail"]


@pytest.mark.parametrize("body", [
    {"name": ""}, {"name": "a b"}, {"name": "x" * 33}, {"name": "a:b"}, {"name": ".."}, {},
    {"name": "ok", "role": "king"},
    {"name": "ok", "expires_at": "2099-01-01T00:00:00"}, {"name": "ok", "expires_at": "2020-01-01T00:00:00Z"},
    {"name": "ok", "key": "ns_mine"},
])  # fmt: skip
def test_an_invalid_key_request_creates_nothing(http: httpx.Client, redis: Redis, body: dict[str, object]) -> None:
    assert http.post("/keys", json=body, headers=BOSS).status_code == 422
    assert redis.hlen(API_KEYS) == 0


def test_a_time_that_is_not_valid_unicode_is_refused(http: httpx.Client) -> None:
    body = b'{"name": "ok", "expires_at": "\\ud800"}'
    answer = http.post("/keys", content=body, headers=BOSS | {"Content-Type": "application/json"})
    assert answer.status_code == 422


def test_revoking_an_unknown_or_configured_key_is_refused(http: httpx.Client) -> None:
    assert http.delete("/keys/nobody", headers=BOSS).status_code == 404
    assert http.delete("/keys/member", headers=BOSS).status_code == 409


def test_the_number_of_keys_is_limited(http: httpx.Client, redis: Redis) -> None:
    record = json.dumps({
        "name": "x", "role": "member", "sha256": "", "prefix": "", "created_at": "2026-01-01T00:00:00Z",
        "created_by": "boss", "expires_at": None,
    })  # fmt: skip
    redis.hset(API_KEYS, mapping={f"k{number}": record.replace('"x"', f'"k{number}"') for number in range(MAX_KEYS)})
    assert http.post("/keys", json={"name": "one-more"}, headers=BOSS).status_code == 409


def test_a_configured_key_precedes_a_stored_key_of_its_name(http: httpx.Client, redis: Redis) -> None:
    lost = create(http, "alice", role="admin")
    record = json.loads(redis.hget(API_KEYS, "alice") or "")
    redis.hset(API_KEYS, "boss", json.dumps(record | {"name": "boss"}))
    redis.hdel(API_KEYS, "alice")
    wait_until(lambda: status(http, lost) == 401)
    assert http.get("/whoami", headers=BOSS).json()["role"] == "admin"


def test_a_record_that_cannot_be_read_hides_no_other_key(http: httpx.Client, redis: Redis) -> None:
    secret = create(http, "alice")
    redis.hset(API_KEYS, "broken", "{")
    wait_until(lambda: http.get("/keys", headers=BOSS).status_code == 200)
    assert status(http, secret) == 200


def test_a_service_without_keys_creates_none(redis: Redis, settings: Settings) -> None:
    served = ApiThread(settings)
    try:
        refused = served.http.post("/keys", json={"name": "alice"})
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/key-conflict")
        assert "NOISESWEEP_API_KEYS" in refused.json()["detail"]
        caller = served.http.get("/whoami").json()
        assert (caller["name"], caller["role"]) == ("", "admin")
        assert served.http.get("/keys").json() == {"keys": []}
    finally:
        served.close()


def test_requests_share_one_failing_read_of_the_keys(settings: Settings) -> None:
    class Hanging:
        reads = 0

        async def hgetall(self, _name: str) -> dict[str, str]:
            self.reads += 1
            await asyncio.sleep(0.05)
            raise RedisConnectionError

    async def count() -> int:
        store = Hanging()
        keyring = Keyring(cast("Any", store), settings)
        results = await asyncio.gather(*(keyring.find("ns_x") for _ in range(50)), return_exceptions=True)
        assert {type(result) for result in results} == {RedisConnectionError}
        return store.reads

    assert asyncio.run(count()) == 1
