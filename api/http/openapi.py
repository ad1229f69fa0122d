"""The OpenAPI document: what the framework makes of the routes, made exact, and with links from answer to answer."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

from api.http.problems import Problem
from noisesweep.models import EventList
from shared.datasets import MAX_PARAMETERS, DatasetName

JSON = dict[str, Any]

# What routes answer with and FastAPI does not see.
OTHER_MODELS = (Problem, EventList)
RETRY_AFTER: JSON = {
    "Retry-After": {
        "description": "Seconds after which it is worth asking again.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    }
}
SUBMITTED: JSON = RETRY_AFTER | {
    "Location": {
        "description": "Where the sweep or the run is from now on.",
        "required": True,
        "schema": {"type": "string", "pattern": "^/(sweeps|runs)/[0-9a-f]{16}(-0)?$"},
    },
    "Preference-Applied": {
        "description": "The wait that was granted, where one was preferred.",
        "schema": {"type": "string", "pattern": "^wait=[0-9]{1,2}$"},
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


def _links(parameter: str, value: str, *operations: str) -> JSON:
    return {operation: {"operationId": operation, "parameters": {parameter: value}} for operation in operations}


_TO_SWEEP = (
    "get_sweep",
    "get_results",
    "get_summary",
    "plot_sweep",
    "follow_sweep",
    "extend_sweep",
    "cancel_sweep",
    "retry_sweep",
    "delete_sweep",
)
_TO_RUN = ("get_run", "plot_run", "follow_run", "download_model", "cancel_run")
# Where each kind of answer leads to.
LINKS: dict[str, JSON] = {
    "Sweep": _links("sweep_id", "$response.body#/id", *_TO_SWEEP)
    | _links("run_id", "$response.body#/runs/0/id", *_TO_RUN),
    "SweepList": _links("sweep_id", "$response.body#/sweeps/0/id", *_TO_SWEEP)
    | _links("run_id", "$response.body#/sweeps/0/runs/0/id", *_TO_RUN),
    "Run": _links("run_id", "$response.body#/id", *_TO_RUN)
    | _links("sweep_id", "$response.body#/sweep_id", *_TO_SWEEP),
}


def install(app: FastAPI) -> None:
    """Let the app describe itself so."""
    generate = app.openapi

    def openapi() -> JSON:
        if app.openapi_schema is None:
            _make_exact(generate())  # the app keeps what it generates: it is changed in place
        return generate()

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way to extend the document


def _make_exact(document: JSON) -> None:
    schemas = document["components"]["schemas"]
    for model in OTHER_MODELS:
        schema = model.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
        for name, definition in (schema.pop("$defs") | {model.__name__: schema}).items():
            schemas.setdefault(name, definition)
    for name in ("SweepRequest", "RunRequest"):  # what depends on the catalogue is not in the wire models
        properties = schemas[name]["properties"]
        properties["dataset"]["enum"] = list(DatasetName)
        properties["hidden_units"]["description"] += f" The limit is {MAX_PARAMETERS:,}."
    for operation in _operations(document):
        _remove_the_frameworks_own_error(operation)
        _remove_null(operation)
        _tell_streams_by_their_events(operation)
        _add_headers(operation)
        _add_links(operation)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)


def _operations(document: JSON) -> Iterator[JSON]:
    for methods in document["paths"].values():
        yield from methods.values()


def _remove_the_frameworks_own_error(operation: JSON) -> None:
    """FastAPI documents 422 wherever there is a parameter, be it any string; those that may answer so say it."""
    if "application/json" in operation["responses"].get("422", {}).get("content", {}):
        del operation["responses"]["422"]


def _remove_null(operation: JSON) -> None:
    """A parameter that may be None may be left out; on the wire there is no null, only the text."""
    for parameter in operation.get("parameters", []):
        schema = parameter["schema"]
        choices = [choice for choice in schema.pop("anyOf", []) if choice != {"type": "null"}]
        if len(choices) == 1:
            schema |= choices[0]
        elif choices:
            schema["anyOf"] = choices


def _tell_streams_by_their_events(operation: JSON) -> None:
    """Beside a schema of each event, FastAPI's "a string" would be that of the list of all."""
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


def _add_links(operation: JSON) -> None:
    for response in operation["responses"].values():
        schema = response.get("content", {}).get("application/json", {}).get("schema", {})
        links = LINKS.get(schema.get("$ref", "").rpartition("/")[2])
        if links:
            response["links"] = links
