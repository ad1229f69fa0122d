"""What a client can send at most, under which name, and what a browser is told."""

import logging
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from redis import Redis

from api.limits import Limits
from shared.settings import Settings
from shared.store.keys import SWEEPS
from tests.support.api import Served
from tests.support.redis_server import RedisServer

ORIGIN = "https://lab.example"


@pytest.fixture(scope="module")
def hasty(redis_server: RedisServer) -> Iterator[Served]:
    """A server that waits 0.3 s for a head or a body."""
    settings = Settings(redis_url=redis_server.url, cors_origins=[ORIGIN])
    served = Served(settings, Limits(body_seconds=0.3, head_seconds=0.3))
    yield served
    served.close()


def spoken(served: Served, *parts: bytes) -> bytes:
    """All that the server says before it closes the connection."""
    with socket.create_connection((served.http.base_url.host, served.http.base_url.port or 0), timeout=10) as client:
        for part in parts:
            client.sendall(part)
        said = b""
        while received := client.recv(65536):
            said += received
        return said


def test_a_body_of_64_kib_is_read_and_a_larger_one_refused(http: httpx.Client, redis: Redis) -> None:
    body = b'{"scales": [0.5]}'
    as_json = {"Content-Type": "application/json"}
    assert http.post("/sweeps", content=body.ljust(65_536), headers=as_json).status_code == 202
    for too_large in (body.ljust(65_537), iter([body, b" " * 70_000])):
        refused = http.post("/sweeps", content=too_large, headers=as_json)
        assert (refused.status_code, refused.headers["Content-Type"]) == (413, "application/problem+json")
        assert refused.json()["type"] == "/problems/content-too-large"
    assert redis.zcard(SWEEPS) == 1


def test_a_body_that_does_not_come_in_time_is_given_up(hasty: Served) -> None:
    head = b"POST /sweeps HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n"
    answer = spoken(hasty, head, b'{"scales"')
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"/problems/request-timeout" in answer


@pytest.mark.parametrize("head", [b"", b"GET / HT", b"GET /healthz HTTP/1.1\r\nHost: local"])
def test_a_head_that_does_not_come_in_time_ends_the_connection(hasty: Served, head: bytes) -> None:
    assert spoken(hasty, head) == b""


def test_a_head_that_does_not_end_is_refused(hasty: Served) -> None:
    assert spoken(hasty, b"GET / HTTP/1.1\r\nX: ", b"a" * 40_000).startswith(b"HTTP/1.1 400")


def test_requests_sent_at_once_are_no_large_head(hasty: Served) -> None:
    one = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Padding: " + b"a" * 900 + b"\r\n\r\n"
    last = one.replace(b"Host", b"Connection: close\r\nHost")
    answers = spoken(hasty, one * 60 + last[:50], last[50:])
    assert answers.count(b"HTTP/1.1 200") == 61


def test_what_follows_an_answer_and_is_no_request_is_not_waited_for(hasty: Served) -> None:
    unwanted_body = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nx"
    for sent in (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n\r\n", unwanted_body):
        assert spoken(hasty, sent, b"\r\n").count(b"HTTP/1.1 200") == 1


def test_an_answer_that_has_begun_ends_quietly_where_a_body_does_not_come(
    hasty: Served, caplog: pytest.LogCaptureFixture
) -> None:
    links = hasty.http.post("/sweeps", json={"scales": [0.5]}).json()["links"]
    head = f"GET {links['events']} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n"
    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(spoken, hasty, head.encode())
        time.sleep(0.6)  # twice as long as a body may take
        hasty.http.post(f"{links['self']}/cancel")
        assert b"sweep.ended" in answer.result()
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_connections_serve_many_requests_and_are_not_timed_between_them(hasty: Served) -> None:
    for _ in range(3):
        assert hasty.http.get("/healthz").status_code == 200


@pytest.mark.parametrize(("host", "status"), [
    ("localhost", 200), ("localhost:8000", 200), ("127.0.0.1:1", 200), ("[::1]:8000", 200), ("LOCALHOST", 200),
    ("evil.example", 400), ("localhost.evil.example", 400), ("localhost@evil.example", 400), ("[::1", 400), ("", 400),
])  # fmt: skip
def test_on_loopback_the_service_answers_to_names_of_loopback_alone(http: httpx.Client, host: str, status: int) -> None:
    answer = http.get("/sweeps", headers={"Host": host})
    assert answer.status_code == status
    if status == 400:
        assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/sweeps", "/sweeps/0", "/nowhere", "/problems", "/docs"])
def test_every_answer_tells_a_browser_to_be_careful(http: httpx.Client, path: str) -> None:
    headers = http.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert ("'unsafe-inline'" in headers["Content-Security-Policy"]) is (path in ("/problems", "/docs"))


def test_pages_of_other_origins_get_nothing_unless_configured(http: httpx.Client, hasty: Served) -> None:
    asks = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    assert "Access-Control-Allow-Origin" not in http.get("/sweeps", headers=asks).headers
    assert http.options("/sweeps", headers=asks).status_code == 405
    assert hasty.http.options("/sweeps", headers=asks).headers["Access-Control-Allow-Origin"] == ORIGIN
    other = hasty.http.get("/sweeps", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in other.headers
