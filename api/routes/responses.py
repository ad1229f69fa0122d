"""The `responses` that several routes document."""

from http import HTTPStatus
from typing import Any

from api.http.problems import documented
from noisesweep.models import Estimate

# Of routes that add runs to the queue.
ADMISSION = documented(
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INSUFFICIENT_STORAGE,
)
# Of those that take an idempotency key.
SUBMISSION = ADMISSION | documented(HTTPStatus.CONFLICT)
# Of routes that need an API key.
REFUSED = documented(HTTPStatus.UNAUTHORIZED)
# Of routes that read or write the store.
STORED = documented(HTTPStatus.SERVICE_UNAVAILABLE)
# Of routes that take dry runs.
ESTIMATE: dict[int | str, dict[str, Any]] = {
    200: {"model": Estimate, "description": "A dry run: what it would cost. Nothing was stored."}
}
