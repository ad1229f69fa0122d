"""Requests through proxies: the root path, the host and the scheme that the client used."""

from collections.abc import Collection
from ipaddress import IPv4Network, IPv6Network, ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.problem_types import BAD_REQUEST
from api.http.problems import respond
from api.http.security import HEADERS
from shared.settings import check_root_path


class Proxies:
    """ASGI middleware for requests that proxies have forwarded.

    It sets the root path, and adds it to Location headers. The proxy may remove the root path from the path of the
    request or keep it. Trusted proxies name the root path, the host and the scheme in X-Forwarded headers.
    """

    def __init__(self, app: ASGIApp, root_path: str, trusted: Collection[IPv4Network | IPv6Network]) -> None:
        """Wrap an app.

        Args:
            app: The application.
            root_path: Root path of requests without X-Forwarded-Prefix; "" for none.
            trusted: Networks of the trusted proxies.
        """
        self._app = app
        self._root_path, self._trusted = root_path, tuple(trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        root_path = self._root_path
        if self._is_trusted(scope):
            try:
                root_path = read_forwarded(scope) or root_path
            except ValueError as error:
                response = respond(Request(scope), BAD_REQUEST, f"X-Forwarded-Prefix: {error}.", headers=HEADERS)
                await response(scope, receive, send)
                return

        async def send_location(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("location", "").startswith("/"):
                    headers["Location"] = root_path + headers["Location"]
            await send(message)

        scope["path"] = root_path + path_within(root_path, scope)
        scope["root_path"] = root_path
        await self._app(scope, receive, send_location)

    def _is_trusted(self, scope: Scope) -> bool:
        """Return whether the client of the connection is a trusted proxy."""
        if not self._trusted:
            return False
        address = ip_address(scope["client"][0])
        return any(address in network for network in self._trusted)


def read_forwarded(scope: Scope) -> str:
    """Set the host and the scheme of a request to the forwarded ones. Return the forwarded prefix, or "".

    Raises:
        ValueError: The prefix is not a valid root path.
    """
    headers = Headers(scope=scope)
    prefix, host, scheme = (_last(headers, f"x-forwarded-{name}") for name in ("prefix", "host", "proto"))
    if host:
        scope["headers"] = [(name, host.encode("latin-1") if name == b"host" else value) for name, value in headers.raw]
    if scheme in ("http", "https"):
        scope["scheme"] = scheme
    prefix = prefix.rstrip("/")
    return check_root_path(prefix) if prefix else ""


def _last(headers: Headers, name: str) -> str:
    """Return the last value of a header, because proxies append theirs to those that a client has sent; "" if none."""
    lines = headers.getlist(name)
    return lines[-1].rsplit(",", maxsplit=1)[-1].strip() if lines else ""


def path_within(root_path: str, scope: Scope) -> str:
    """Return the path of a request without the root path, which the proxy may have removed already."""
    path: str = scope["path"]
    is_below = root_path and (path == root_path or path.startswith(f"{root_path}/"))
    # A path of the API may begin like the root path: /noise/plot below /noise.
    if is_below and not any(route.matches(scope)[0] is not Match.NONE for route in scope["app"].routes):
        return path.removeprefix(root_path) or "/"
    return path
