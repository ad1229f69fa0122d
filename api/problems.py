"""From an error to what HTTP says of it: RFC 9457 problem documents, one table."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from redis.exceptions import OutOfMemoryError, RedisError
from starlette.exceptions import HTTPException

from shared.errors import (
    AlreadyEndedError,
    ModelNotFoundError,
    QueueFullError,
    RunNotFoundError,
    SweepNotFoundError,
    SweepOpenError,
    SweepTooLargeError,
    TooManyStreamsError,
)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2
RECEIVED_LIMIT = 200


class InvalidField(BaseModel):
    """One thing that is wrong with a request."""

    pointer: str = Field(
        description="Where: a JSON pointer into the body, or the name of a query parameter.", examples=["#/scales/1"]
    )
    detail: str = Field(description="What is allowed.", examples=["Input should be greater than or equal to 0"])
    received: Any = Field(description="What came, cut short where it is long.", examples=[-0.5])


class Problem(BaseModel):
    """An RFC 9457 problem document."""

    type: str = Field(default="about:blank", description="What kind of problem it is.", examples=["about:blank"])
    title: str = Field(description="The kind of problem in a few words.", examples=["Not Found"])
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str = Field(
        description="What happened here and what to do about it.",
        examples=['No sweep has the id "5f0c6a1e9b3d2748".'],
    )
    instance: str = Field(description="The path that was asked for.", examples=["/sweeps/5f0c6a1e9b3d2748"])
    errors: list[InvalidField] | None = Field(default=None, description="For 422: every field that is wrong.")


UNAVAILABLE = "The store does not answer at the moment. Nothing is lost that was accepted before; try again shortly."
FULL = (
    "The store is full: nothing was stored, and what is there can still be read. Make room with DELETE on finished "
    "sweeps, or give the store more memory."
)

# Error type -> status and detail; None takes the error's own message, which names no internals.
TABLE: dict[type[Exception], tuple[HTTPStatus, str | None]] = {
    SweepNotFoundError: (HTTPStatus.NOT_FOUND, None),
    RunNotFoundError: (HTTPStatus.NOT_FOUND, None),
    ModelNotFoundError: (HTTPStatus.NOT_FOUND, None),
    SweepOpenError: (HTTPStatus.CONFLICT, None),
    AlreadyEndedError: (HTTPStatus.CONFLICT, None),
    SweepTooLargeError: (HTTPStatus.UNPROCESSABLE_ENTITY, None),
    QueueFullError: (HTTPStatus.TOO_MANY_REQUESTS, None),
    TooManyStreamsError: (HTTPStatus.TOO_MANY_REQUESTS, None),
    OutOfMemoryError: (HTTPStatus.INSUFFICIENT_STORAGE, FULL),
    RedisError: (HTTPStatus.SERVICE_UNAVAILABLE, UNAVAILABLE),
    Exception: (HTTPStatus.INTERNAL_SERVER_ERROR, "This is a fault of the service; its log says where."),
}


def documented(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """The `responses` of routes that may answer with these problems."""
    return {status.value: _document(status.phrase) for status in statuses}


def _document(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}


# The `responses` of routes that take runs in.
SUBMISSION = documented(HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.INSUFFICIENT_STORAGE)
# The `responses` of the whole app. The default stands in for FastAPI's own 422, which no route answers with.
EVERYWHERE: dict[int | str, dict[str, Any]] = {
    **documented(HTTPStatus.SERVICE_UNAVAILABLE),
    "default": _document("Any other error."),
}


def install(app: FastAPI) -> None:
    """Answer every error of the app with a problem document."""
    for error_type in TABLE:
        app.add_exception_handler(error_type, _from_table)
    app.add_exception_handler(HTTPException, _from_http)
    app.add_exception_handler(RequestValidationError, _from_validation)
    _describe(app)


def _describe(app: FastAPI) -> None:
    """Put the schema of the problem document, which belongs to no route's model, into the OpenAPI document."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        document["components"]["schemas"] |= problem.pop("$defs") | {"Problem": problem}
        return document

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way to extend the document


def _respond(
    request: Request,
    status: int,
    detail: str,
    errors: list[InvalidField] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    problem = Problem(
        title=HTTPStatus(status).phrase, status=status, detail=detail, instance=request.url.path, errors=errors
    )
    document = problem.model_dump(exclude={"errors"} if errors is None else None)
    return AsciiJsonResponse(document, status, headers, media_type=MEDIA_TYPE)


class AsciiJsonResponse(JSONResponse):
    """JSON in ASCII: what a client sent may hold half a surrogate pair, which UTF-8 cannot say and an escape can."""

    def render(self, content: object) -> bytes:
        """The content as bytes."""
        return json.dumps(content, allow_nan=False).encode("ascii")


async def _from_table(request: Request, error: Exception) -> JSONResponse:
    status, detail = next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)
    seconds = RETRY_AFTER_SECONDS if status is HTTPStatus.SERVICE_UNAVAILABLE else None
    if isinstance(error, QueueFullError):
        seconds = error.retry_after_seconds
    headers = None if seconds is None else {"Retry-After": str(seconds)}
    return _respond(request, status, detail or str(error), headers=headers)


async def _from_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type alone
    detail = error.detail
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = f"Nothing is served at {request.url.path}; /docs lists what is."
    return _respond(request, error.status_code, detail, headers=error.headers)


async def _from_validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type alone
    errors = [
        _not_json(error, fault)
        if fault["type"] == "json_invalid"
        else InvalidField(
            pointer=_pointer(*fault["loc"]),
            detail=fault["msg"].removeprefix("Value error, "),
            received=_received(fault["input"]),
        )
        for fault in error.errors()
    ]
    fields = ", ".join(dict.fromkeys(field.pointer for field in errors))
    return _respond(request, HTTPStatus.UNPROCESSABLE_ENTITY, f"Nothing was stored. Wrong: {fields}.", errors)


def _not_json(error: RequestValidationError, fault: dict[str, Any]) -> InvalidField:
    """A body that does not parse: the place is a position in its text, so it stands in the detail."""
    detail = f"The body is not JSON: {fault['ctx']['error']} at character {fault['loc'][-1]}"
    return InvalidField(pointer="#", detail=detail, received=_received(error.body))


def _pointer(origin: str, *path: str | int) -> str:
    """A JSON pointer as a URI fragment (RFC 6901, section 6) for the body, a parameter's name for anything else."""
    if origin == "body":
        return "#" + "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return "/".join(str(step) for step in path)


def _received(value: object) -> Any:  # noqa: ANN401 - any JSON
    """The value as it came; as text where JSON cannot say it (NaN) or where it is long."""
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        text = repr(value)
        return text[:RECEIVED_LIMIT]
    return value if len(text) <= RECEIVED_LIMIT else f"{text[:RECEIVED_LIMIT]}..."
