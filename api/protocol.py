"""HTTP/1.1 on a connection: uvicorn's protocol, with bounds on the head of a request, which it has for none."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
HEAD_BYTES = 32 * 1024


class BoundedHttpProtocol(HttpToolsProtocol):
    """Closes connections whose request line and headers take longer than 10 s or are larger than 32 KiB."""

    _deadline: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """A client has connected: its first head is due."""
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Some bytes have come; refuse to wait for more of a head that is too large already."""
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._stop_waiting()
                self.send_400_response(f"The head of the request is larger than {HEAD_BYTES} bytes.")

    def on_message_begin(self) -> None:
        """A request begins, perhaps on a connection that served others."""
        super().on_message_begin()
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
        self._in_head, self._head_bytes = True, 0
        self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        self._in_head = False
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None
