"""Problem types (RFC 9457) that HTTP itself needs; api/errors.py adds those of the domain."""

from dataclasses import dataclass, field
from http import HTTPStatus


@dataclass(frozen=True)
class ProblemType:
    """A type of problem, named by a slug and explained by a page.

    Attributes:
        slug: Its name for programs, and the last part of its address.
        status: The HTTP status.
        title: A few words.
        explanation: What it means and what to do, for its page.
        detail: The detail of every problem of this type; None takes the error's own message.
        headers: Headers of every answer of this type.
    """

    slug: str
    status: HTTPStatus
    title: str
    explanation: str
    detail: str | None = None
    headers: dict[str, str] = field(default_factory=dict, compare=False)

    @property
    def address(self) -> str:
        """Return the path of its page, which is the `type` of its problem documents."""
        return f"/problems/{self.slug}"


INVALID = ProblemType(
    "invalid-request",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "The request is not valid",
    "Something in the request is not what it may be. errors lists every fault: where it is, what is allowed, and what "
    "was received. Nothing was stored.",
)
NOT_FOUND = ProblemType(
    "not-found",
    HTTPStatus.NOT_FOUND,
    "There is nothing at this address",
    "Either this service has no such address (/docs lists them), or the address names something that does not exist: "
    "the id is mistyped, or it was deleted, by hand or when its time was up, or an index is out of range.",
)
METHOD_NOT_ALLOWED = ProblemType(
    "method-not-allowed",
    HTTPStatus.METHOD_NOT_ALLOWED,
    "This cannot be done here",
    "The address exists and does not take this method; the header Allow names those that it takes, and /docs tells "
    "what they do.",
)
BAD_REQUEST = ProblemType(
    "bad-request",
    HTTPStatus.BAD_REQUEST,
    "The request cannot be understood",
    "The request breaks a rule of HTTP, or was sent under a host name that this service does not answer to.",
)
KEY_REUSED = ProblemType(
    "idempotency-key-reused",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "The idempotency key stands for another request",
    "An Idempotency-Key stands for one request for a day, and it came with another address or body before. Choose a "
    "new key for a new request. Nothing was stored.",
)
KEY_IN_USE = ProblemType(
    "idempotency-key-in-use",
    HTTPStatus.CONFLICT,
    "A request with this idempotency key is being answered",
    "Two requests with the same Idempotency-Key came at once. Send this one again in a moment, and it gets the answer "
    "of the other.",
)
KEY_REFUSED = ProblemType(
    "api-key-refused",
    HTTPStatus.UNAUTHORIZED,
    "This service wants an API key",
    "Each request must bring an API key in the header Authorization, after the word Bearer. Who runs the service makes "
    "keys with `noisesweep key`.",
    headers={"WWW-Authenticate": "Bearer"},
)
CONTENT_TOO_LARGE = ProblemType(
    "content-too-large",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "The body is too large",
    "No request that this service takes comes near 64 KiB. Nothing was stored.",
)
REQUEST_TIMEOUT = ProblemType(
    "request-timeout",
    HTTPStatus.REQUEST_TIMEOUT,
    "The body did not come in time",
    "The head of the request was there, and its body was not. Nothing was stored: send it again.",
)
INTERNAL_ERROR = ProblemType(
    "internal-error",
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "A fault of the service",
    "The service broke on this request. Its log says where; please report it.",
    "This is a fault of the service; its log says where.",
)
# The problem types of what the framework refuses by itself, by status.
FRAMEWORK = {
    each.status: each for each in (NOT_FOUND, METHOD_NOT_ALLOWED, CONTENT_TOO_LARGE, REQUEST_TIMEOUT, BAD_REQUEST)
}
