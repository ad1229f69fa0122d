"""The kinds of problems: for programs by their slugs, for people in words."""

from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True)
class Kind:
    """A kind of problem.

    Attributes:
        slug: Names it, for programs and in its address.
        status: What HTTP calls it.
        title: The kind in a few words.
        explanation: What it means and what to do, for its page.
        detail: What is said of each case; None takes the error's own message, which names no internals.
    """

    slug: str
    status: HTTPStatus
    title: str
    explanation: str
    detail: str | None = None

    @property
    def address(self) -> str:
        """Where the kind is explained; the `type` of its problem documents."""
        return f"/problems/{self.slug}"


INVALID = Kind(
    "invalid-request",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "The request is not valid",
    "Something in the request is not what it may be. errors lists every fault: where it is, what is allowed, and what "
    "was received. Nothing was stored.",
)
NO_SUCH_PAGE = Kind(
    "not-found",
    HTTPStatus.NOT_FOUND,
    "There is nothing at this address",
    "Either the address is none of this service, which /docs lists, or it names a sweep, a run or an image that is not "
    "there: the id is mistyped, the sweep was deleted, by hand or some weeks after its end, or the data set has fewer "
    "images.",
)
NO_DATASET = Kind(
    "dataset-unavailable",
    HTTPStatus.NOT_FOUND,
    "The data set is not on this host",
    "The API shows images of the data sets that its host has or can download, and it could do neither with this one; "
    "its log says where it looked. Who runs the service puts the files into the folder that NOISESWEEP_DATA_DIR names, "
    "or runs `python -m shared.datasets NAME`; the API looks again after a minute. The data set digits needs no file.",
    "The host of the API does not have this data set and could not download it; its log says where it looked. It looks "
    "again after a minute. digits is there in any case.",
)
METHOD = Kind(
    "method-not-allowed",
    HTTPStatus.METHOD_NOT_ALLOWED,
    "This cannot be done here",
    "The address exists and does not take this method; the header Allow names those that it takes, and /docs tells "
    "what they do.",
)
BAD_REQUEST = Kind(
    "bad-request",
    HTTPStatus.BAD_REQUEST,
    "The request cannot be understood",
    "The request breaks a rule of HTTP, or was sent under a host name that this service does not answer to.",
)
CONFLICT = Kind(
    "conflict",
    HTTPStatus.CONFLICT,
    "The sweep or run is not in a state for this",
    "What has ended cannot be cancelled, what has succeeded cannot be tried again, and what still trains can be "
    "neither deleted nor tried again: cancel it first, or wait for its end.",
)
KEY_REUSED = Kind(
    "idempotency-key-reused",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "The idempotency key stands for another request",
    "An Idempotency-Key stands for one request for a day, and it came with another address or body before. Choose a "
    "new key for a new request. Nothing was stored.",
)
KEY_IN_USE = Kind(
    "idempotency-key-in-use",
    HTTPStatus.CONFLICT,
    "A request with this idempotency key is being answered",
    "Two requests with the same Idempotency-Key came at once. Send this one again in a moment, and it gets the answer "
    "of the other.",
)
UNAVAILABLE = Kind(
    "store-unavailable",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The store does not answer",
    "The service keeps everything in Redis, which does not answer at the moment. What was accepted before is not lost. "
    "Try again after the seconds that Retry-After names.",
    "The store does not answer at the moment. Nothing is lost that was accepted before; try again shortly.",
)
NEWER = Kind(
    "newer-sweep",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "A newer version of the service wrote this sweep",
    "While a service is upgraded, or when it was set back, a process of an older version may be asked for what a newer "
    "one has written. It leaves that alone rather than misread it. Try again, or have the service upgraded.",
    "This process is of an older version than the one that wrote the sweep, and leaves it alone. Nothing is lost: try "
    "again, or upgrade the service.",
)
FULL = Kind(
    "store-full",
    HTTPStatus.INSUFFICIENT_STORAGE,
    "The store is full",
    "Nothing new can be stored, and nothing of what is there is lost. Delete sweeps that have ended, or give Redis "
    "more memory (maxmemory).",
    "The store is full: nothing was stored, and what is there can still be read. Make room with DELETE on finished "
    "sweeps, or give the store more memory.",
)
QUEUE_FULL = Kind(
    "queue-full",
    HTTPStatus.TOO_MANY_REQUESTS,
    "The queue is full",
    "More runs are queued than may wait. Retry-After is computed from how fast runs have ended lately. Nothing was "
    "stored.",
)
TOO_LARGE = Kind(
    "sweep-too-large",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "The sweep has too many runs",
    "It has more runs than a sweep may have, or than may wait at a time on this service, even alone. Post it in parts. "
    "Nothing was stored.",
)
TOO_MANY_STREAMS = Kind(
    "too-many-streams",
    HTTPStatus.TOO_MANY_REQUESTS,
    "Too many event streams",
    "As many clients follow events as this service serves. Close streams that nobody reads, or ask for the events as "
    "application/json.",
)
NO_KEY = Kind(
    "api-key-refused",
    HTTPStatus.UNAUTHORIZED,
    "This service wants an API key",
    "Each request must bring an API key in the header Authorization, after the word Bearer. Who runs the service makes "
    "keys with `noisesweep key`.",
)
TOO_MUCH = Kind(
    "content-too-large",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "The body is too large",
    "No request that this service takes comes near 64 KiB. Nothing was stored.",
)
TOO_SLOW = Kind(
    "request-timeout",
    HTTPStatus.REQUEST_TIMEOUT,
    "The body did not come in time",
    "The head of the request was there, and its body was not. Nothing was stored: send it again.",
)
FAULT = Kind(
    "internal-error",
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "A fault of the service",
    "The service broke on this request. Its log says where; please report it.",
    "This is a fault of the service; its log says where.",
)
