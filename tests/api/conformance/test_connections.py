"""Requests of old, unusual and impatient clients to every route: HTTP/1.0, upgrades and early disconnects."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from api.http.request_headers import PROBES
from tests.api.conformance.routes import BODIES, OPERATIONS, STATUSES, WITH_BODY, Service, body_of, body_types
from tests.support.waiting import wait_until


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_http_1_0_gets_a_complete_answer(service: Service, method: str, path: str) -> None:
    answer = service.request(method, path, version="1.0")
    assert answer.status == STATUSES[method, path]
    assert "Transfer-Encoding" not in answer.headers
    assert "chunked" not in str(answer.headers).lower()
    assert answer.headers["Content-Length"] in (None, str(len(answer.body)))


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_http_1_0_without_host_is_refused(service: Service, method: str, path: str) -> None:
    answer = service.request(method, path, version="1.0", host="")
    if path in PROBES and not service.root_path:  # nginx forwards the request as HTTP/1.1
        assert answer.status == 200
    else:
        assert answer.problem["detail"].startswith("Host: expected ")


@pytest.mark.parametrize("protocol", ["h2c", "websocket"])
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_upgrade_is_ignored(service: Service, method: str, path: str, protocol: str) -> None:
    answer = service.request(method, path, "Connection: Upgrade", f"Upgrade: {protocol}", "Sec-WebSocket-Version: 13")
    assert answer.status == STATUSES[method, path]
    assert "Upgrade" not in answer.headers


@contextmanager
def served_as_before(service: Service, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Check that the requests in the block leave no request open, and log no error."""
    yield
    assert service.send("GET", "/healthz").status == 200
    wait_until(lambda: not service.api.has_open_requests)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_client_that_disconnects_before_its_answer_is_forgotten(
    service: Service, method: str, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    body = body_of(method, path)
    lines = [f"{method} {service.root_path}{service.url(path)} HTTP/1.1", "Host: localhost", 'If-Match: "other"']
    lines += [f"Content-Type: {body_types(method, path)[0]}", f"Content-Length: {len(body)}"] if body else []
    request = "\r\n".join([*lines, "", ""]).encode() + body
    with served_as_before(service, caplog):
        for sent in (request, request + request[:20]):
            with service.server.connect() as client:
                client.sendall(sent)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_incomplete_request_changes_nothing(
    service: Service, method: str, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = service.state
    line = f"{method} {service.root_path}{service.url(path)} HTTP/1.1\r\n"
    head = f"{line}Host: localhost\r\nContent-Type: application/json\r\n"
    parts = [line[:9], line, head]
    if (method, path) in WITH_BODY:
        head, body = head.replace("application/json", body_types(method, path)[0]), BODIES[path].decode("latin-1")
        parts += [f"{head}Content-Length: {len(body)}\r\n\r\n{body[:-1]}"]
        parts += [f"{head}Transfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n{body}\r\n"]
    with served_as_before(service, caplog):
        for sent in parts:
            with service.server.connect() as client:
                client.sendall(sent.encode("latin-1"))
    assert service.state == before
