from collections.abc import Iterator

import httpx
import pytest

from api.errors import PROBLEM_TYPES
from api.http.validation import MAX_SUGGESTIONS
from noisesweep.local.launcher import free_port
from shared.settings import Settings
from tests.support.api import ApiThread
from tests.support.old_redis import OldRedisDouble
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until


@pytest.fixture
def restartable_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"), free_port())
    yield server
    server.close()


@pytest.fixture
def http_of_restartable_redis(restartable_redis: RedisServer) -> Iterator[httpx.Client]:
    served = ApiThread(Settings(redis_url=restartable_redis.url))
    yield served.http
    served.close()


def test_unknown_sweep_returns_a_problem_document(http: httpx.Client) -> None:
    response = http.get("/sweeps/nonsense")
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json() == {
        "type": "/problems/not-found",
        "title": "Not found",
        "status": 404,
        "detail": 'No sweep has the id "nonsense": an id is 16 hexadecimal digits.',
        "instance": "/sweeps/nonsense",
    }


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("DELETE", "/sweeps", 405)])
def test_unknown_path_or_method_returns_a_problem_document(
    http: httpx.Client, method: str, path: str, status: int
) -> None:
    response = http.request(method, path)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["status"] == status


@pytest.mark.parametrize(
    ("path", "allowed"), [("/sweeps", "GET, HEAD, POST"), (f"/sweeps/{'a' * 16}", "DELETE, GET, HEAD, PATCH")]
)
def test_405_lists_all_allowed_methods(http: httpx.Client, path: str, allowed: str) -> None:
    response = http.put(path)
    assert response.status_code == 405
    assert response.headers["Allow"] == allowed


def test_every_problem_type_has_a_page(http: httpx.Client) -> None:
    listed = http.get("/problems").text
    for problem_type in PROBLEM_TYPES.values():
        page = http.get(problem_type.path)
        assert page.status_code == 200
        assert page.headers["Content-Type"].startswith("text/html")
        assert problem_type.title in page.text
        assert str(problem_type.status.value) in page.text
        assert problem_type.path in listed
    unknown = http.get("/problems/nonsense")
    assert unknown.status_code == 404
    assert unknown.json()["type"] == "/problems/not-found"


def test_all_invalid_fields_are_listed_with_received_values(http: httpx.Client) -> None:
    response = http.post("/sweeps", json={"scales": [-1], "epochs": "many", "dropouts": 0.2})
    received = {error["pointer"]: error["received"] for error in response.json()["errors"]}
    assert received == {"#/scales/0": -1, "#/epochs": "many", "#/dropouts": 0.2}


def test_long_received_value_is_truncated(http: httpx.Client) -> None:
    response = http.post("/sweeps", json={"scales": ["x" * 10_000]})
    assert len(response.content) < 1000


def test_loopback_api_rejects_other_hosts(http: httpx.Client) -> None:
    assert http.get("/queue", headers={"Host": "localhost:8000"}).status_code == 200
    assert http.get("/queue", headers={"Host": "evil.example"}).status_code == 400


def test_api_returns_503_until_redis_is_back(
    restartable_redis: RedisServer, http_of_restartable_redis: httpx.Client
) -> None:
    http = http_of_restartable_redis
    assert http.post("/sweeps", json={"scales": [1]}).status_code == 202  # opens every connection once
    restartable_redis.stop()
    for response in (http.get("/readyz"), http.get("/sweeps"), http.post("/sweeps", json={"scales": [1]})):
        assert response.status_code == 503
        assert int(response.headers["Retry-After"]) > 0
        assert response.headers["Content-Type"] == "application/problem+json"
        assert "127.0.0.1" not in response.text  # the address of the store is not revealed
    assert http.get("/healthz").status_code == 200
    restartable_redis.start()
    wait_until(lambda: http.get("/readyz").status_code == 200)
    assert http.post("/sweeps", json={"scales": [1]}).status_code == 202


def test_store_that_becomes_too_old_is_reported_as_the_cause_until_it_is_upgraded(redis_server: RedisServer) -> None:
    old = OldRedisDouble(redis_server, major=None)
    served = ApiThread(Settings(redis_url=old.url))
    try:
        assert served.http.get("/readyz").is_success
        old.major = 6
        old.disconnect()
        body = {"scales": [0.1]}
        for response in (
            served.http.get("/readyz"),
            served.http.get("/sweeps"),
            served.http.post("/sweeps", json=body),
        ):
            assert response.status_code == 503
            problem = response.json()
            assert problem["type"] == "/problems/store-unsupported"
            assert "expected Redis 7.0 or newer, or Valkey" in problem["detail"]
            assert served.http.get(problem["type"]).is_success
        old.major = None
        assert served.http.get("/readyz").is_success
        assert served.http.get("/sweeps").is_success
    finally:
        served.close()
        old.close()


def test_only_the_first_errors_suggest_a_field(http: httpx.Client) -> None:
    # A suggestion takes about a millisecond, and a body may have thousands of unknown fields.
    body = {"scales": [1]} | {f"epoch{number}": 1 for number in range(1000)}
    errors = http.post("/sweeps", json=body).json()["errors"]
    suggested = ["did you mean `epochs`?" in error["detail"] for error in errors]
    assert suggested == [True] * MAX_SUGGESTIONS + [False] * (1000 - MAX_SUGGESTIONS)
