"""Idempotency keys: a repeated submission trains nothing twice."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from redis import Redis

from api.http.idempotency import IdempotencyRecord
from noisesweep.local.launcher import free_port
from shared.settings import Settings
from shared.store.keys import OPEN, QUEUE, idempotency
from tests.support.api import ApiThread
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until

TWO = {"scales": [0.1, 0.5]}
KEY = {"Idempotency-Key": "class 7b, attempt 1"}


@pytest.mark.parametrize(("path", "body"), [("/sweeps", TWO), ("/runs", {"scale": 0.5})])
def test_repeated_request_gets_the_same_answer(
    http: httpx.Client, redis: Redis, path: str, body: dict[str, object]
) -> None:
    first = http.post(path, json=body, headers=KEY)
    assert first.status_code == 202
    assert int(first.headers["Retry-After"]) > 0
    messages = redis.llen(QUEUE)
    http.post(f"{first.headers['Location']}/cancel")  # later changes do not affect the stored answer
    again = http.post(path, json=body, headers=KEY)
    assert (again.status_code, again.headers["Location"], again.content) == (
        202,
        first.headers["Location"],
        first.content,
    )
    assert redis.zcard(OPEN) == 1
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
    assert redis.zcard(OPEN) == 1


def test_field_order_and_defaults_do_not_change_the_request(http: httpx.Client) -> None:
    first = http.post("/sweeps", json={"scales": [0.1], "epochs": 20}, headers=KEY)
    again = http.post("/sweeps", json={"dataset": "mnist", "scales": [0.1]}, headers=KEY)
    assert again.content == first.content


def test_concurrent_requests_create_one_sweep(http: httpx.Client, redis: Redis) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: http.post("/sweeps", json=TWO, headers=KEY), range(8)))
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.content for answer in answers if answer.status_code == 202}) == 1
    assert redis.zcard(OPEN) == 1


def interrupted_submission(http: httpx.Client, redis: Redis) -> tuple[httpx.Response, IdempotencyRecord]:
    """Submit a sweep and remove its stored answer, as if the process had ended too early."""
    first = http.post("/sweeps", json=TWO, headers=KEY)
    name = idempotency("", KEY["Idempotency-Key"])
    known = IdempotencyRecord.model_validate_json(str(redis.get(name))).model_copy(update={"answer": None})
    redis.set(name, known.model_dump_json(), ex=86_400)
    return first, known


def test_interrupted_request_is_completed_after_the_timeout(http: httpx.Client, redis: Redis) -> None:
    first, known = interrupted_submission(http, redis)
    refused = http.post("/sweeps", json=TWO, headers=KEY)
    assert refused.status_code == 409
    assert refused.json()["type"] == "/problems/idempotency-key-in-use"
    redis.expire(idempotency("", KEY["Idempotency-Key"]), 86_400 - 31)
    finished = http.post("/sweeps", json=TWO, headers=KEY)
    assert finished.status_code == 202
    assert finished.headers["Location"] == first.headers["Location"] == f"/sweeps/{known.sweep_id}"
    assert redis.zcard(OPEN) == 1
    assert http.post("/sweeps", json=TWO, headers=KEY).content == finished.content


def test_rejected_request_may_be_repeated(settings: Settings, redis: Redis) -> None:
    served = ApiThread(settings.model_copy(update={"max_queued_runs": 2}))
    try:
        other = served.http.post("/sweeps", json=TWO).headers["Location"]
        assert served.http.post("/sweeps", json=TWO, headers=KEY).status_code == 429
        served.http.post(f"{other}/cancel")
        assert served.http.post("/sweeps", json=TWO, headers=KEY).status_code == 202
    finally:
        served.close()


@pytest.fixture
def durable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RedisServer, httpx.Client]]:
    store = RedisServer(tmp_path_factory.mktemp("redis"), free_port(), durable=True)
    served = ApiThread(Settings(redis_url=store.url))
    yield store, served.http
    served.close()
    store.close()


def test_idempotency_record_survives_a_redis_crash(
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
def test_key_returns_its_answer_after_the_sweep_is_deleted(
    http: httpx.Client, path: str, body: dict[str, object]
) -> None:
    first = http.post(path, json=body, headers={"Idempotency-Key": "a"})
    sweep = f"/sweeps/{first.json()['id'][:16]}"
    assert http.post(f"{sweep}/cancel").status_code == 202
    assert http.delete(sweep).status_code == 204
    again = http.post(path, json=body, headers={"Idempotency-Key": "a"})
    assert again.status_code == 202
    assert again.json() == first.json()
