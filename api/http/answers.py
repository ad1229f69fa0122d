"""Limit on the bytes of answers that wait for their clients."""

from collections import Counter

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.auth import key_name
from api.http.problem_types import TOO_MANY_BYTES
from api.http.problems import respond

# Larger bodies are sent in parts of this size. Each part waits until the client has read most of the one before, so the
# body is in flight until the client has received nearly all of it.
PART_BYTES = 64 * 1024


class BoundedAnswers:
    """ASGI middleware that answers 503 if too many bytes of answers are in flight, in all or for one API key.

    Only an answer that begins with more than PART_BYTES is refused. Of an answer in pieces, only the piece that is
    being sent counts. A key without an answer in flight always gets its answer, whatever its size, if there is room in
    all.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, max_bytes_per_key: int) -> None:
        self._app = app
        self._max_bytes, self._max_bytes_per_key = max_bytes, max_bytes_per_key
        self._in_flight: Counter[str] = Counter()  # bytes by API key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start: Message | None = None  # sent together with the first bytes of the body, which may be refused
        refused = False

        async def send_bounded(message: Message) -> None:
            nonlocal start, refused
            if refused:
                return
            if message["type"] == "http.response.start":
                start = message
                # The first event of a stream may be far away.
                if not Headers(raw=message["headers"]).get("content-type", "").startswith("text/event-stream"):
                    return
            size, key = len(message.get("body", b"")), key_name(Request(scope))
            if start:
                if size > PART_BYTES and not self._has_room(size, key):
                    refused = True
                    detail = f"{self._in_flight.total()} bytes of answers wait for their clients. Try again shortly."
                    await respond(Request(scope), TOO_MANY_BYTES, detail)(scope, receive, send)
                    return
                await send(start)
                start = None
            if message["type"] == "http.response.body":
                self._in_flight[key] += size
                try:
                    await _send_in_parts(message, send)
                finally:
                    self._in_flight[key] -= size

        await self._app(scope, receive, send_bounded)

    def _has_room(self, size: int, key: str) -> bool:
        in_flight, of_key = self._in_flight.total(), self._in_flight[key]
        if in_flight and in_flight + size > self._max_bytes:
            return False
        return not (key and of_key and of_key + size > self._max_bytes_per_key)


async def _send_in_parts(message: Message, send: Send) -> None:
    body, more = message.get("body", b""), message.get("more_body", False)
    while len(body) > PART_BYTES:
        await send({"type": message["type"], "body": bytes(body[:PART_BYTES]), "more_body": True})
        body = memoryview(body)[PART_BYTES:]
    await send({"type": message["type"], "body": bytes(body), "more_body": more})
