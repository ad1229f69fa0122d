"""uvicorn's HTTP/1.1 protocol: with limits on connections, headers and slow readers, and without upgrades."""

import asyncio
import logging
import socket
import sys
import time
from typing import Any

import httptools
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from api.http.problem_types import BAD_REQUEST
from api.http.problems import MEDIA_TYPE, AsciiJsonResponse, problem_document
from api.http.security import HEADERS

NOT_HTTP = (
    "Expected a request line such as GET /sweeps HTTP/1.1 and header lines, received data that is not valid HTTP."
)

logger = logging.getLogger(__name__)

# A client that is refused again and again must not fill the log.
LOG_INTERVAL_SECONDS = 10.0
# Bytes that the operating system buffers beyond those on their way. With its default of megabytes, a slow client would
# look for a long time like one that does not read.
UNSENT_BYTES = 128 * 1024


class BoundedHttpProtocol(HttpToolsProtocol):
    """HTTP/1.1 protocol that closes a connection in these cases.

    - Too many connections are open.
    - The request line and headers are too large or too slow. This also applies to a partial request that follows a
      complete one on the same connection.
    - The client reads nothing of an answer for some time. The answer would stay in memory, and closing the connection
      would wait for it to be read.

    Upgrades to other protocols are ignored (RFC 9110, section 7.8). The parser skips the body of a request with an
    upgrade, and Java's HttpClient asks for HTTP/2 with its first request. Therefore such a request is parsed a second
    time, without its Upgrade header.
    """

    def __init__(
        self,
        *,
        max_connections: int,
        head_bytes: int,
        head_seconds: float,
        write_seconds: float,
        root_path: str,
        **options: Any,  # noqa: ANN401 - for uvicorn
    ) -> None:
        super().__init__(**options)
        self._max_connections = max_connections
        self._limit_bytes, self._limit_seconds = head_bytes, head_seconds
        self._write_seconds = write_seconds
        self._root_path = root_path

    _logged_at = float("-inf")  # of all connections: when the last line about a refused connection was logged
    _unread = 0  # bytes waiting for the client at the last check
    _resumed = False  # whether the client has read most of the waiting bytes since the last check
    _check: asyncio.TimerHandle | None = None
    _unparsed: bytes | None = None
    _deadline: asyncio.TimerHandle | None = None
    _heads = 0
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # same as in uvicorn
        """Start the timers, or close the connection if too many are open."""
        super().connection_made(transport)
        if len(self.connections) > self._max_connections:
            self._log_refusal()
            transport.abort()
            return
        if sys.platform == "linux":  # Python does not name this option on every other system
            connection: socket.socket = transport.get_extra_info("socket")
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        self._start_timer()
        self._check = self.loop.call_later(self._write_seconds, self._check_reading)

    def data_received(self, data: bytes) -> None:
        """Count the bytes of incomplete headers. `data` may hold headers, a part of a body, or several requests."""
        waiting, heads = self._deadline is not None, self._heads
        self._parse(data)
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

    def _parse(self, data: bytes) -> None:
        self._unparsed = data
        while (unparsed := self._unparsed) is not None and not self.transport.is_closing():
            self._unparsed, self._parsing = None, unparsed
            super().data_received(unparsed)

    def _unsupported_upgrade_warning(self) -> None:
        """Parse the request again without its Upgrade header. uvicorn calls this for each upgrade."""
        upgrade = sys.exc_info()[1]  # handled by uvicorn at the moment
        assert isinstance(upgrade, httptools.HttpParserUpgrade)  # noqa: S101 - uvicorn handles nothing else here
        headers = [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
        version = self.parser.get_http_version().encode()
        head = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version), *headers]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as in uvicorn
        self._unparsed = b"\r\n".join([*head, b"", b""]) + self._parsing[upgrade.args[0] :]

    @property
    def _ignores_upgrade(self) -> bool:
        """Return whether the parser is at a request that will be parsed again. CONNECT has another meaning."""
        return self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the message of uvicorn does not say what to do
        """Answer data that is not valid HTTP. uvicorn calls this."""
        self._refuse(NOT_HTTP)

    def _refuse(self, detail: str) -> None:
        """Answer with a problem document and close the connection. Only close it if an answer has started."""
        if not self.pipeline and (self._served or not self.cycle.response_started):
            document = problem_document(BAD_REQUEST, detail, self._root_path)
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
        if not self._ignores_upgrade:
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note the end of the body."""
        if not self._ignores_upgrade:
            super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGIApp) -> None:  # type: ignore[override] # same type
        """Start to answer a request. uvicorn calls this."""
        super()._start_asgi_task(cycle, without_chunks(cycle, app) if cycle.scope["http_version"] == "1.0" else app)  # type: ignore[arg-type]

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers: the client has disconnected."""
        self._stop_timer()
        if self._check:
            self._check.cancel()
        super().connection_lost(exc)

    def resume_writing(self) -> None:
        """Record that the client has read most of the waiting bytes."""
        super().resume_writing()
        self._resumed = True

    def _check_reading(self) -> None:
        """Close the connection if the client has read nothing since the last check."""
        unread = self.transport.get_write_buffer_size()
        if unread and 0 < self._unread <= unread and not self._resumed:
            logger.warning("Closed a connection: its client read nothing for %g s.", self._write_seconds)
            self.transport.abort()
            return
        self._unread, self._resumed = unread, False
        self._check = self.loop.call_later(self._write_seconds, self._check_reading)

    def _log_refusal(self) -> None:
        now = time.monotonic()
        if now - BoundedHttpProtocol._logged_at > LOG_INTERVAL_SECONDS:
            BoundedHttpProtocol._logged_at = now
            logger.warning("Refused a connection: all %d are in use.", self._max_connections)

    def _start_timer(self) -> None:
        self._stop_timer()
        self._head_bytes = 0
        self._deadline = self.loop.call_later(self._limit_seconds, self.transport.close)

    def _stop_timer(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None


def without_chunks(cycle: RequestResponseCycle, app: ASGIApp) -> ASGIApp:
    """Return the app with answers that end with the connection if their length is unknown.

    uvicorn sends these in chunks (RFC 9112, section 7.1), which clients of HTTP/1.0 would take for a part of the body.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        has_length = True

        async def send_unframed(message: Message) -> None:
            nonlocal has_length
            if message["type"] == "http.response.start":
                has_length = "content-length" in Headers(raw=message["headers"])
                if not has_length:
                    cycle.chunked_encoding = False
            elif not has_length:
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await app(scope, receive, send_unframed)

    return answer
