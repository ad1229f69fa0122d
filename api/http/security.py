"""What is done for every request and answer: hosts and bodies are checked, and a browser is told to be careful."""

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

MAX_BODY_BYTES = 64 * 1024
BODY_SECONDS = 10.0

# An answer is data, not a page: it loads and runs nothing, and nobody frames it. A page says otherwise for itself.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# Pages of this service: their own styles and pictures, and no scripts.
PAGE = "default-src 'self'; style-src 'self' 'unsafe-inline'; script-src 'none'; frame-ancestors 'none'"
# Swagger UI and ReDoc, which begin by a script in the page and draw with styles and pictures made there.
DOCS = "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
DOCS += "; worker-src blob:; frame-ancestors 'none'"
DOCS_PATHS = ("/docs", "/redoc")
# The dashboard: its own files and the API, and nothing that stands in the page itself.
DASHBOARD = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'"
DASHBOARD += "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# Asked by who runs the service, under whatever name; they tell nothing.
PROBES = ("/healthz", "/readyz")


class Protection:
    """ASGI middleware: answers to its own names, takes no more than 64 KiB, and no longer than 10 s, for a body."""

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        """Wrap an app; `hosts` are the names that it answers to, none meaning all."""
        self._app = app
        self._hosts = frozenset(hosts)

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
            await self._app(scope, bounded(receive, begun), send_with_headers)


def host_of(scope: Scope) -> str | None:
    """The name in the Host header, without the port."""
    with suppress(ValueError):
        return urlsplit(f"//{Headers(scope=scope).get('host', '')}").hostname
    return None


def bounded(receive: Receive, begun: asyncio.Event) -> Receive:
    """Receives the same, but raises HTTPException 413 where the body is too large and 408 where it takes too long.

    What comes after the body is the client's leaving, for which an event stream waits as long as it likes; and so where
    the answer has begun, for it needs no body.
    """
    deadline = asyncio.get_running_loop().time() + BODY_SECONDS
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
            detail = f"The body did not come within {BODY_SECONDS:g} s."
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, detail, {"Connection": "close"}) from None
        size += len(message.get("body", b""))
        if size > MAX_BODY_BYTES:
            detail = f"The body is larger than {MAX_BODY_BYTES} bytes."
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, {"Connection": "close"})
        whole = not message.get("more_body", False)
        return message

    return receive_bounded
