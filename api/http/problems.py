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
from starlette.routing import Match, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.problem_types import (
    BAD_REQUEST,
    FRAMEWORK,
    INTERNAL_ERROR,
    INVALID,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    ProblemType,
)
from api.http.root_path import root_path_of
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

    After the answer has started, an error ends it early. The server then closes the connection, so that the client
    does not take the part that it has received for the whole.

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
            if scope["type"] != "http":
                raise
            if started:
                self._cut_off(error)
                return
            logger.exception("Unexpected error in a request")
            response = respond_to_error(Request(scope), self._problem_type_of(error), error)
            await response(scope, receive, send)

    def _cut_off(self, error: Exception) -> None:
        """Record an expected error of a started answer in one log line. Raise an unexpected one again.

        uvicorn then closes the connection, so the client notices that the answer is incomplete. Starlette wraps an
        expected error in a RuntimeError, because it is too late to answer with a problem document.
        """
        expected = error.__cause__ if isinstance(error, RuntimeError) else error
        problem_type = self._problem_type_of(expected) if isinstance(expected, Exception) else INTERNAL_ERROR
        if problem_type is INTERNAL_ERROR:
            raise error
        logger.warning("Cut off an answer. %s: %s", problem_type.title, expected)


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
    document = problem_document(problem_type, detail, root_path_of(request.scope), request.url.path, errors)
    headers = {**problem_type.headers, **(headers or {})}
    return AsciiJsonResponse(document, problem_type.status, headers, media_type=MEDIA_TYPE)


def problem_document(
    problem_type: ProblemType,
    detail: str,
    root_path: str,
    instance: str = "",
    errors: list[InvalidField] | None = None,
) -> dict[str, Any]:
    """Return a problem document of this type as JSON."""
    problem = Problem(
        type=root_path + problem_type.path,
        title=problem_type.title,
        status=problem_type.status,
        detail=detail,
        instance=instance,
        errors=errors,
    )
    return problem.model_dump(exclude={"errors"} if errors is None else None)


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
    if isinstance(error.__cause__, UnicodeDecodeError | RecursionError):  # from FastAPI, which parses the body
        fault = InvalidField(pointer="#", detail="The body is not valid JSON: it is not UTF-8, or nested too deeply.")
        return _respond_to_invalid(request, [fault])
    path = request.url.path
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            return respond(request, NOT_FOUND, f"There is no route for {path}{_advice(request)}.")
        case HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = _allowed(request, path)
            detail = f"{path}: expected {' or '.join(allowed)}, received {request.method}."
            return respond(request, METHOD_NOT_ALLOWED, detail, headers={"Allow": ", ".join(allowed)})
        case status:
            problem_type = FRAMEWORK.get(HTTPStatus(status)) or replace(BAD_REQUEST, status=HTTPStatus(status))
            return respond(request, problem_type, str(error.detail), headers=error.headers)


def _advice(request: Request) -> str:
    """Return what to do about an unknown path: leave out the slash at its end, or look at the list of routes."""
    path = request.url.path.rstrip("/")
    if path not in ("", request.url.path) and _allowed(request, path):
        return f": leave out the slash at the end ({path})"
    return f"; {root_path_of(request.scope)}/docs lists all"


def _allowed(request: Request, path: str) -> list[str]:
    """Return every method of a path. Starlette lists only those of one route, but a path may have several routes."""
    # A mounted folder has changed the root path.
    scope = {**request.scope, "path": path, "root_path": root_path_of(request.scope)}
    methods = [
        method
        for method in ("DELETE", "GET", "PATCH", "POST", "PUT")
        if any(
            route.matches({**scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
            if method == "GET" or not isinstance(route, Mount)  # a mounted folder supports only GET
        )
    ]
    return sorted([*methods, "HEAD"] if "GET" in methods else methods)


async def _handle_validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type only
    body = getattr(request.scope.get("route"), "body_field", None)
    return _respond_to_invalid(request, invalid_fields(error, body and body.field_info.annotation))


def _respond_to_invalid(request: Request, errors: list[InvalidField]) -> JSONResponse:
    fields = ", ".join(dict.fromkeys(field.pointer for field in errors))
    stored = "" if request.method == "GET" else "Nothing was stored. "
    return respond(request, INVALID, f"{stored}Invalid: {fields}.", errors)
