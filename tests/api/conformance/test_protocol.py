"""Data that is not valid HTTP, and requests for other protocols."""

import pytest

from tests.api.conformance.routes import Service
from tests.support.raw_http import exchange

# nginx answers most of these requests itself.
pytestmark = pytest.mark.parametrize("service", ["direct"], indirect=True)


@pytest.mark.parametrize("data", [
    b"nonsense\r\n\r\n", b"BREW /sweeps HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /\xe9 HTTP/1.1\r\n\r\n",
    b"GET /sweeps HTTP/9.9\r\n\r\n", b"GET /sweeps HTTP/1.1\r\nX\x01: a\r\n\r\n", b"GET /sweeps HTTP/1.1\r\n\r\n",
    b"POST /sweeps HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"POST /sweeps HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
])  # fmt: skip
def test_data_that_is_not_http_is_answered_with_a_problem_document(service: Service, data: bytes) -> None:
    head, _, body = exchange(service.api, data.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400")
    assert b"\r\ncontent-type: application/problem+json" in head
    assert b'"type": "/problems/bad-request"' in body
    assert b"xpected" in body


def test_data_that_is_not_http_does_not_enter_an_answer(service: Service) -> None:
    sweep = service.api.http.post("/sweeps", json={"scales": [0.5]}).json()["id"]
    events = f"GET /sweeps/{sweep}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    with service.api.connect() as client:
        client.sendall(events)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += client.recv(65536)
        client.sendall(b"nonsense\r\n\r\n")
        while received := client.recv(65536):
            answer += received
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("protocol", ["h2c", "websocket", "TLS/1.0"])
@pytest.mark.parametrize("body", [b"Content-Length: 16\r\n\r\n{\"scales\":[0.5]}",
    b"Transfer-Encoding: chunked\r\n\r\n10\r\n{\"scales\":[0.5]}\r\n0\r\n\r\n"])  # fmt: skip
def test_upgrades_are_ignored(service: Service, protocol: str, body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    upgrade = f"Host: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: {protocol}\r\nHTTP2-Settings: AA\r\n"
    post = b"POST /sweeps HTTP/1.1\r\nContent-Type: application/json\r\n" + upgrade.encode() + body
    get = f"GET /healthz HTTP/1.1\r\n{upgrade}\r\n".encode()
    last = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    for parts in ([post + get + last], [post[:100], post[100:-9], post[-9:], get + last[:5], last[5:]]):
        answer = exchange(service.api, *parts)
        assert (answer.count(b"HTTP/1.1 202"), answer.count(b"HTTP/1.1 200")) == (1, 2)
    assert not [record for record in caplog.records if record.name.startswith("uvicorn")]
