"""Problem types (RFC 9457) of the HTTP layer. api/errors.py adds those of the domain."""

from dataclasses import dataclass, field
from http import HTTPStatus


@dataclass(frozen=True)
class ProblemType:
    """Problem type with a slug and an explanation page.

    Attributes:
        slug: The machine-readable name, and the last part of its path.
        status: The HTTP status.
        title: A short summary for people.
        explanation: The cause and the remedy, for the page.
        detail: The detail of every problem of this type; None uses the message of the error.
        headers: HTTP headers of every answer of this type.
    """

    slug: str
    status: HTTPStatus
    title: str
    explanation: str
    detail: str | None = None
    headers: dict[str, str] = field(default_factory=dict, compare=False)

    @property
    def path(self) -> str:
        """Return the path of the page, which is the `type` of the problem documents."""
        return f"/problems/{self.slug}"


INVALID = ProblemType(
    "invalid-request",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "The request is not valid",
    "At least one field or parameter is invalid. The member errors lists all of them: where each is, what is allowed, "
    "and what was received. Nothing was stored.",
)
NOT_FOUND = ProblemType(
    "not-found",
    HTTPStatus.NOT_FOUND,
    "Not found",
    "The path does not exist (the documentation of the API lists all paths), or it names something that does not "
    "exist. The id may be mistyped, an index may be out of range, or the sweep or model may have been deleted or have "
    "expired.",
)
METHOD_NOT_ALLOWED = ProblemType(
    "method-not-allowed",
    HTTPStatus.METHOD_NOT_ALLOWED,
    "Method not allowed",
    "The path exists but does not support this method. The header Allow lists the supported methods, and the "
    "documentation of the API describes them.",
)
BAD_REQUEST = ProblemType(
    "bad-request",
    HTTPStatus.BAD_REQUEST,
    "Bad request",
    "The request is not valid HTTP, repeats a header that has one value, or names a host that this service does not "
    "accept. NOISESWEEP_ALLOWED_HOSTS lists the accepted hosts.",
)
UNSUPPORTED_MEDIA_TYPE = ProblemType(
    "unsupported-media-type",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "The type of the body is not supported",
    "A request body is JSON without compression. Send it with the header `Content-Type: application/json`. Nothing was "
    "stored.",
)
CROSS_SITE = ProblemType(
    "cross-site-request",
    HTTPStatus.FORBIDDEN,
    "Pages of other sites may not change anything",
    "A browser sent the request for a page of another site. If you trust the page, add its origin to "
    "NOISESWEEP_CORS_ORIGINS. If the page belongs to this service, let the proxy forward the original Host header. "
    "Nothing was changed.",
)
PRECONDITION_FAILED = ProblemType(
    "precondition-failed",
    HTTPStatus.PRECONDITION_FAILED,
    "The sweep or run has changed",
    "The header If-Match names the version that the request is meant for, and the sweep or run has another version now."
    " Read it again, and repeat the request with its current ETag. Nothing was changed.",
)
KEY_REFUSED = ProblemType(
    "api-key-refused",
    HTTPStatus.UNAUTHORIZED,
    "A valid API key is required",
    "Send an API key in the header Authorization, after the word Bearer. The operator of the service makes keys with "
    "`noisesweep key`.",
    headers={"WWW-Authenticate": "Bearer"},
)
CONTENT_TOO_LARGE = ProblemType(
    "content-too-large",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "The body is too large",
    "A request body may have up to 64 KiB. Nothing was stored.",
)
REQUEST_TIMEOUT = ProblemType(
    "request-timeout",
    HTTPStatus.REQUEST_TIMEOUT,
    "The body did not arrive in time",
    "The headers of the request arrived in time, but its body did not. Nothing was stored: send the request again.",
)
TOO_BUSY = ProblemType(
    "too-busy",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "Too many requests for expensive work",
    "Plots and noise previews are expensive, so they are made one at a time. Too many requests are waiting, in all or "
    "with this API key. Retry-After says how many seconds to wait before the next attempt.",
    "Too many requests are waiting for plots or noise previews, in all or with this API key. Try again shortly.",
    headers={"Retry-After": "2"},
)
TOO_MANY_BYTES = ProblemType(
    "too-many-bytes",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "Too many large answers are on their way",
    "Clients have not yet received other large answers, which the service keeps in memory until then. Read the answers "
    "that you have requested. Retry-After says how many seconds to wait before the next attempt.",
    headers={"Retry-After": "2"},
)
INTERNAL_ERROR = ProblemType(
    "internal-error",
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "Internal error",
    "The service failed to process this request. Its log has the details; please report the error.",
    "The service failed to process this request. Its log has the details.",
)
# Problem types of HTTPException, by status.
FRAMEWORK = {
    each.status: each
    for each in (
        BAD_REQUEST,
        CROSS_SITE,
        NOT_FOUND,
        METHOD_NOT_ALLOWED,
        REQUEST_TIMEOUT,
        PRECONDITION_FAILED,
        CONTENT_TOO_LARGE,
        UNSUPPORTED_MEDIA_TYPE,
    )
}
