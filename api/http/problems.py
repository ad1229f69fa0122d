"""From an error to what HTTP says of it: RFC 9457 problem documents, one table."""

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from redis.exceptions import OutOfMemoryError, RedisError
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.problem_types import (
    BAD_REQUEST,
    CONFLICT,
    FAULT,
    FULL,
    INVALID,
    KEY_IN_USE,
    KEY_REUSED,
    METHOD,
    NEWER,
    NO_DATASET,
    NO_KEY,
    NO_SUCH_PAGE,
    QUEUE_FULL,
    TOO_LARGE,
    TOO_MANY_STREAMS,
    TOO_MUCH,
    TOO_SLOW,
    UNAVAILABLE,
    Kind,
)
from api.http.validation import InvalidField, invalid_field, invalid_fields
from shared.datasets import UnsupportedConfigError
from shared.errors import (
    AlreadyEndedError,
    DatasetUnavailableError,
    IdempotencyKeyInUseError,
    IdempotencyKeyReusedError,
    ImageNotFoundError,
    KeyRefusedError,
    ModelNotFoundError,
    QueueFullError,
    RunNotFoundError,
    SweepNotFoundError,
    SweepOpenError,
    SweepTooLargeError,
    TooManyStreamsError,
)
from shared.store.scripts import is_newer

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2


class Problem(BaseModel):
    """An RFC 9457 problem document."""

    type: str = Field(
        description="What kind of problem it is: a page of this service that explains it.",
        examples=["/problems/not-found"],
    )
    title: str = Field(description="The kind of problem in a few words.", examples=["There is nothing at this address"])
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str = Field(
        description="What happened here and what to do about it.",
        examples=['No sweep has the id "5f0c6a1e9b3d2748".'],
    )
    instance: str = Field(description="The path that was asked for.", examples=["/sweeps/5f0c6a1e9b3d2748"])
    errors: list[InvalidField] | None = Field(default=None, description="For 422: every field that is wrong.")


# The kind of each error. A type that is not here is its base's kind.
TABLE: dict[type[Exception], Kind] = {
    SweepNotFoundError: NO_SUCH_PAGE,
    RunNotFoundError: NO_SUCH_PAGE,
    ModelNotFoundError: NO_SUCH_PAGE,
    ImageNotFoundError: NO_SUCH_PAGE,
    DatasetUnavailableError: NO_DATASET,
    SweepOpenError: CONFLICT,
    AlreadyEndedError: CONFLICT,
    SweepTooLargeError: TOO_LARGE,
    QueueFullError: QUEUE_FULL,
    TooManyStreamsError: TOO_MANY_STREAMS,
    KeyRefusedError: NO_KEY,
    IdempotencyKeyReusedError: KEY_REUSED,
    IdempotencyKeyInUseError: KEY_IN_USE,
    OutOfMemoryError: FULL,
    RedisError: UNAVAILABLE,
    Exception: FAULT,
}
# What the framework refuses by itself.
BY_STATUS = {kind.status: kind for kind in (NO_SUCH_PAGE, METHOD, TOO_MUCH, TOO_SLOW, BAD_REQUEST)}
KINDS = {kind.slug: kind for kind in [*TABLE.values(), *BY_STATUS.values(), INVALID, NEWER]}


def documented(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """The `responses` of routes that may answer with these problems."""
    return {status.value: _document(status.phrase) for status in statuses}


def _document(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}


# The `responses` of routes that take runs in.
ADMISSION = documented(
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INSUFFICIENT_STORAGE,
)
# The `responses` of those that take an idempotency key with them.
SUBMISSION = ADMISSION | documented(HTTPStatus.CONFLICT)
# The `responses` of routes that want an API key.
REFUSED = documented(HTTPStatus.UNAUTHORIZED)
# The `responses` of routes that read or write the store.
STORED = documented(HTTPStatus.SERVICE_UNAVAILABLE)


class Faults:
    """ASGI middleware, the innermost: what nobody expected is logged and answered with a problem document.

    The framework would do so outside of all middleware, where neither the request's id nor any header reaches.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        begun = False

        async def send_on(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except Exception as error:
            if scope["type"] != "http" or begun:
                raise
            logger.exception("A request broke the service")
            response = await _from_table(Request(scope), error)
            await response(scope, receive, send)


def install(app: FastAPI) -> None:
    """Answer every error of the app with a problem document. To be called before other middleware is added."""
    app.add_middleware(Faults)
    for error_type in TABLE.keys() - {Exception}:
        app.add_exception_handler(error_type, _from_table)
    app.add_exception_handler(HTTPException, _from_http)
    app.add_exception_handler(RequestValidationError, _from_validation)
    app.add_exception_handler(UnsupportedConfigError, _from_config)


def respond(
    request: Request,
    kind: Kind,
    detail: str,
    errors: list[InvalidField] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The answer to a request that met a problem of this kind."""
    problem = Problem(
        type=kind.address,
        title=kind.title,
        status=kind.status,
        detail=detail,
        instance=request.url.path,
        errors=errors,
    )
    document = problem.model_dump(exclude={"errors"} if errors is None else None)
    return AsciiJsonResponse(document, kind.status, headers, media_type=MEDIA_TYPE)


class AsciiJsonResponse(JSONResponse):
    """JSON in ASCII: what a client sent may hold half a surrogate pair, which UTF-8 cannot say and an escape can."""

    def render(self, content: object) -> bytes:
        """The content as bytes."""
        return json.dumps(content, allow_nan=False).encode("ascii")


async def _from_table(request: Request, error: Exception) -> JSONResponse:
    kind = NEWER if is_newer(error) else next(TABLE[base] for base in type(error).__mro__ if base in TABLE)
    seconds = RETRY_AFTER_SECONDS if kind in (UNAVAILABLE, TOO_MANY_STREAMS, NEWER) else None
    if isinstance(error, QueueFullError):
        seconds = error.retry_after_seconds
    if kind is UNAVAILABLE:
        logger.warning("The store did not do its part: %s", error)  # the client is not told where it is
    headers = {} if seconds is None else {"Retry-After": str(seconds)}
    if kind is NO_KEY:
        headers["WWW-Authenticate"] = "Bearer"
    return respond(request, kind, kind.detail or str(error), headers=headers)


async def _from_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type alone
    status = HTTPStatus(error.status_code)
    kind = BY_STATUS.get(status) or replace(BAD_REQUEST, status=status)
    detail = str(error.detail)
    if kind is NO_SUCH_PAGE:
        detail = f"Nothing is served at {request.url.path}; /docs lists what is."
    headers = {"Allow": _allowed(request)} if kind is METHOD else error.headers
    return respond(request, kind, detail, headers=headers)


def _allowed(request: Request) -> str:
    """Every method that the address takes. The router names those of one route, and an address may have several."""
    allowed = (
        method
        for method in ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in request.app.routes)
    )
    return ", ".join(allowed)


async def _from_validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type alone
    return _invalid(request, invalid_fields(error))


async def _from_config(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, UnsupportedConfigError)  # noqa: S101 - registered for this type alone
    return _invalid(request, [invalid_field(error.field, error.detail, error.received)])


def _invalid(request: Request, errors: list[InvalidField]) -> JSONResponse:
    fields = ", ".join(dict.fromkeys(field.pointer for field in errors))
    stored = "" if request.method in ("GET", "HEAD") else "Nothing was stored. "
    return respond(request, INVALID, f"{stored}Wrong: {fields}.", errors)
