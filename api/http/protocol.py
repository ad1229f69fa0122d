"""uvicorn's HTTP/1.1 protocol with size and time limits on request headers."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class BoundedHttpProtocol(HttpToolsProtocol):
    """Closes connections whose request line and headers are too large or take too long.

    So is one that sends a part of a request behind a complete one, whether or not that was answered.
    """

    def __init__(self, *, head_bytes: int, head_seconds: float, **options: Any) -> None:  # noqa: ANN401 - uvicorn's
        super().__init__(**options)
        self._limit_bytes, self._limit_seconds = head_bytes, head_seconds

    _deadline: asyncio.TimerHandle | None = None
    _heads = 0
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Start to wait for the first request."""
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Count the bytes of an incomplete head. The bytes may be of a head, of a body, or of several requests."""
        awaited, heads = self._deadline is not None, self._heads
        super().data_received(data)
        if self.transport.is_closing():
            return
        served = self.cycle is None or self.cycle.response_complete
        if self._deadline is None:
            if served:  # a line break between requests, an unread body: uvicorn would wait for ever
                self._expect_head()
        elif awaited and self._heads <= heads + 1:  # no other request is in it
            self._head_bytes += len(data)
            if self._head_bytes > self._limit_bytes:
                self._stop_waiting()
                if served:
                    self.send_400_response(f"The head of the request is larger than {self._limit_bytes} bytes.")
                else:
                    self.transport.close()

    def on_message_begin(self) -> None:
        """Start to wait for the rest of a request's head."""
        super().on_message_begin()
        self._heads += 1
        self._expect_head()

    def on_headers_complete(self) -> None:
        """Stop to wait: the application bounds the body."""
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop to wait: the client has disconnected."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        self._stop_waiting()
        self._head_bytes = 0
        self._deadline = self.loop.call_later(self._limit_seconds, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None
