"""Invalid fields of a request, from the errors of pydantic."""

import json
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel

from noisesweep.models import InvalidField
from noisesweep.models.faults import explain

RECEIVED_LIMIT = 200
# Only the first errors of a request name the field that was meant: a body may have thousands of unknown fields.
MAX_SUGGESTIONS = 20
# Pydantic appends "[key]" to the location of an invalid dict key. It is not part of the JSON pointer.
KEY_MARKER = "[key]"


def invalid_field(reason: str, received: object, origin: str, *path: str | int) -> RequestValidationError:
    """Return the error of a value that only a route can check.

    Args:
        reason: The expected and the received value, as text.
        received: The received value.
        origin: "body" or "query".
        path: Path of the field in the body, or the name of the parameter and the index in its list.
    """
    return RequestValidationError([{"type": "value_error", "loc": (origin, *path), "msg": reason, "input": received}])


def invalid_fields(error: RequestValidationError, model: type[BaseModel] | None = None) -> list[InvalidField]:
    """Return every invalid field with its location, the reason, and the received value.

    Args:
        error: The errors of pydantic.
        model: The model of the body; None if the route has none.
    """
    return [
        _not_json(error, fault)
        if fault["type"] == "json_invalid"
        else InvalidField(
            pointer=_pointer(fault["loc"][0], *_received_path(error.body, *fault["loc"][1:])),
            detail=explain(fault, model if number < MAX_SUGGESTIONS else None) + _form_of_list(*fault["loc"]),
            received=_received(fault["input"]),
        )
        for number, fault in enumerate(error.errors())
    ]


def _not_json(error: RequestValidationError, fault: dict[str, Any]) -> InvalidField:
    """Return the error of a body that is not valid JSON, with the position in the detail."""
    detail = f"The body is not valid JSON: {fault['ctx']['error']} at character {fault['loc'][-1]}"
    return InvalidField(pointer="#", detail=detail, received=_received(error.body))


def _received_path(body: object, *path: str | int) -> Iterator[str | int]:
    """Yield the steps of the path, without the names of union members that pydantic adds to it."""
    for step, following in zip_longest(path, path[1:]):
        if isinstance(body, dict):
            if step not in body and following is not None:
                continue
            body = body.get(step)
        yield step


def _pointer(origin: str, *path: str | int) -> str:
    """Return a JSON pointer as a URI fragment (RFC 6901, section 6) for a body field; otherwise the parameter name."""
    if origin == "body":
        path = path[:-1] if path[-1:] == (KEY_MARKER,) else path
        return "#" + "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return "/".join(str(step) for step in path)


def _form_of_list(origin: str, *path: str | int) -> str:
    """Return the form of a list of query parameters for an invalid item of one; "" for other locations."""
    if origin != "query" or not (path and isinstance(path[-1], int)):
        return ""
    return f". For several values, repeat the parameter: {path[0]}=A&{path[0]}=B"


def _received(value: object) -> Any:  # noqa: ANN401 - any JSON
    """Return the received value, or truncated text if the value is long or not valid JSON (NaN)."""
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        text = repr(value)
        return text[:RECEIVED_LIMIT]
    return value if len(text) <= RECEIVED_LIMIT else f"{text[:RECEIVED_LIMIT]}..."
