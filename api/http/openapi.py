"""Corrections to the OpenAPI document that FastAPI generates."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from noisesweep.models import Problem

JSON = dict[str, Any]

RETRY_AFTER: JSON = {
    "Retry-After": {
        "description": "Seconds to wait before the next request.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    }
}
SUBMITTED: JSON = RETRY_AFTER | {
    "Location": {
        "description": "The path of the resource.",
        "required": True,
        "schema": {"type": "string", "pattern": "/[a-z]+/[0-9a-f]{16}(-0)?$"},
    },
}
FILE_NAME: JSON = {
    "Content-Disposition": {
        "description": "The name for saving the answer as a file.",
        "required": True,
        "schema": {"type": "string"},
    }
}
VALIDATORS: JSON = {
    "ETag": {
        "description": "The version of the answer, for If-None-Match. W/ precedes that of a picture.",
        "required": True,
        "schema": {"type": "string", "pattern": '^(W/)?"[^"]+"$'},
    },
    "Cache-Control": {
        "description": "Clients may cache the answer and must revalidate it on each use.",
        "required": True,
        "schema": {"type": "string"},
    },
}


def install(app: FastAPI, models: Sequence[type[BaseModel]], complete: Callable[[JSON], None]) -> None:
    """Correct the OpenAPI document of the app.

    Args:
        app: The application.
        models: Models whose schemas FastAPI cannot derive from the routes.
        complete: Function that completes a dict of schemas by name, in place.
    """
    generate = app.openapi

    def openapi() -> JSON:
        if app.openapi_schema is None:
            # The app caches the document that `generate` returns. It is therefore corrected in place.
            complete(_correct(generate(), [Problem, *models]))
        return generate()

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documentation recommends this assignment


def _correct(document: JSON, models: Sequence[type[BaseModel]]) -> JSON:
    schemas: JSON = document["components"]["schemas"]
    for model in models:
        schema = model.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
        for name, definition in (schema.pop("$defs", {}) | {model.__name__: schema}).items():
            schemas.setdefault(name, definition)
    for schema in schemas.values():
        _describe_default_objects(schema)
    for operation in _operations(document):
        _remove_default_422(operation)
        _remove_null_type(operation)
        _correct_streams(operation)
        _add_headers(operation)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return schemas


def _operations(document: JSON) -> Iterator[JSON]:
    for methods in document["paths"].values():
        yield from methods.values()


def _describe_default_objects(schema: JSON) -> None:
    """Move the defaults that are objects into the descriptions: generators of clients support no such default."""
    for field in schema.get("properties", {}).values():
        default = field.get("default")
        if isinstance(default, dict):
            del field["default"]
            field["description"] += f" Default: {json.dumps(default)}." if default else ""


def _remove_default_422(operation: JSON) -> None:
    """Remove the 422 that FastAPI adds to every route with parameters. Routes that can answer 422 declare their own."""
    if "application/json" in operation["responses"].get("422", {}).get("content", {}):
        del operation["responses"]["422"]


def _remove_null_type(operation: JSON) -> None:
    """Remove null from the types of parameters. A client omits an optional parameter and never sends null."""
    for parameter in operation.get("parameters", []):
        schema = parameter["schema"]
        choices = [choice for choice in schema.pop("anyOf", []) if choice != {"type": "null"}]
        if len(choices) == 1:
            schema |= choices[0]
        elif choices:
            schema["anyOf"] = choices


def _correct_streams(operation: JSON) -> None:
    """Remove the string schema that FastAPI adds to event streams. They declare the schema of one event instead.

    Generated clients read the first type that they support, so a page of JSON precedes the stream.
    """
    for response in operation["responses"].values():
        contents = response.get("content", {})
        for media_type in [each for each, content in contents.items() if "itemSchema" in content]:
            contents[media_type] = {"itemSchema": contents.pop(media_type)["itemSchema"]}


def _add_headers(operation: JSON) -> None:
    responses = operation["responses"]
    headers = {"429": RETRY_AFTER, "503": RETRY_AFTER}
    if "304" in responses:
        headers |= {"200": VALIDATORS, "304": VALIDATORS}
    if "412" in responses:
        headers |= {"200": VALIDATORS, "202": VALIDATORS}
    if "requestBody" in operation:
        headers["202"] = headers.get("202", {}) | SUBMITTED
    for status in headers.keys() & responses.keys():
        responses[status]["headers"] = responses[status].get("headers", {}) | headers[status]
