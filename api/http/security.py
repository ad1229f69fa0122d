"""Security of every request and answer: allowed hosts, limits on bodies, and security headers."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.problem_types import BAD_REQUEST
from api.http.problems import respond

# An answer is data, not a page: it loads and runs nothing, and no page may frame it. Pages override this.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# Pages of this service: their own styles and pictures, and no scripts.
PAGE = "default-src 'self'; style-src 'self' 'unsafe-inline'; script-src 'none'; frame-ancestors 'none'"
# Swagger UI and ReDoc start from an inline script and use inline styles and images.
DOCS = "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
DOCS += "; worker-src blob:; frame-ancestors 'none'"
DOCS_PATHS = ("/docs", "/redoc")
# The dashboard: its own files and the API, and nothing inline.
DASHBOARD = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'"
DASHBOARD += "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# Health probes may use any host name. They reveal nothing.
PROBES = ("/healthz", "/readyz")


class Security:
    """ASGI middleware: checks the Host header, bounds bodies in size and time, and adds security headers."""

    def __init__(self, app: ASGIApp, hosts: Collection[str], body_bytes: int, body_seconds: float) -> None:
        """Wrap an app.

        Args:
            app: The application.
            hosts: Allowed host names; empty allows all.
            body_bytes: Maximum size of a request's body.
            body_seconds: Maximum time until a request's body is complete.
        """
        self._app = app
        self._hosts = frozenset(hosts)
        self._body_bytes, self._body_seconds = body_bytes, body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        begun = asyncio.Event()

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                begun.set()
                headers = MutableHeaders(scope=message)
                if scope["path"] in DOCS_PATHS:
                    headers["Content-Security-Policy"] = DOCS
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if self._hosts and scope["path"] not in PROBES and host_of(scope) not in self._hosts:
            detail = f"This service answers to {', '.join(sorted(self._hosts))}: the Host header names another."
            refusal = respond(Request(scope), BAD_REQUEST, detail)
            await refusal(scope, receive, send_with_headers)
        else:
            receive = bounded(receive, begun, self._body_bytes, self._body_seconds)
            await self._app(scope, receive, send_with_headers)


def host_of(scope: Scope) -> str | None:
    """Return the name in the Host header, without the port; None if there is no valid one."""
    with suppress(ValueError):
        return urlsplit(f"//{Headers(scope=scope).get('host', '')}").hostname
    return None


def bounded(receive: Receive, begun: asyncio.Event, body_bytes: int, body_seconds: float) -> Receive:
    """Return a `receive` that raises HTTPException 413 if the body is too large and 408 if it takes too long.

    After the body, the client's disconnection is waited for without a limit; so it is once the answer has begun,
    because the answer then needs no body.
    """
    deadline = asyncio.get_running_loop().time() + body_seconds
    size, whole = 0, False

    async def receive_bounded() -> Message:
        nonlocal size, whole
        if whole:
            return await receive()
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            if begun.is_set():
                whole = True
                return await receive()
            detail = f"The body did not come within {body_seconds:g} s."
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, detail, {"Connection": "close"}) from None
        size += len(message.get("body", b""))
        if size > body_bytes:
            detail = f"The body is larger than {body_bytes} bytes."
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, {"Connection": "close"})
        whole = not message.get("more_body", False)
        return message

    return receive_bounded
