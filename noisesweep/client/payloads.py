"""Request bodies, query parameters and response parsing."""

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from noisesweep.client.errors import WrongUsageError, unknown_service_error

Model = TypeVar("Model", bound=BaseModel)

LISTS = ("scales", "seeds", "hidden_units")
FORMATS = ("png", "svg", "pdf")


def parse(model: type[Model], content: bytes | str, response: httpx.Response) -> Model:
    """Parse JSON content of a response as a model.

    Raises:
        ServiceUnreachableError: The content does not match the model. The service is incompatible or not noisesweep.
    """
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise unknown_service_error(response) from error


def json_body(fields: Mapping[str, Any]) -> bytes:
    """Return fields as JSON. The fields in LISTS accept any iterable, and all fields accept NumPy scalars.

    Raises:
        WrongUsageError: A value is not JSON serializable.
    """
    body = {name: _to_list(name, value) if name in LISTS else value for name, value in fields.items()}
    try:
        return json.dumps(body, allow_nan=False, default=_to_python_number).encode()
    except (TypeError, ValueError) as error:
        raise WrongUsageError(f"a field is not JSON serializable ({error}). Received: {dict(fields)}") from error


def list_query(filters: Mapping[str, Any], limit: int) -> dict[str, Any]:
    """Return the query parameters for a page of sweeps."""
    query = {**filters, "limit": limit}
    if "tags" in query:
        query["tag"] = list(query.pop("tags"))
    return query


def noise_query(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the query parameters for a noise preview."""
    query = dict(fields)
    if "scales" in query:
        query["scale"] = [float(scale) for scale in query.pop("scales")]
    if "kinds" in query:
        query["noise"] = [str(kind) for kind in query.pop("kinds")]
    if "indices" in query:
        query["indices"] = ",".join(str(index) for index in query["indices"])
    return query


def transfer_query(sweeps: Iterable[Any], scales: Iterable[float]) -> dict[str, Any]:
    """Return the query parameters for a table of transfer between sweeps, given as ids or handles."""
    ids = [sweep if isinstance(sweep, str) else sweep.id for sweep in sweeps]
    return {"sweep": ids, "scale": [float(scale) for scale in scales]}


def dataset_path(name: str) -> str:
    """Return the path of a data set."""
    return f"/datasets/{quote(name, safe='')}"


def dataset_archive(path: str | Path) -> bytes:
    """Return a file, or the files of a folder as a zip archive.

    Raises:
        WrongUsageError: The path does not exist, or the folder has no files.
    """
    path = Path(path)
    if not path.exists():
        raise WrongUsageError(f"{path} does not exist: expected an .npz file, or a folder with four IDX files")
    if path.is_file():
        return path.read_bytes()
    files = sorted(file for file in path.iterdir() if "ubyte" in file.name)
    if not files:
        raise WrongUsageError(f"{path} has no IDX files: expected names like train-images-idx3-ubyte or with .gz")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, file.name)
    return content.getvalue()


def image_format(path: str | PurePath) -> str:
    """Return the image format that the suffix of a path names: png, svg or pdf.

    Raises:
        WrongUsageError: The suffix is not .png, .svg or .pdf.
    """
    path = PurePath(path)
    suffix = path.suffix.removeprefix(".").lower()
    if suffix not in FORMATS:
        raise WrongUsageError(f"expected a file name that ends in .png, .svg or .pdf, received {path.name!r}")
    return suffix


def save(path: str | Path, content: bytes) -> Path:
    """Write a file and return its path."""
    Path(path).write_bytes(content)
    return Path(path)


def _to_list(name: str, value: object) -> list[object]:
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise WrongUsageError(f"{name}: expected a list of numbers, for example [0.5, 1]. Received: {value!r}")
    return list(value)


def _to_python_number(value: object) -> object:
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} is not JSON serializable")
