"""HTTP requests as bytes on a socket: clients repair, merge or refuse what these tests send."""

import json
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPMessage, HTTPResponse
from typing import Any, Protocol


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


HOST = "Host: localhost"


class Server(Protocol):
    """Server to connect to: an API, or a proxy in front of it."""

    def connect(self) -> socket.socket:
        """Return a new connection."""
        ...


def exchange(server: Server, *parts: bytes) -> bytes:
    """Send the parts, and return everything received until the server closes the connection."""
    with server.connect() as client:
        for part in parts:
            client.sendall(part)
        answer = b""
        while received := client.recv(65536):
            answer += received
        return answer


def send(
    server: Server,
    method: str,
    target: str,
    headers: Iterable[str] = (),
    body: bytes = b"",
    *,
    host: str = HOST,
    version: str = "1.1",
) -> RawAnswer:
    """Send one request with exactly these header lines, besides Host, Connection and Content-Length."""
    lines = [f"{method} {target} HTTP/{version}", host, "Connection: close", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    with server.connect() as client:
        client.sendall("\r\n".join(filter(None, lines)).encode() + b"\r\n\r\n" + body)
        with HTTPResponse(client, method=method) as answer:
            answer.begin()
            return RawAnswer(answer.status, answer.headers, answer.read())
