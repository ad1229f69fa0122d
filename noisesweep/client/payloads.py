"""Request bodies and queries, and the reading of answers."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from noisesweep.client.errors import WrongUsageError, foreign

Model = TypeVar("Model", bound=BaseModel)

LISTS = ("scales", "seeds", "hidden_units")
FORMATS = ("png", "svg", "pdf")


def parsed(model: type[Model], content: bytes | str, response: httpx.Response) -> Model:
    """Return the model that JSON content of a response describes.

    Raises:
        ServiceUnreachableError: The content does not fit the model, so the service is not one this client knows.
    """
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise foreign(response) from error


def json_body(fields: Mapping[str, Any]) -> bytes:
    """Return fields as JSON. LISTS accept any iterable, and NumPy scalars become Python numbers.

    Raises:
        WrongUsageError: A value has no JSON form.
    """
    body = {name: _listed(name, value) if name in LISTS else value for name, value in fields.items()}
    try:
        return json.dumps(body, allow_nan=False, default=_plain).encode()
    except (TypeError, ValueError) as error:
        raise WrongUsageError(f"a field is not JSON serializable ({error}). Received: {dict(fields)}") from error


def list_query(filters: Mapping[str, Any], limit: int) -> dict[str, Any]:
    """Return the query of a page of sweeps."""
    query = {**filters, "limit": limit}
    if "tags" in query:
        query["tag"] = list(query.pop("tags"))
    return query


def noise_query(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the query of a noise preview."""
    query = dict(fields)
    if "scales" in query:
        query["scale"] = [float(scale) for scale in query.pop("scales")]
    if "indices" in query:
        query["indices"] = ",".join(str(index) for index in query["indices"])
    return query


def format_of(path: str | PurePath) -> str:
    """Return the picture format that a file's suffix names: png, svg or pdf.

    Raises:
        WrongUsageError: The suffix names no such format.
    """
    path = PurePath(path)
    suffix = path.suffix.removeprefix(".").lower()
    if suffix not in FORMATS:
        raise WrongUsageError(f"{path.name!r} names no format of a picture: let it end in .png, .svg or .pdf")
    return suffix


def saved(path: str | Path, picture: bytes) -> Path:
    """Write a picture and return its path; raise OSError if that fails."""
    Path(path).write_bytes(picture)
    return Path(path)


def _listed(name: str, value: object) -> list[object]:
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise WrongUsageError(f"{name}: expected several numbers, such as [0.5, 1]. Received: {value!r}")
    return list(value)


def _plain(value: object) -> object:
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} is not JSON serializable")
