"""Conditional requests (RFC 9110, section 13): 304 for a read and 412 for a change."""

import hashlib
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, NamedTuple

from fastapi import FastAPI, Header, Request, Response
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.staticfiles import NotModifiedResponse

from api.http.problems import problem_responses
from noisesweep import __version__

CACHE_CONTROL = "private, no-cache"
_TAG = re.compile(r'(W/)?("[^"]*")')
IfNoneMatch = Annotated[
    str | None,
    Header(
        description="ETags that the client has. If one of them is current, the answer is 304 without a body.",
        examples=['"48-9f86d081884c"', "*"],
    ),
]
IfMatch = Annotated[
    str | None,
    Header(
        description="ETags of the sweep or run that the request is meant for. If none of them is current, the answer "
        "is 412, and nothing changes.",
        examples=['"48-9f86d081884c"', "*"],
    ),
]
# OpenAPI `responses` of a route that supports If-Match.
PRECONDITION = problem_responses(HTTPStatus.PRECONDITION_FAILED)
# OpenAPI `responses` of a route that may answer 304.
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "The client has the current version."}}


class Representation(NamedTuple):
    """Representation of a resource in an answer (RFC 9110, section 3.2).

    Attributes:
        media_type: The media type of the answer.
        exact: Whether one state of the resource gives the same bytes on every host. Otherwise its ETags are weak.
        vary: The request header that the media type was chosen by; None if it was not.
        made_with: What else the bytes depend on besides the program, for example the versions of libraries.
    """

    media_type: str
    exact: bool = True
    vary: str | None = None
    made_with: str = ""

    def headers(self, target: str, state: str = "") -> dict[str, str]:
        """Return the headers with which an answer is cached and revalidated. A 304 has the same ones.

        The ETag names everything that the body depends on, so two representations never share one.

        Args:
            target: Path and query of the resource, as from `target_of`. The query contains the options of the
                representation.
            state: The state of the resource; "" if it never changes.
        """
        source = f"{target} {self.media_type} {__version__} {self.made_with}"
        digest = hashlib.sha256(source.encode()).hexdigest()[:12]
        etag = f'{"" if self.exact else "W/"}"{f"{state}-" if state else ""}{digest}"'
        return {"ETag": etag, "Cache-Control": CACHE_CONTROL} | ({"Vary": self.vary} if self.vary else {})


JSON = Representation("application/json")


def target_of(request: Request) -> str:
    """Return the path and the query of a request."""
    return f"{request.scope['path']}?{request.scope['query_string'].decode('latin-1')}"


class NotModified(Exception):  # noqa: N818 - not an error
    """Exception for a client that has the current version. The answer is 304.

    Attributes:
        headers: The headers that the answer with status 200 would have.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.headers = headers


def raise_if_not_modified(if_none_match: str | None, headers: Mapping[str, str]) -> None:
    """Raise NotModified if the If-None-Match header lists the ETag in `headers`, the headers of the answer.

    The comparison is weak (RFC 9110, section 13.1.2): a proxy that compresses answers makes their ETags weak.
    """
    etag = headers["ETag"].removeprefix("W/")
    if if_none_match and (if_none_match.strip() == "*" or etag in [tag for _, tag in _TAG.findall(if_none_match)]):
        raise NotModified(headers)


def raise_unless_match(if_match: str, etag: str) -> None:
    """Raise HTTPException 412 unless the If-Match header lists the ETag (strong comparison, section 13.1.1)."""
    if if_match.strip() == "*" or ("", etag) in _TAG.findall(if_match):
        return
    detail = f"If-Match: expected the current ETag {etag}, received {if_match}. Nothing was changed."
    if ("W/", etag) in _TAG.findall(if_match):
        detail += (
            " If-Match needs a strong ETag, and a proxy that compresses answers makes ETags weak: read the sweep or "
            "run with `Accept-Encoding: identity`."
        )
    raise HTTPException(HTTPStatus.PRECONDITION_FAILED, detail, {"ETag": etag})


def install(app: FastAPI) -> None:
    """Register the handler that answers NotModified with 304."""

    async def answer(_request: Request, error: Exception) -> Response:
        assert isinstance(error, NotModified)  # noqa: S101 - registered for this type only
        return NotModifiedResponse(Headers(error.headers))  # it keeps only the headers that a 304 may have

    app.add_exception_handler(NotModified, answer)
