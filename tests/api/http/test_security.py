"""Limits on requests, allowed hosts, security headers and CORS."""

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from redis import Redis

from api.limits import Limits
from shared.settings import Settings
from shared.store.keys import SWEEPS
from tests.support.api import ApiThread
from tests.support.raw_http import exchange
from tests.support.redis_server import RedisServer

ORIGIN = "https://lab.example"


@pytest.fixture(scope="module")
def impatient_api(redis_server: RedisServer) -> Iterator[ApiThread]:
    """Serve an API that waits at most 0.3 s for headers or a body."""
    settings = Settings(redis_url=redis_server.url, cors_origins=[ORIGIN])
    served = ApiThread(settings, Limits(body_seconds=0.3, head_seconds=0.3))
    yield served
    served.close()


def test_body_limit_is_64_kib(http: httpx.Client, redis: Redis) -> None:
    body = b'{"scales": [0.5]}'
    as_json = {"Content-Type": "application/json"}
    assert http.post("/sweeps", content=body.ljust(65_536), headers=as_json).status_code == 202
    for too_large in (body.ljust(65_537), iter([body, b" " * 70_000])):
        refused = http.post("/sweeps", content=too_large, headers=as_json)
        assert (refused.status_code, refused.headers["Content-Type"]) == (413, "application/problem+json")
        assert refused.json()["type"] == "/problems/content-too-large"
    assert redis.zcard(SWEEPS) == 1


def test_slow_body_returns_408(impatient_api: ApiThread) -> None:
    head = b"POST /sweeps HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n"
    answer = exchange(impatient_api, head, b'{"scales"')
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"/problems/request-timeout" in answer


@pytest.mark.parametrize("head", [b"", b"GET / HT", b"GET /healthz HTTP/1.1\r\nHost: local"])
def test_slow_headers_close_the_connection(impatient_api: ApiThread, head: bytes) -> None:
    assert exchange(impatient_api, head) == b""


def test_too_large_headers_are_rejected(impatient_api: ApiThread) -> None:
    assert exchange(impatient_api, b"GET / HTTP/1.1\r\nX: ", b"a" * 40_000).startswith(b"HTTP/1.1 400")


def test_pipelined_requests_do_not_trip_header_limit(impatient_api: ApiThread) -> None:
    one = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Padding: " + b"a" * 900 + b"\r\n\r\n"
    last = one.replace(b"Host", b"Connection: close\r\nHost")
    answers = exchange(impatient_api, one * 60 + last[:50], last[50:])
    assert answers.count(b"HTTP/1.1 200") == 61


def test_incomplete_data_after_an_answer_times_out(impatient_api: ApiThread) -> None:
    unwanted_body = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nx"
    for sent in (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n\r\n", unwanted_body):
        assert exchange(impatient_api, sent, b"\r\n").count(b"HTTP/1.1 200") == 1


def test_missing_body_does_not_break_a_started_answer(
    impatient_api: ApiThread, caplog: pytest.LogCaptureFixture
) -> None:
    links = impatient_api.http.post("/sweeps", json={"scales": [0.5]}).json()["links"]
    head = f"GET {links['events']} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n"
    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(exchange, impatient_api, head.encode())
        time.sleep(0.6)  # twice the time limit of a body
        impatient_api.http.post(f"{links['self']}/cancel")
        assert b"sweep.ended" in answer.result()
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_connection_is_reused_for_several_requests(impatient_api: ApiThread) -> None:
    for _ in range(3):
        assert impatient_api.http.get("/healthz").status_code == 200


@pytest.mark.parametrize(("host", "status"), [
    ("localhost", 200), ("localhost:8000", 200), ("127.0.0.1:1", 200), ("[::1]:8000", 200), ("LOCALHOST", 200),
    ("evil.example", 400), ("localhost.evil.example", 400), ("localhost@evil.example", 400), ("[::1", 400), ("", 400),
])  # fmt: skip
def test_loopback_service_accepts_only_loopback_hosts(http: httpx.Client, host: str, status: int) -> None:
    answer = http.get("/sweeps", headers={"Host": host})
    assert answer.status_code == status
    if status == 400:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "NOISESWEEP_ALLOWED_HOSTS" in answer.json()["detail"]
        assert f"received {host!r}" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/sweeps", "/sweeps/0", "/nowhere", "/problems", "/docs", "/redoc"])
def test_every_answer_has_security_headers(http: httpx.Client, path: str) -> None:
    headers = http.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert ("'unsafe-inline'" in headers["Content-Security-Policy"]) is (path == "/redoc")


def test_cors_is_off_unless_configured(http: httpx.Client, impatient_api: ApiThread) -> None:
    headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    assert "Access-Control-Allow-Origin" not in http.get("/sweeps", headers=headers).headers
    assert http.options("/sweeps", headers=headers).status_code == 405
    assert impatient_api.http.options("/sweeps", headers=headers).headers["Access-Control-Allow-Origin"] == ORIGIN
    other = impatient_api.http.get("/sweeps", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in other.headers
