from collections.abc import Iterator

import httpx
import pytest

from api.errors import PROBLEM_TYPES
from noisesweep.local.launcher import free_port
from shared.settings import Settings
from tests.support.api import Served
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until


@pytest.fixture
def restartable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"), free_port())
    yield server
    server.close()


@pytest.fixture
def http_of_restartable(restartable: RedisServer) -> Iterator[httpx.Client]:
    served = Served(Settings(redis_url=restartable.url))
    yield served.http
    served.close()


def test_a_problem_document_says_what_where_and_why(http: httpx.Client) -> None:
    response = http.get("/sweeps/nonsense")
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json() == {
        "type": "/problems/not-found",
        "title": "There is nothing at this address",
        "status": 404,
        "detail": 'No sweep has the id "nonsense": an id is 16 hexadecimal digits.',
        "instance": "/sweeps/nonsense",
    }


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("DELETE", "/sweeps", 405)])
def test_what_is_not_served_is_a_problem_document_too(http: httpx.Client, method: str, path: str, status: int) -> None:
    response = http.request(method, path)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["status"] == status


@pytest.mark.parametrize(("path", "allowed"), [("/sweeps", "GET, POST"), (f"/sweeps/{'a' * 16}", "DELETE, GET")])
def test_a_method_that_is_not_allowed_is_told_all_that_are(http: httpx.Client, path: str, allowed: str) -> None:
    response = http.put(path)
    assert response.status_code == 405
    assert response.headers["Allow"] == allowed


def test_every_kind_of_problem_is_explained_where_its_type_points(http: httpx.Client) -> None:
    listed = http.get("/problems").text
    for problem_type in PROBLEM_TYPES.values():
        page = http.get(problem_type.address)
        assert page.status_code == 200
        assert page.headers["Content-Type"].startswith("text/html")
        assert problem_type.title in page.text
        assert str(problem_type.status.value) in page.text
        assert problem_type.address in listed
    unknown = http.get("/problems/nonsense")
    assert unknown.status_code == 404
    assert unknown.json()["type"] == "/problems/not-found"


def test_every_wrong_field_is_named_at_once_with_what_came(http: httpx.Client) -> None:
    response = http.post("/sweeps", json={"scales": [-1], "epochs": "many", "dropouts": 0.2})
    received = {error["pointer"]: error["received"] for error in response.json()["errors"]}
    assert received == {"#/scales/0": -1, "#/epochs": "many", "#/dropouts": 0.2}


def test_what_came_is_cut_short_where_it_is_long(http: httpx.Client) -> None:
    response = http.post("/sweeps", json={"scales": ["x" * 10_000]})
    assert len(response.content) < 1000


def test_a_loopback_api_answers_to_names_of_loopback_alone(http: httpx.Client) -> None:
    assert http.get("/queue", headers={"Host": "localhost:8000"}).status_code == 200
    assert http.get("/queue", headers={"Host": "evil.example"}).status_code == 400


def test_without_the_store_requests_get_503_and_the_api_comes_back_by_itself(
    restartable: RedisServer, http_of_restartable: httpx.Client
) -> None:
    http = http_of_restartable
    assert http.post("/sweeps", json={"scales": [1]}).status_code == 202  # every connection has been made once
    restartable.stop()
    for response in (http.get("/readyz"), http.get("/sweeps"), http.post("/sweeps", json={"scales": [1]})):
        assert response.status_code == 503
        assert int(response.headers["Retry-After"]) > 0
        assert response.headers["Content-Type"] == "application/problem+json"
        assert "127.0.0.1" not in response.text  # where the store is, is nobody's business
    assert http.get("/healthz").status_code == 200
    restartable.start()
    wait_until(lambda: http.get("/readyz").status_code == 200)
    assert http.post("/sweeps", json={"scales": [1]}).status_code == 202
