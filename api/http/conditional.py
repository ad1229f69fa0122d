"""Conditional requests (RFC 9110, section 13): 304 for a read and 412 for a change."""

import re
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import FastAPI, Header, Request, Response
from starlette.exceptions import HTTPException

from api.http.problems import problem_responses

CACHE_CONTROL = "private, no-cache"
_TAG = re.compile(r'(W/)?("[^"]*")')
IfNoneMatch = Annotated[
    str | None,
    Header(
        description="ETags that the client has. If one of them is current, the answer is 304 without a body.",
        examples=['"48-0.1.0"', "*"],
    ),
]
IfMatch = Annotated[
    str | None,
    Header(
        description="ETags of the versions that the request is meant for. If none of them is current, the answer is "
        "412, and nothing changes.",
        examples=['"48-0.1.0"', "*"],
    ),
]
# OpenAPI `responses` of a route that supports If-Match.
PRECONDITION = problem_responses(HTTPStatus.PRECONDITION_FAILED)
# OpenAPI `responses` of a route that may answer 304.
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "The client has the current version."}}


class NotModified(Exception):  # noqa: N818 - not an error
    """Exception for a client that has the current version. The answer is 304."""

    def __init__(self, etag: str) -> None:
        self.etag = etag


def validators(etag: str) -> dict[str, str]:
    """Return headers that let a client cache an answer and revalidate it on each use."""
    return {"ETag": etag, "Cache-Control": CACHE_CONTROL}


def raise_if_not_modified(if_none_match: str | None, etag: str) -> None:
    """Raise NotModified if the If-None-Match header lists the ETag (weak comparison, RFC 9110, section 13.1.2)."""
    if if_none_match and (if_none_match.strip() == "*" or etag in [tag for _, tag in _TAG.findall(if_none_match)]):
        raise NotModified(etag)


def raise_unless_match(if_match: str | None, etag: str) -> None:
    """Raise HTTPException 412 unless the If-Match header lists the ETag (strong comparison, section 13.1.1)."""
    if if_match is None or if_match.strip() == "*" or ("", etag) in _TAG.findall(if_match):
        return
    detail = f"If-Match: expected the current ETag {etag}, received {if_match}. Nothing was changed."
    raise HTTPException(HTTPStatus.PRECONDITION_FAILED, detail, {"ETag": etag})


def install(app: FastAPI) -> None:
    """Register the handler that answers NotModified with 304."""

    async def answer(_request: Request, error: Exception) -> Response:
        assert isinstance(error, NotModified)  # noqa: S101 - registered for this type only
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=validators(error.etag))

    app.add_exception_handler(NotModified, answer)
