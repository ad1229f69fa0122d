"""One table from error type to problem type, and the problem types of the domain."""

from http import HTTPStatus

from redis.exceptions import OutOfMemoryError, RedisError

from api.http.errors import IdempotencyKeyInUseError, IdempotencyKeyReusedError, InvalidKeyError
from api.http.problem_types import (
    FRAMEWORK,
    INTERNAL_ERROR,
    INVALID,
    KEY_IN_USE,
    KEY_REFUSED,
    KEY_REUSED,
    NOT_FOUND,
    ProblemType,
)
from api.science.noise_preview import ImageNotFoundError
from api.sweeps.errors import (
    AlreadyEndedError,
    ModelNotFoundError,
    QueueFullError,
    SweepOpenError,
    SweepTooLargeError,
    TooManyStreamsError,
)
from shared.errors import DatasetUnavailableError, RunNotFoundError, SweepNotFoundError
from shared.store.scripts import is_newer

RETRY_SHORTLY = {"Retry-After": "2"}

DATASET_UNAVAILABLE = ProblemType(
    "dataset-unavailable",
    HTTPStatus.NOT_FOUND,
    "The data set is not on this host",
    "The API shows images of the data sets that its host has or can download, and it could do neither with this one; "
    "its log says where it looked. Who runs the service puts the files into the folder that NOISESWEEP_DATA_DIR names, "
    "or runs `python -m shared.datasets NAME`; the API looks again after a minute. The data set digits needs no file.",
    "The host of the API does not have this data set and could not download it; its log says where it looked. It looks "
    "again after a minute. digits is there in any case.",
)
CONFLICT = ProblemType(
    "conflict",
    HTTPStatus.CONFLICT,
    "The sweep or run is not in a state for this",
    "What has ended cannot be cancelled, what has succeeded cannot be tried again, and what still trains can be "
    "neither deleted nor tried again: cancel it first, or wait for its end.",
)
STORE_UNAVAILABLE = ProblemType(
    "store-unavailable",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The store does not answer",
    "The service keeps everything in Redis, which does not answer at the moment. What was accepted before is not lost. "
    "Try again after the seconds that Retry-After names.",
    "The store does not answer at the moment. Nothing is lost that was accepted before; try again shortly.",
    headers=RETRY_SHORTLY,
)
NEWER_SWEEP = ProblemType(
    "newer-sweep",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "A newer version of the service wrote this sweep",
    "While a service is upgraded, or when it was set back, a process of an older version may be asked for what a newer "
    "one has written. It leaves that alone rather than misread it. Try again, or have the service upgraded.",
    "This process is of an older version than the one that wrote the sweep, and leaves it alone. Nothing is lost: try "
    "again, or upgrade the service.",
    headers=RETRY_SHORTLY,
)
STORE_FULL = ProblemType(
    "store-full",
    HTTPStatus.INSUFFICIENT_STORAGE,
    "The store is full",
    "Nothing new can be stored, and nothing of what is there is lost. Delete sweeps that have ended, or give Redis "
    "more memory (maxmemory).",
    "The store is full: nothing was stored, and what is there can still be read. Make room with DELETE on finished "
    "sweeps, or give the store more memory.",
)
QUEUE_FULL = ProblemType(
    "queue-full",
    HTTPStatus.TOO_MANY_REQUESTS,
    "The queue is full",
    "More runs are queued than may wait. Retry-After is computed from how fast runs have ended lately. Nothing was "
    "stored.",
)
SWEEP_TOO_LARGE = ProblemType(
    "sweep-too-large",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "The sweep has too many runs",
    "It has more runs than a sweep may have, or than may wait at a time on this service, even alone. Post it in parts. "
    "Nothing was stored.",
)
TOO_MANY_STREAMS = ProblemType(
    "too-many-streams",
    HTTPStatus.TOO_MANY_REQUESTS,
    "Too many event streams",
    "As many clients follow events as this service serves. Close streams that nobody reads, or ask for the events as "
    "application/json.",
    headers=RETRY_SHORTLY,
)

# The problem type of each error. An error type that is missing here has that of its base.
TABLE: dict[type[Exception], ProblemType] = {
    SweepNotFoundError: NOT_FOUND,
    RunNotFoundError: NOT_FOUND,
    ModelNotFoundError: NOT_FOUND,
    ImageNotFoundError: NOT_FOUND,
    DatasetUnavailableError: DATASET_UNAVAILABLE,
    SweepOpenError: CONFLICT,
    AlreadyEndedError: CONFLICT,
    SweepTooLargeError: SWEEP_TOO_LARGE,
    QueueFullError: QUEUE_FULL,
    TooManyStreamsError: TOO_MANY_STREAMS,
    InvalidKeyError: KEY_REFUSED,
    IdempotencyKeyReusedError: KEY_REUSED,
    IdempotencyKeyInUseError: KEY_IN_USE,
    OutOfMemoryError: STORE_FULL,
    RedisError: STORE_UNAVAILABLE,
    Exception: INTERNAL_ERROR,
}
PROBLEM_TYPES = {each.slug: each for each in [*TABLE.values(), *FRAMEWORK.values(), INVALID, NEWER_SWEEP]}


def problem_type_of(error: Exception) -> ProblemType:
    """Return the problem type of an error: that of its class, or of its nearest base in the table."""
    if is_newer(error):
        return NEWER_SWEEP
    return next(TABLE[base] for base in type(error).__mro__ if base in TABLE)
