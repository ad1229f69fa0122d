"""HTTP requests as bytes on a socket: clients repair, merge or refuse what these tests send."""

import json
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPMessage, HTTPResponse
from typing import Any

from tests.support.api import ApiThread


@dataclass(frozen=True)
class RawAnswer:
    """Answer to a raw request."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        """Return the body, which must be a problem document."""
        assert self.headers["Content-Type"] == "application/problem+json", self
        problem: dict[str, Any] = json.loads(self.body)
        assert problem["status"] == self.status
        return problem


def connect(served: ApiThread) -> socket.socket:
    """Return a new connection to the API."""
    return socket.create_connection((served.http.base_url.host, served.http.base_url.port or 0), timeout=30)


def exchange(served: ApiThread, *parts: bytes) -> bytes:
    """Send the parts, and return everything received until the server closes the connection."""
    with connect(served) as client:
        for part in parts:
            client.sendall(part)
        answer = b""
        while received := client.recv(65536):
            answer += received
        return answer


def send(
    served: ApiThread,
    method: str,
    target: str,
    headers: Iterable[str] = (),
    body: bytes = b"",
    *,
    host: str = "Host: localhost",
) -> RawAnswer:
    """Send one request with exactly these header lines, besides Host, Connection and Content-Length."""
    lines = [f"{method} {target} HTTP/1.1", host, "Connection: close", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    with connect(served) as client:
        client.sendall("\r\n".join(filter(None, lines)).encode() + b"\r\n\r\n" + body)
        with HTTPResponse(client, method=method) as answer:
            answer.begin()
            return RawAnswer(answer.status, answer.headers, answer.read())
