"""HTTP/1.1 on a connection: uvicorn's protocol, with bounds on the head of a request, which it has for none."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
HEAD_BYTES = 32 * 1024


class BoundedHttpProtocol(HttpToolsProtocol):
    """Waits no longer than 10 s for the rest of a request line and headers, and for no more once it has 32 KiB.

    A client that sends half a head behind a request is cut off likewise, answered or not.
    """

    _deadline: asyncio.TimerHandle | None = None
    _heads = 0
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """A client has connected: its first head is due."""
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Some bytes have come: of a head, of a body, of several requests, or of none."""
        awaited, heads = self._deadline is not None, self._heads
        super().data_received(data)
        if self.transport.is_closing():
            return
        served = self.cycle is None or self.cycle.response_complete
        if self._deadline is None:
            if served:  # a line break between requests, a body that nobody wanted: uvicorn would wait without end
                self._expect_head()
        elif awaited and self._heads <= heads + 1:  # no other request is in it
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._stop_waiting()
                if served:
                    self.send_400_response(f"The head of the request is larger than {HEAD_BYTES} bytes.")
                else:
                    self.transport.close()

    def on_message_begin(self) -> None:
        """A request begins, perhaps on a connection that served others."""
        super().on_message_begin()
        self._heads += 1
        self._expect_head()

    def on_headers_complete(self) -> None:
        """The head is there: the rest is the application's to bound."""
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        self._stop_waiting()
        self._head_bytes = 0
        self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None
