"""CORS: which web pages of other origins may use the API from a browser."""

from collections.abc import Collection
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.problem_types import CROSS_SITE
from api.http.problems import respond
from api.http.telemetry import REQUEST_ID

METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST")


class Cors(CORSMiddleware):
    """CORS middleware whose refusals are problem documents."""

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=["*"],
            expose_headers=["Allow", "Content-Disposition", "ETag", "Location", "Retry-After", REQUEST_ID],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight request, or add the CORS headers to the answer of the application."""
        if scope["type"] == "http" and scope["method"] == "OPTIONS":
            headers = Headers(scope=scope)
            if "origin" in headers and "access-control-request-method" in headers:
                response = self.preflight_response(headers)
                if response.status_code == HTTPStatus.BAD_REQUEST:
                    response = self._refuse(Request(scope), response)
                await response(scope, receive, send)
                return
        await super().__call__(scope, receive, send)

    def _refuse(self, request: Request, response: Response) -> Response:
        origins, methods = ", ".join(sorted(self.allow_origins)), ", ".join(METHODS)
        detail = (
            f"Expected {methods} from a page of {origins}, received "
            f"{request.headers['access-control-request-method']} from a page of {request.headers['origin']}."
        )
        headers = {name: value for name, value in response.headers.items() if not name.startswith("content-")}
        return respond(request, CROSS_SITE, detail, headers=headers)
