"""uvicorn's HTTP/1.1 protocol with size and time limits on request headers."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.http.problem_types import BAD_REQUEST
from api.http.problems import MEDIA_TYPE, AsciiJsonResponse, problem_document
from api.http.security import HEADERS

NOT_HTTP = (
    "Expected a request line such as GET /sweeps HTTP/1.1 and header lines, received data that is not valid HTTP."
)


class BoundedHttpProtocol(HttpToolsProtocol):
    """HTTP/1.1 protocol that closes a connection if its request line and headers are too large or too slow.

    The limits also apply to a partial request that follows a complete one on the same connection.
    """

    def __init__(self, *, head_bytes: int, head_seconds: float, **options: Any) -> None:  # noqa: ANN401 - for uvicorn
        super().__init__(**options)
        self._limit_bytes, self._limit_seconds = head_bytes, head_seconds

    _deadline: asyncio.TimerHandle | None = None
    _heads = 0
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # same as in uvicorn
        """Start the timer for the first request."""
        super().connection_made(transport)
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        """Count the bytes of incomplete headers. `data` may hold headers, a part of a body, or several requests."""
        waiting, heads = self._deadline is not None, self._heads
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._deadline is None:
            if self._served:  # after a line break between requests or an unread body, uvicorn would wait forever
                self._start_timer()
        elif waiting and self._heads <= heads + 1:  # `data` holds no second request
            self._head_bytes += len(data)
            if self._head_bytes > self._limit_bytes:
                self._stop_timer()
                self._refuse(f"The request line and headers are larger than {self._limit_bytes} bytes.")

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the message of uvicorn does not say what to do
        """Answer data that is not valid HTTP. uvicorn calls this."""
        self._refuse(NOT_HTTP)

    def _refuse(self, detail: str) -> None:
        """Answer with a problem document and close the connection. Only close it if an answer has started."""
        if not self.pipeline and (self._served or not self.cycle.response_started):
            document = problem_document(BAD_REQUEST, detail)
            answer = AsciiJsonResponse(document, BAD_REQUEST.status, {**HEADERS, "Connection": "close"}, MEDIA_TYPE)
            headers = [*self.server_state.default_headers, *answer.raw_headers]
            lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
            self.transport.write(STATUS_LINE[BAD_REQUEST.status] + lines + b"\r\n" + bytes(answer.body))
        self.transport.close()

    @property
    def _served(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def on_message_begin(self) -> None:
        """Restart the timer for the remaining headers."""
        super().on_message_begin()
        self._heads += 1
        self._start_timer()

    def on_headers_complete(self) -> None:
        """Stop the timer. The Security middleware limits the body."""
        self._stop_timer()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer: the client has disconnected."""
        self._stop_timer()
        super().connection_lost(exc)

    def _start_timer(self) -> None:
        self._stop_timer()
        self._head_bytes = 0
        self._deadline = self.loop.call_later(self._limit_seconds, self.transport.close)

    def _stop_timer(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None
