"""Idempotency keys: a repeated submission trains nothing twice."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import httpx
import pytest
from redis import Redis

from noisesweep.local.launcher import free_port
from shared.settings import Settings
from shared.store.keys import QUEUE, SWEEPS
from tests.support.api import ApiThread
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until

TWO = {"scales": [0.1, 0.5]}
OTHER = {"scales": [0.7]}
KEY = {"Idempotency-Key": "class 7b, attempt 1"}


@pytest.mark.parametrize(("path", "body"), [("/sweeps", TWO), ("/runs", {"scale": 0.5})])
def test_repeated_request_gets_the_same_sweep(
    http: httpx.Client, redis: Redis, path: str, body: dict[str, object]
) -> None:
    first = http.post(path, json=body, headers=KEY)
    assert first.status_code == 202
    assert int(first.headers["Retry-After"]) > 0
    messages = redis.llen(QUEUE)
    again = http.post(path, json=body, headers=KEY)
    assert (again.status_code, again.headers["Location"]) == (202, first.headers["Location"])
    assert again.content == first.content
    http.post(f"{first.headers['Location']}/cancel")
    assert http.post(path, json=body, headers=KEY).json()["status"] == "cancelled"
    assert redis.zcard(SWEEPS) == 1
    assert redis.llen(QUEUE) == messages


def test_missing_or_different_keys_create_separate_sweeps(http: httpx.Client) -> None:
    answers = [
        http.post("/sweeps", json=TWO, headers=headers)
        for headers in ({}, {}, {"Idempotency-Key": "1"}, {"Idempotency-Key": "2"})
    ]
    assert len({answer.headers["Location"] for answer in answers}) == 4


@pytest.mark.parametrize(
    ("path", "body"), [("/sweeps", {"scales": [0.1]}), ("/sweeps", TWO | {"epochs": 3}), ("/runs", {"scale": 0.1})]
)
def test_key_reused_for_another_request_is_rejected(
    http: httpx.Client, redis: Redis, path: str, body: dict[str, object]
) -> None:
    http.post("/sweeps", json=TWO, headers=KEY)
    refused = http.post(path, json=body, headers=KEY)
    assert refused.status_code == 422
    assert refused.json()["type"] == "/problems/idempotency-key-reused"
    assert redis.zcard(SWEEPS) == 1


def test_field_order_and_defaults_do_not_change_the_request(http: httpx.Client) -> None:
    first = http.post("/sweeps", json={"scales": [0.1], "epochs": 20}, headers=KEY)
    again = http.post("/sweeps", json={"dataset": "mnist", "scales": [0.1]}, headers=KEY)
    assert again.content == first.content


def test_concurrent_requests_create_one_sweep(http: httpx.Client, redis: Redis) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: http.post("/sweeps", json=TWO, headers=KEY), range(8)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert redis.zcard(SWEEPS) == 1


def test_of_concurrent_different_requests_one_gets_the_key(http: httpx.Client, redis: Redis) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda body: http.post("/sweeps", json=body, headers=KEY), [TWO, OTHER] * 4))
    assert Counter(answer.status_code for answer in answers) == {202: 4, 422: 4}
    assert len({answer.content for answer in answers if answer.status_code == 202}) == 1
    assert redis.zcard(SWEEPS) == 1


@pytest.fixture
def small_queue(settings: Settings, redis: Redis) -> Iterator[httpx.Client]:
    """Yield a client of a service whose queue has room for two runs."""
    served = ApiThread(settings.model_copy(update={"max_queued_runs": 2}))
    yield served.http
    served.close()


@pytest.mark.parametrize("body", [TWO, OTHER])
def test_refused_request_does_not_bind_its_key(
    small_queue: httpx.Client, redis: Redis, body: dict[str, object]
) -> None:
    blocking = small_queue.post("/sweeps", json=TWO).headers["Location"]
    assert small_queue.post("/sweeps", json=TWO, headers=KEY).status_code == 429
    assert small_queue.post("/sweeps", json={"scales": [1, 2, 3]}, headers=KEY).status_code == 422
    small_queue.post(f"{blocking}/cancel")
    accepted = small_queue.post("/sweeps", json=body, headers=KEY)
    assert accepted.status_code == 202
    assert small_queue.post("/sweeps", json=body, headers=KEY).content == accepted.content
    assert redis.zcard(SWEEPS) == 2


def test_stored_sweep_needs_no_room_when_its_request_is_repeated(small_queue: httpx.Client, redis: Redis) -> None:
    first = small_queue.post("/sweeps", json=TWO, headers=KEY)
    again = small_queue.post("/sweeps", json=TWO, headers=KEY)
    assert (again.status_code, again.headers["Location"]) == (202, first.headers["Location"])


@pytest.mark.parametrize("body", [TWO, OTHER])
def test_request_to_a_full_store_does_not_bind_its_key(
    http: httpx.Client, redis: Redis, body: dict[str, object]
) -> None:
    blocking = http.post("/sweeps", json=TWO, headers={"Idempotency-Key": "other"})
    redis.config_set("maxmemory", 1)
    try:
        assert http.post("/sweeps", json=TWO, headers=KEY).status_code == 507
        again = http.post("/sweeps", json=TWO, headers={"Idempotency-Key": "other"})
        assert again.content == blocking.content
        refused = http.post("/sweeps", json=OTHER, headers={"Idempotency-Key": "other"})
        assert refused.json()["type"] == "/problems/idempotency-key-reused"
    finally:
        redis.config_set("maxmemory", 0)
    assert http.post("/sweeps", json=body, headers=KEY).status_code == 202


@pytest.mark.parametrize("suffix", ["runs", "cancel", "retry"])
def test_key_of_a_request_that_is_no_submission_stays_free(http: httpx.Client, suffix: str) -> None:
    sweep = http.post("/sweeps", json=TWO).headers["Location"]
    if suffix == "retry":
        http.post(f"{sweep}/cancel")
    body = {"scales": [3]} if suffix == "runs" else None
    assert http.post(f"{sweep}/{suffix}", json=body, headers=KEY).status_code == 202
    assert http.post("/sweeps", json=OTHER, headers=KEY).status_code == 202


@pytest.mark.parametrize(
    ("refused", "status"),
    [
        ({"json": {"scales": [-1]}}, 422),
        ({"json": {"scales": [1], "dataset": "cifar10"}}, 422),
        ({"json": TWO, "params": {"unknown": 1}}, 422),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 422),
        ({"content": b"{}", "headers": {"Content-Type": "text/plain"}}, 415),
        ({"json": {"scales": [1], "name": "x" * 2_000_000}}, 413),
        ({"json": TWO, "params": {"dry_run": True}}, 200),
    ],
)
def test_request_that_stores_nothing_does_not_bind_its_key(
    http: httpx.Client, redis: Redis, refused: dict[str, Any], status: int
) -> None:
    answer = http.post("/sweeps", **(refused | {"headers": KEY | refused.get("headers", {})}))
    assert answer.status_code == status
    assert http.post("/sweeps", json=OTHER, headers=KEY).status_code == 202
    assert redis.zcard(SWEEPS) == 1


def test_key_of_a_client_that_disconnects_is_bound_to_what_was_stored(
    served: ApiThread, http: httpx.Client, redis: Redis
) -> None:
    body = json.dumps(TWO)
    head = "POST /sweeps HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    head += f"Idempotency-Key: {KEY['Idempotency-Key']}\r\nContent-Length: {len(body)}\r\n\r\n"
    with served.connect() as client:
        client.sendall(f"{head}{body[:-1]}".encode())  # an incomplete body stores nothing
    assert http.get("/readyz").status_code == 200
    assert redis.zcard(SWEEPS) == 0
    with served.connect() as client:
        client.sendall(f"{head}{body}".encode())
        wait_until(lambda: redis.zcard(SWEEPS) == 1)
    assert http.post("/sweeps", json=TWO, headers=KEY).status_code == 202
    assert http.post("/sweeps", json=OTHER, headers=KEY).json()["type"] == "/problems/idempotency-key-reused"
    assert redis.zcard(SWEEPS) == 1


@pytest.fixture
def durable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RedisServer, httpx.Client]]:
    store = RedisServer(tmp_path_factory.mktemp("redis"), free_port(), durable=True)
    served = ApiThread(Settings(redis_url=store.url))
    yield store, served.http
    served.close()
    store.close()


def test_key_survives_a_crash_of_redis(
    durable: tuple[RedisServer, httpx.Client],
) -> None:
    store, http = durable
    first = http.post("/sweeps", json=TWO, headers=KEY)
    store.kill()
    assert http.post("/sweeps", json=TWO, headers=KEY).status_code == 503
    store.start()
    wait_until(lambda: http.get("/readyz").status_code == 200)
    assert http.post("/sweeps", json=TWO, headers=KEY).content == first.content


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_key_length_is_1_to_255_characters(http: httpx.Client, key: str) -> None:
    assert http.post("/sweeps", json=TWO, headers={"Idempotency-Key": key}).status_code == 422


@pytest.mark.parametrize(("path", "body"), [("/sweeps", TWO), ("/runs", {"scale": 0.1})])
def test_key_is_free_after_its_sweep_is_deleted(
    http: httpx.Client, redis: Redis, path: str, body: dict[str, object]
) -> None:
    first = http.post(path, json=body, headers=KEY)
    sweep = f"/sweeps/{first.json()['id'][:16]}"
    http.post(f"{sweep}/cancel").raise_for_status()
    http.delete(sweep).raise_for_status()
    assert http.post("/sweeps", json=OTHER, headers=KEY).json()["scales"] == OTHER["scales"]
    assert redis.zcard(SWEEPS) == 1


def test_submission_leaves_nothing_in_the_store_after_its_deletion(http: httpx.Client, redis: Redis) -> None:
    def keys_after(number: int) -> set[str]:
        sweep = http.post("/sweeps", json=TWO, headers={"Idempotency-Key": str(number)}).headers["Location"]
        http.post(f"{sweep}/cancel").raise_for_status()
        http.delete(sweep).raise_for_status()
        return set(cast("list[str]", redis.keys("*")))

    assert keys_after(1) == keys_after(2)
