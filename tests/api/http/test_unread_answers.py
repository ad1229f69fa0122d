"""Answers that the client reads slowly or not at all."""

import socket
import time
from collections.abc import Callable
from contextlib import closing

import httpx
import pytest

from api.limits import Limits
from api.sweeps.measurements import MODEL_PIECE_BYTES
from shared.settings import Settings
from tests.support.api import ApiThread
from tests.support.keys import configured
from tests.support.training import Training
from tests.support.waiting import wait_until

MODEL = b"model" * 4_000_000  # larger than the buffers of the operating system
Serve = Callable[[Limits], httpx.Client]


# Requests until the other answers wait for their clients.
ATTEMPTS = 100


def model_path(http: httpx.Client, training: Training) -> str:
    run = http.post("/runs", json={"scale": 0.5, "keep_model": True}).json()
    training.epochs(f"/sweeps/{run['sweep_id']}", runs=1, epochs=1, end=True, model=MODEL)
    return f"{run['links']['self']}/model"


def request(http: httpx.Client, path: str, *headers: str) -> socket.socket:
    """Send a GET request on a connection with a small receive buffer. Return the connection when the answer starts."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    client.settimeout(30)
    client.connect((http.base_url.host, http.base_url.port))
    client.sendall("\r\n".join([f"GET {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode())
    client.recv(1, socket.MSG_PEEK)
    return client


def read(client: socket.socket, pause_seconds: float = 0.0) -> bytes:
    """Read until the server closes or resets the connection."""
    answer = bytearray()
    try:
        while received := client.recv(1_000_000):
            answer += received
            time.sleep(pause_seconds)
    except ConnectionResetError:
        pass
    return bytes(answer)


@pytest.mark.parametrize("header", ["Connection: keep-alive", "Connection: close"])
def test_client_that_does_not_read_is_disconnected(
    training: Training, serve_with_limits: Serve, caplog: pytest.LogCaptureFixture, header: str
) -> None:
    http = serve_with_limits(Limits(write_seconds=0.3))
    with request(http, model_path(http, training), header) as client:
        wait_until(lambda: "its client read nothing for 0.3 s" in caplog.text)
        assert len(read(client)) < len(MODEL)


def test_slow_client_gets_the_whole_answer(training: Training, serve_with_limits: Serve) -> None:
    http = serve_with_limits(Limits(write_seconds=1))
    with request(http, model_path(http, training), "Connection: close") as client:
        assert read(client, pause_seconds=0.01).endswith(MODEL)


def refusal(http: httpx.Client, path: str) -> httpx.Response:
    """Return the first answer that is refused. It may take a moment until the other answers wait for their clients."""
    for _ in range(ATTEMPTS):
        answer = http.get(path)
        if not answer.is_success:
            return answer
    raise AssertionError(f"{ATTEMPTS} answers were not refused")


def test_unread_answers_are_bounded(training: Training, serve_with_limits: Serve) -> None:
    http = serve_with_limits(Limits(answer_bytes=2 * MODEL_PIECE_BYTES + 100_000))
    path = model_path(http, training)
    with request(http, path) as first, request(http, path, "Connection: close") as second:
        refused = refusal(http, path)
        assert refused.status_code == 503
        assert refused.json()["type"] == "/problems/too-many-bytes"
        assert int(refused.headers["Retry-After"]) > 0
        assert http.get(path.removesuffix("/model")).status_code == 200  # small answers are not limited
        assert read(second).endswith(MODEL)
        first.close()
        wait_until(lambda: http.get(path).content == MODEL)


def test_one_key_cannot_hold_all_unread_answers(settings: Settings, training: Training) -> None:
    keys = configured("alice", "bob")
    served = ApiThread(
        settings.model_copy(update={"api_keys": keys}), Limits(answer_bytes_per_key=MODEL_PIECE_BYTES + 100_000)
    )
    alice, bob = "Authorization: Bearer ns_alice", {"Authorization": "Bearer ns_bob"}
    with closing(served):
        served.http.headers["Authorization"] = "Bearer ns_alice"
        path = model_path(served.http, training)
        with request(served.http, path, alice):
            assert refusal(served.http, path).status_code == 503
            assert served.http.get(path, headers=bob).content == MODEL


def test_deletion_breaks_the_download_of_a_model(
    training: Training, serve_with_limits: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    http = serve_with_limits(Limits())
    path = model_path(http, training)
    with request(http, path, "Connection: close") as client:
        run = path.removesuffix("/model").removeprefix("/runs/")
        assert http.delete(f"/sweeps/{run.removesuffix('-0')}").status_code == 204
        answer = read(client)
    assert f"content-length: {len(MODEL)}".encode() in answer
    assert len(answer) < len(MODEL)
    assert "its sweep was deleted, while it was read" in caplog.text
