"""Checks of request headers, limits on request bodies, and security headers."""

import asyncio
import re
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import NamedTuple

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.conditional import CACHE_CONTROL
from api.http.problems import respond
from api.http.request_headers import combine, find_problem
from api.http.root_path import route_path

# The default for data: load nothing, run nothing, allow no frames. Pages override the policy. Answers that say nothing
# about caching are not reused: a cache could otherwise guess a time for which they are fresh.
HEADERS = {
    "Cache-Control": CACHE_CONTROL,
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# ReDoc and the guide need inline scripts, inline styles and data: images.
DOCS_CSP = "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'"
DOCS_CSP += "; img-src 'self' data:; worker-src 'self' blob:; frame-ancestors 'none'"
DOCS_PATHS = re.compile(r"/redoc|/guide(/.*)?")
# The dashboard loads its own files, calls the API, and has nothing inline.
DASHBOARD_CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'"
DASHBOARD_CSP += "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# The style sheet of Swagger UI contains images.
SWAGGER_CSP = DASHBOARD_CSP.replace("img-src 'self'", "img-src 'self' data:")


class BodyLimit(NamedTuple):
    """Limits of a request body: its size in bytes, and the time until it is complete."""

    size: int
    seconds: float


class Security:
    """ASGI middleware that checks request headers, limits request bodies, and adds security headers."""

    def __init__(
        self,
        app: ASGIApp,
        hosts: Collection[str],
        origins: Collection[str],
        body: BodyLimit,
        uploads: Mapping[str, BodyLimit],
    ) -> None:
        """Wrap an app.

        Args:
            app: The application.
            hosts: Allowed host names; empty allows all.
            origins: Origins of web pages that may use the API, besides its own.
            body: Limits of a request body.
            uploads: Limits of the bodies that are sent to certain paths.
        """
        self._app = app
        self._hosts, self._origins = frozenset(hosts), frozenset(origins)
        self._body, self._uploads = body, uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        started = asyncio.Event()
        is_docs = DOCS_PATHS.fullmatch(route_path(scope))  # a mounted folder changes the root path

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.set()
                headers = MutableHeaders(scope=message)
                if is_docs:
                    headers["Content-Security-Policy"] = DOCS_CSP
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        scope["headers"] = combine(scope["headers"])
        if problem := find_problem(scope, self._hosts, self._origins):
            response = respond(Request(scope), *problem)
            await response(scope, receive, send_with_headers)
        else:
            limit = self._uploads.get(route_path(scope), self._body)
            receive = limit_body(receive, started, limit)
            await self._app(scope, receive, send_with_headers)


def limit_body(receive: Receive, started: asyncio.Event, limit: BodyLimit) -> Receive:
    """Return a `receive` that raises HTTPException 413 if the body is too large and 408 if it takes too long.

    The time starts when the body is first read, because an upload may wait for its turn. There is no time limit after
    the body is complete or after the answer has started. From then on `receive` only waits until the client
    disconnects.
    """
    body_bytes, body_seconds = limit
    size, complete, deadline = 0, False, 0.0

    async def receive_limited() -> Message:
        nonlocal size, complete, deadline
        if complete:
            return await receive()
        deadline = deadline or asyncio.get_running_loop().time() + body_seconds
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            if started.is_set():
                complete = True
                return await receive()
            detail = f"The body did not arrive within {body_seconds:g} s."
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, detail, {"Connection": "close"}) from None
        size += len(message.get("body", b""))
        if size > body_bytes:
            detail = f"The body is larger than {body_bytes} bytes."
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, {"Connection": "close"})
        complete = not message.get("more_body", False)
        return message

    return receive_limited
