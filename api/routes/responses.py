"""OpenAPI `responses` shared by several routes."""

from http import HTTPStatus
from typing import Any, Literal

from api.http.problems import problem_responses
from noisesweep.models import Estimate

# Routes with a JSON body.
JSON_BODY = problem_responses(
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)
# Routes that add runs to the queue.
ADMISSION = JSON_BODY | problem_responses(
    HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.INSUFFICIENT_STORAGE
)
# Routes that create a key or a share link.
CREATION = JSON_BODY | problem_responses(HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT, HTTPStatus.INSUFFICIENT_STORAGE)
# Routes that require an API key.
UNAUTHORIZED = problem_responses(HTTPStatus.UNAUTHORIZED)
# Routes that a share link does not read.
FORBIDDEN = problem_responses(HTTPStatus.FORBIDDEN)
# Routes that refuse query parameters that they do not declare: all of them.
UNKNOWN_PARAMETER = problem_responses(HTTPStatus.UNPROCESSABLE_ENTITY)
# Routes that read or write the store.
STORE_UNAVAILABLE = problem_responses(HTTPStatus.SERVICE_UNAVAILABLE)
# Routes whose answers are expensive, so that only a limited number of requests may wait for them.
TOO_BUSY = problem_responses(HTTPStatus.SERVICE_UNAVAILABLE)
# Routes that support dry runs.
ESTIMATE: dict[int | str, dict[str, Any]] = {
    200: {"model": Estimate, "description": "The estimated cost of a dry run. Nothing was stored."}
}


def named(file_name: str, disposition: Literal["inline", "attachment"] = "inline") -> dict[str, str]:
    """Return the header with the name of an answer that people save as a file."""
    return {"Content-Disposition": f'{disposition}; filename="{file_name}"'}
