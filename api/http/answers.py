"""Limit on the bytes of large answers that wait for their clients."""

from collections import Counter

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.problem_types import TOO_MANY_BYTES
from api.http.problems import respond

# Larger bodies are sent in pieces of this size. Each piece waits until the client has read most of the one before, so
# the answer is in flight until the client has received nearly all of it.
PIECE_BYTES = 64 * 1024


class BoundedAnswers:
    """ASGI middleware that answers 503 if too many bytes of large answers are in flight, in all or for one API key.

    A key without an answer in flight always gets its answer, whatever its size, if there is room in all.
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
        key, size, refused = "", 0, False

        async def send_bounded(message: Message) -> None:
            nonlocal key, size, refused
            if refused:
                return
            if message["type"] == "http.response.start":
                announced = int(Headers(raw=message["headers"]).get("content-length", 0))
                if announced > PIECE_BYTES and scope["method"] != "HEAD":
                    key = scope["state"].get("key", "")
                    refused = not self._has_room(announced, key)
                    if refused:
                        detail = (
                            f"{self._in_flight.total()} bytes of answers wait for their clients. Try again shortly."
                        )
                        await respond(Request(scope), TOO_MANY_BYTES, detail)(scope, receive, send)
                        return
                    size = announced
                    self._in_flight[key] += size
                await send(message)
                return
            body, more = message.get("body", b""), message.get("more_body", False)
            while len(body) > PIECE_BYTES:
                await send({"type": message["type"], "body": bytes(body[:PIECE_BYTES]), "more_body": True})
                body = memoryview(body)[PIECE_BYTES:]
            await send({"type": message["type"], "body": bytes(body), "more_body": more})

        try:
            await self._app(scope, receive, send_bounded)
        finally:
            self._in_flight[key] -= size

    def _has_room(self, size: int, key: str) -> bool:
        in_flight, of_key = self._in_flight.total(), self._in_flight[key]
        if in_flight and in_flight + size > self._max_bytes:
            return False
        return not (key and of_key and of_key + size > self._max_bytes_per_key)
