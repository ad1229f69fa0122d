"""Request ids, request metrics by route, and the request log."""

import logging
import random
import re
import time
from http import HTTPStatus

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.auth import key_name
from shared.logs import log_context

logger = logging.getLogger(__name__)

REQUEST_ID = "X-Request-ID"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# https://www.w3.org/TR/trace-context/#traceparent-header
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
# Seconds; chosen around typical times of conditional reads, submissions, plots and slow clients.
LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
READS = ("GET", "HEAD", "OPTIONS")
METHODS = (*READS, "POST", "PUT", "PATCH", "DELETE")


class Telemetry:
    """Outermost ASGI middleware: request ids, metrics and log lines.

    It accepts the X-Request-ID of the client or generates one, and returns it in the answer. The id and the traceparent
    of the client are added to log lines and to submissions. All requests are counted. All except event streams are
    timed. Writes and failed requests are logged with the name of the API key; successful reads are not.
    """

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._requests = Counter(
            "noisesweep_requests", "Requests answered.", ["method", "route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "noisesweep_request_seconds",
            "Seconds from the request to the end of the answer, without event streams.",
            ["method", "route"],
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        request.state.request_id = valid_or_empty(request.headers.get(REQUEST_ID), _REQUEST_ID) or new_request_id()
        request.state.traceparent = valid_or_empty(request.headers.get("traceparent"), _TRACEPARENT)
        started, status, streams = time.perf_counter(), HTTPStatus.INTERNAL_SERVER_ERROR.value, False

        async def send_with_id(message: Message) -> None:
            nonlocal status, streams
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID] = request.state.request_id
                status, streams = message["status"], headers.get("content-type", "").startswith("text/event-stream")
            await send(message)

        with log_context(request_id=request.state.request_id, traceparent=request.state.traceparent):
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                seconds, route = time.perf_counter() - started, route_of(scope)
                method = scope["method"] if scope["method"] in METHODS else "other"
                self._requests.labels(method, route, status).inc()
                if not streams:
                    self._seconds.labels(method, route).observe(seconds)
                if scope["method"] not in READS or status >= HTTPStatus.BAD_REQUEST:
                    # The undecoded path: a decoded one may contain line breaks, which could forge log lines.
                    path = scope["raw_path"].decode("ascii", "backslashreplace")
                    key = key_name(request)
                    asked_by = f", API key of {key}" if key else ""
                    logger.info("%s %s: %d in %.3f s%s", scope["method"], path, status, seconds, asked_by)


def new_request_id() -> str:
    """Return a random id of 64 bits as 16 hexadecimal digits. It is not a secret, so `random` is sufficient."""
    return f"{random.getrandbits(64):016x}"


def valid_or_empty(text: str | None, pattern: re.Pattern[str]) -> str:
    """Return the text if it fully matches the pattern, otherwise "". This keeps unchecked client text out of logs."""
    return text if text and pattern.fullmatch(text) else ""


def route_of(scope: Scope) -> str:
    """Return the path template of the matched route, or "none"."""
    route = scope.get("route")
    return getattr(route, "path", "none")
