"""The service while the content of its store is replaced, and its user may load the functions."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.settings import Settings
from shared.store.functions import LIBRARY, REVISION
from tests.support.api import ApiThread
from tests.support.fleet import TIMES
from tests.support.old_store import write_schema_1
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until
from tests.support.worker import Worker

SWEEP = {"scales": [0.1], "dataset": "digits", "epochs": 200, "batch_size": 8, "hidden_units": [64], "reuse": False}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    yield server
    server.close()


@pytest.fixture
def api(server: RedisServer) -> Iterator[ApiThread]:
    api = ApiThread(Settings(redis_url=server.url))
    yield api
    api.close()


@pytest.fixture
def worker(server: RedisServer, tmp_path: Path) -> Iterator[Worker]:
    environment = os.environ | TIMES | {"NOISESWEEP_REDIS_URL": server.url}
    worker = Worker(environment, tmp_path / "worker.log", processes=1)
    yield worker
    worker.close()


def test_service_continues_after_its_functions_were_deleted(
    server: RedisServer, api: ApiThread, worker: Worker
) -> None:
    sweep = api.http.post("/sweeps", json=SWEEP).raise_for_status().headers["Location"]

    def run() -> dict[str, int]:
        answer: dict[str, int] = api.http.get(sweep).raise_for_status().json()["runs"][0]
        return answer

    wait_until(lambda: run()["epochs_done"] > 0, seconds=60)
    for _ in range(5):
        server.client.function_flush()
        before = run()["epochs_done"]
        wait_until(lambda: run()["epochs_done"] > before, seconds=60)  # noqa: B023 - called at once
    assert run()["attempts"] == 1
    assert "lacks the functions" not in worker.log.read_text()


def test_older_functions_are_replaced_by_a_new_process(server: RedisServer, api: ApiThread) -> None:
    older = LIBRARY.replace(f"REVISION, SCHEMA = {REVISION},", f"REVISION, SCHEMA = {REVISION - 1},")
    server.client.function_load(older, replace=True)
    api.stop()
    api.start()
    assert api.http.get("/queue").is_success
    (stored,) = server.client.function_list(withcode=True)
    assert LIBRARY in stored


def test_sweeps_of_an_older_version_are_reported_until_the_store_is_replaced(
    server: RedisServer, api: ApiThread
) -> None:
    assert api.http.get("/queue").is_success
    write_schema_1(server.client)
    server.client.client_kill_filter(_type="normal", skipme=True)
    for response in (api.http.get("/readyz"), api.http.get("/sweeps"), api.http.post("/sweeps", json=SWEEP)):
        assert response.status_code == 503
        problem = response.json()
        assert problem["type"] == "/problems/older-sweeps"
        assert "Save their results with the older version" in problem["detail"]
        assert api.http.get(problem["type"]).is_success
    server.client.flushall()
    assert api.http.post("/sweeps", json=SWEEP).status_code == 202
