"""The OpenAPI document: the framework's, made exact."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from noisesweep.models import Problem

JSON = dict[str, Any]

RETRY_AFTER: JSON = {
    "Retry-After": {
        "description": "Seconds after which it is worth asking again.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    }
}
SUBMITTED: JSON = RETRY_AFTER | {
    "Location": {
        "description": "The new resource.",
        "required": True,
        "schema": {"type": "string", "pattern": "^/[a-z]+/[0-9a-f]{16}(-0)?$"},
    },
}
VALIDATORS: JSON = {
    "ETag": {
        "description": "The version of what was sent; If-None-Match takes it.",
        "required": True,
        "schema": {"type": "string", "pattern": '^"[^"]+"$'},
    },
    "Cache-Control": {
        "description": "It may be kept, and is to be asked for again each time.",
        "required": True,
        "schema": {"type": "string"},
    },
}


def install(app: FastAPI, models: Sequence[type[BaseModel]], describe: Callable[[JSON], None]) -> None:
    """Make the app's document exact; add the schemas of `models`, which FastAPI cannot see in the routes.

    `describe` completes the schemas, by name, in place.
    """
    generate = app.openapi

    def openapi() -> JSON:
        if app.openapi_schema is None:
            describe(_make_exact(generate(), [Problem, *models]))  # in place: the app keeps what it generates
        return generate()

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way to extend the document


def _make_exact(document: JSON, models: Sequence[type[BaseModel]]) -> JSON:
    schemas: JSON = document["components"]["schemas"]
    for model in models:
        schema = model.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
        for name, definition in (schema.pop("$defs", {}) | {model.__name__: schema}).items():
            schemas.setdefault(name, definition)
    for operation in _operations(document):
        _remove_the_frameworks_own_error(operation)
        _remove_null(operation)
        _describe_streams_by_their_events(operation)
        _add_headers(operation)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return schemas


def _operations(document: JSON) -> Iterator[JSON]:
    for methods in document["paths"].values():
        yield from methods.values()


def _remove_the_frameworks_own_error(operation: JSON) -> None:
    """Remove the 422 that FastAPI documents for every route with a parameter; routes that may answer it say so."""
    if "application/json" in operation["responses"].get("422", {}).get("content", {}):
        del operation["responses"]["422"]


def _remove_null(operation: JSON) -> None:
    """Remove null from the types of parameters: one that may be None may be left out."""
    for parameter in operation.get("parameters", []):
        schema = parameter["schema"]
        choices = [choice for choice in schema.pop("anyOf", []) if choice != {"type": "null"}]
        if len(choices) == 1:
            schema |= choices[0]
        elif choices:
            schema["anyOf"] = choices


def _describe_streams_by_their_events(operation: JSON) -> None:
    """Remove FastAPI's "a string" from event streams, which have a schema of each event."""
    for response in operation["responses"].values():
        for content in response.get("content", {}).values():
            if "itemSchema" in content:
                content.pop("schema", None)


def _add_headers(operation: JSON) -> None:
    responses = operation["responses"]
    headers = {"429": RETRY_AFTER, "503": RETRY_AFTER}
    if "304" in responses:
        headers |= {"200": VALIDATORS, "304": VALIDATORS}
    if "requestBody" in operation:
        headers["202"] = SUBMITTED
    for status in headers.keys() & responses.keys():
        responses[status].setdefault("headers", {}).update(headers[status])
