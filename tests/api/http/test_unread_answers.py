"""Answers that the client reads slowly or not at all."""

import socket
import time
from collections.abc import Callable

import httpx
import pytest

from api.limits import Limits
from tests.support.training import Training
from tests.support.waiting import wait_until

MODEL = b"model" * 4_000_000  # larger than the buffers of the operating system
Serve = Callable[[Limits], httpx.Client]


def model_path(http: httpx.Client, training: Training) -> str:
    run = http.post("/runs", json={"scale": 0.5, "keep_model": True}).json()
    training.epochs(f"/sweeps/{run['sweep_id']}", runs=1, epochs=1, end=True, model=MODEL)
    return f"{run['links']['self']}/model"


def request(http: httpx.Client, path: str, *headers: str) -> socket.socket:
    """Send a GET request on a connection with a small receive buffer, and return the connection."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    client.settimeout(30)
    client.connect((http.base_url.host, http.base_url.port))
    client.sendall("\r\n".join([f"GET {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode())
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
