"""The invalid fields of a request."""

import json
from typing import Any

from fastapi.exceptions import RequestValidationError

from noisesweep.models import InvalidField

RECEIVED_LIMIT = 200
# Pydantic marks a bad key with [key]; it is dropped from the JSON pointer.
KEY_ITSELF = "[key]"


def invalid_fields(error: RequestValidationError) -> list[InvalidField]:
    """Return every invalid field: where it is, what is allowed, and what was received."""
    return [
        _not_json(error, fault)
        if fault["type"] == "json_invalid"
        else InvalidField(
            pointer=_pointer(*fault["loc"]),
            detail=fault["msg"].removeprefix("Value error, "),
            received=_received(fault["input"]),
        )
        for fault in error.errors()
    ]


def _not_json(error: RequestValidationError, fault: dict[str, Any]) -> InvalidField:
    """Return the field of a body that is not JSON, with the position of the error in the detail."""
    detail = f"The body is not JSON: {fault['ctx']['error']} at character {fault['loc'][-1]}"
    return InvalidField(pointer="#", detail=detail, received=_received(error.body))


def _pointer(origin: str, *path: str | int) -> str:
    """Return a JSON pointer as a URI fragment (RFC 6901, section 6) for the body, otherwise a parameter's name."""
    if origin == "body":
        path = path[:-1] if path[-1:] == (KEY_ITSELF,) else path
        return "#" + "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return "/".join(str(step) for step in path)


def _received(value: object) -> Any:  # noqa: ANN401 - any JSON
    """Return the value as received; as text if JSON cannot represent it (NaN), cut short if it is long."""
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        text = repr(value)
        return text[:RECEIVED_LIMIT]
    return value if len(text) <= RECEIVED_LIMIT else f"{text[:RECEIVED_LIMIT]}..."
