"""What is wrong with a request, field by field."""

import json
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field

RECEIVED_LIMIT = 200
# Pydantic's step for a key that is wrong itself. A JSON pointer has none: it leads to the member of that key.
KEY_ITSELF = "[key]"


class InvalidField(BaseModel):
    """One thing that is wrong with a request."""

    pointer: str = Field(
        description="Where: a JSON pointer into the body, or the name of a query parameter.", examples=["#/scales/1"]
    )
    detail: str = Field(description="What is allowed.", examples=["Input should be greater than or equal to 0"])
    received: Any = Field(description="What came, cut short where it is long.", examples=[-0.5])


def invalid_fields(error: RequestValidationError) -> list[InvalidField]:
    """Every fault that the validation found: where it is, what is allowed, and what came."""
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


def invalid_field(name: str, detail: str, received: object) -> InvalidField:
    """Return the fault of one field at the top of the body."""
    return InvalidField(pointer=_pointer("body", name), detail=detail, received=_received(received))


def _not_json(error: RequestValidationError, fault: dict[str, Any]) -> InvalidField:
    """A body that does not parse: the place is a position in its text, so it stands in the detail."""
    detail = f"The body is not JSON: {fault['ctx']['error']} at character {fault['loc'][-1]}"
    return InvalidField(pointer="#", detail=detail, received=_received(error.body))


def _pointer(origin: str, *path: str | int) -> str:
    """A JSON pointer as a URI fragment (RFC 6901, section 6) for the body, a parameter's name for anything else."""
    if origin == "body":
        path = path[:-1] if path[-1:] == (KEY_ITSELF,) else path
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
