"""Conditional GET (RFC 9110, section 13): 304 when the client's ETag is current."""

import re
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import FastAPI, Header, Request, Response

CACHE_CONTROL = "private, no-cache"
_TAG = re.compile(r'(?:W/)?("[^"]*")')
IfNoneMatch = Annotated[
    str | None,
    Header(
        description="ETags that the client has: 304 without a body if one of them is the newest.",
        examples=['"48-0.1.0"', "*"],
    ),
]
# The `responses` of a route that may answer 304.
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "The client has the newest version."}}


class NotModified(Exception):  # noqa: N818 - not an error; it ends the request
    """The client has the newest version."""

    def __init__(self, etag: str) -> None:
        self.etag = etag


def validators(etag: str) -> dict[str, str]:
    """Return the headers that let a client keep an answer and revalidate it cheaply each time."""
    return {"ETag": etag, "Cache-Control": CACHE_CONTROL}


def raise_if_not_modified(if_none_match: str | None, etag: str) -> None:
    """Raise NotModified if the header names the ETag, by the weak comparison that the RFC prescribes."""
    if if_none_match and (if_none_match.strip() == "*" or etag in _TAG.findall(if_none_match)):
        raise NotModified(etag)


def install(app: FastAPI) -> None:
    """Answer NotModified with 304."""

    async def answer(_request: Request, error: Exception) -> Response:
        assert isinstance(error, NotModified)  # noqa: S101 - registered for this type alone
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=validators(error.etag))

    app.add_exception_handler(NotModified, answer)
