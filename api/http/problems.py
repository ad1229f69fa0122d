"""Problem documents (RFC 9457) for every error of the application."""

import json
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.problem_types import BAD_REQUEST, FRAMEWORK, INVALID, METHOD_NOT_ALLOWED, NOT_FOUND, ProblemType
from api.http.validation import invalid_fields
from noisesweep.models import InvalidField, Problem

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
ProblemTypeOf = Callable[[Exception], ProblemType]


def problem_responses(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI `responses` of a route that may answer with problems of these statuses."""
    return {status.value: _problem_response(status.phrase) for status in statuses}


def _problem_response(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}


class UnexpectedErrors:
    """Innermost ASGI middleware: logs an unexpected error and answers with a problem document.

    Starlette handles such errors outside all other middleware, so its answer would lack the request id and the security
    headers.
    """

    def __init__(self, app: ASGIApp, problem_type_of: ProblemTypeOf) -> None:
        self._app = app
        self._problem_type_of = problem_type_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = False

        async def send_and_note(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception as error:
            if scope["type"] != "http" or started:
                raise
            logger.exception("Unexpected error in a request")
            response = respond_to_error(Request(scope), self._problem_type_of(error), error)
            await response(scope, receive, send)


def install(app: FastAPI, errors: Collection[type[Exception]], problem_type_of: ProblemTypeOf) -> None:
    """Answer every error of the app with a problem document. Call this before any other middleware is added.

    Args:
        app: The application.
        errors: The expected error types.
        problem_type_of: Returns the problem type of any error.
    """

    async def handle_expected(request: Request, error: Exception) -> JSONResponse:
        return respond_to_error(request, problem_type_of(error), error)

    app.add_middleware(UnexpectedErrors, problem_type_of=problem_type_of)
    for error_type in set(errors) - {Exception}:
        app.add_exception_handler(error_type, handle_expected)
    app.add_exception_handler(HTTPException, _handle_http_exception)
    app.add_exception_handler(RequestValidationError, _handle_validation_error)


def respond(
    request: Request,
    problem_type: ProblemType,
    detail: str,
    errors: list[InvalidField] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return a problem document of this type as the answer to a request."""
    problem = Problem(
        type=problem_type.path,
        title=problem_type.title,
        status=problem_type.status,
        detail=detail,
        instance=request.url.path,
        errors=errors,
    )
    document = problem.model_dump(exclude={"errors"} if errors is None else None)
    headers = {**problem_type.headers, **(headers or {})}
    return AsciiJsonResponse(document, problem_type.status, headers, media_type=MEDIA_TYPE)


def respond_to_error(request: Request, problem_type: ProblemType, error: Exception) -> JSONResponse:
    """Return the problem document of an error.

    The optional attribute `retry_after_seconds` of the error becomes the Retry-After header. If a 5xx type has a fixed
    detail, the message of the error is only logged, because it may reveal internals.
    """
    if problem_type.detail and problem_type.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.warning("%s: %s", problem_type.title, error)
    seconds: int | None = getattr(error, "retry_after_seconds", None)
    headers = {} if seconds is None else {"Retry-After": str(seconds)}
    return respond(request, problem_type, problem_type.detail or str(error), headers=headers)


class AsciiJsonResponse(JSONResponse):
    """JSON response in ASCII: text from clients may contain lone surrogates, which UTF-8 cannot encode."""

    def render(self, content: object) -> bytes:
        """Return the content as JSON bytes."""
        return json.dumps(content, allow_nan=False).encode("ascii")


async def _handle_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type only
    status = HTTPStatus(error.status_code)
    problem_type = FRAMEWORK.get(status) or replace(BAD_REQUEST, status=status)
    detail = str(error.detail)
    if problem_type is NOT_FOUND:
        detail = f"There is no route for {request.url.path}; /docs lists all routes."
    headers = {"Allow": _allowed(request)} if problem_type is METHOD_NOT_ALLOWED else error.headers
    return respond(request, problem_type, detail, headers=headers)


def _allowed(request: Request) -> str:
    """Return every method of the path. Starlette lists only those of one route, but a path may have several routes."""
    allowed = (
        method
        for method in ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in request.app.routes)
    )
    return ", ".join(allowed)


async def _handle_validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type only
    errors = invalid_fields(error)
    fields = ", ".join(dict.fromkeys(field.pointer for field in errors))
    stored = "" if request.method in ("GET", "HEAD") else "Nothing was stored. "
    return respond(request, INVALID, f"{stored}Invalid: {fields}.", errors)
