"""Problem types of the domain, and the mapping from errors to problem types."""

from http import HTTPStatus

from redis.exceptions import OutOfMemoryError, RedisError

from api.datasets.errors import DatasetNeededError, DatasetTakenError, UnknownDatasetError, UploadTooLargeError
from api.http.errors import InvalidKeyError, TooBusyError
from api.http.problem_types import (
    FRAMEWORK,
    INTERNAL_ERROR,
    INVALID,
    KEY_REFUSED,
    NOT_FOUND,
    PRECONDITION_FAILED,
    TOO_BUSY,
    TOO_MANY_BYTES,
    ProblemType,
)
from api.keys.errors import KeyConflictError, NotAllowedError, UnknownKeyNameError, UnknownQuotaError
from api.science.comparison import NotComparableError
from api.science.limit import UnknownLimitError
from api.science.noise_preview import ImageNotFoundError
from api.sweeps.errors import (
    AlreadyEndedError,
    ComputeUsedError,
    IdempotencyKeyReusedError,
    ModelNotFoundError,
    NoFixedNoiseError,
    QueueFullError,
    StorageFullError,
    SweepChangedError,
    SweepOpenError,
    SweepTooLargeError,
    TooManyStreamsError,
)
from noisesweep.models import REQUIRED_STORE
from shared.errors import DatasetUnavailableError, RunNotFoundError, SweepNotFoundError
from shared.store.functions import DeniedFunctionsError, MissingFunctionsError, OldSweepsError, is_newer
from shared.store.handshake import UnsupportedStoreError

RETRY_SHORTLY = {"Retry-After": "2"}

DATASET_UNAVAILABLE = ProblemType(
    "dataset-unavailable",
    HTTPStatus.NOT_FOUND,
    "The data set is not available",
    "The host of the API does not have this data set and could not download it. The log of the API lists the searched "
    "folders. To fix this, put the files into the folder that NOISESWEEP_DATA_DIR names, or run "
    "`python -m shared.datasets NAME` on the host. The API searches again after a minute. The data set digits needs no "
    "files.",
    "The host of the API does not have this data set and could not download it. The log of the API lists the searched "
    "folders. The API searches again after a minute. The data set digits is always available.",
)
CONFLICT = ProblemType(
    "conflict",
    HTTPStatus.CONFLICT,
    "The state of the sweep or run does not allow this",
    "A sweep or run that has ended cannot be cancelled. One that has succeeded cannot be retried. One that has not "
    "ended can be neither deleted nor retried: cancel it first, or wait until it ends.",
)
KEY_CONFLICT = ProblemType(
    "key-conflict",
    HTTPStatus.CONFLICT,
    "The API key cannot be created or revoked, or the quota cannot be set",
    "Each key has a name of its own. Keys in NOISESWEEP_API_KEYS are changed there, and a service without keys there "
    "accepts all requests, so that it has no administrator who could create keys. Nothing was changed.",
)
NOT_ALLOWED = ProblemType(
    "not-allowed",
    HTTPStatus.FORBIDDEN,
    "This API key may not do this",
    "A member changes only what it has submitted, and a viewer changes nothing. Instructors and administrators change "
    "what anybody has submitted, and set quotas. Only administrators create and revoke keys. Nothing was changed.",
)
KEY_REUSED = ProblemType(
    "idempotency-key-reused",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "The idempotency key belongs to a different request",
    "An Idempotency-Key identifies one request for as long as the sweep of this request is stored. This key was "
    "already used with a different path or body. Use a new key for a new request. Nothing was stored.",
)
STORE_UNAVAILABLE = ProblemType(
    "store-unavailable",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The store is unavailable",
    "The service stores everything in Redis, which does not respond at the moment. Accepted sweeps are not lost. "
    "Retry-After says how many seconds to wait before the next attempt.",
    "The store does not respond at the moment. Accepted sweeps are not lost. Try again shortly.",
    headers=RETRY_SHORTLY,
)
STORE_UNSUPPORTED = ProblemType(
    "store-unsupported",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The store is too old",
    f"The service needs {REQUIRED_STORE}, and its store is an older server. This can happen when a server is replaced "
    "while the service runs, for example by a failover. The service does not use such a server, because it could not "
    "finish any run there. The log of the API names the version. To fix this, upgrade the server. The service then "
    "continues without a restart.",
    f"The store is too old: expected {REQUIRED_STORE}. The log of the API names its version. Upgrade the store; the "
    "service then continues without a restart.",
)
STORE_WITHOUT_FUNCTIONS = ProblemType(
    "store-without-functions",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The store lacks the functions of the service",
    "The service changes its store by functions, a library inside Redis. They are missing or of an older version, and "
    "the service's user of Redis may not load them, or may not call functions. This can happen during an upgrade, or "
    "after FUNCTION FLUSH. Nothing is lost. To fix this, load the functions as an administrator: "
    "`docker compose exec redis noisesweep-redis load`, or "
    "`redis-cli -x FUNCTION LOAD REPLACE < shared/store/noisesweep.lua`. The service then continues without a restart.",
    "The store lacks the functions of this version of the service. An administrator can load them: "
    "`docker compose exec redis noisesweep-redis load`. The service then continues without a restart.",
    headers=RETRY_SHORTLY,
)
OLDER_SWEEPS = ProblemType(
    "older-sweeps",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The store contains sweeps of an older version",
    "The store of the service was replaced by one with sweeps of an older version, which this version cannot read. To "
    "save their results, start the older version on that store. Then give this version another store, for example "
    "another database: `NOISESWEEP_REDIS_URL=redis://127.0.0.1:6379/1`.",
    "The store contains sweeps of an older version of the service, which this version cannot read. Save their results "
    "with the older version, and give this version another store.",
)
NEWER_SWEEP = ProblemType(
    "newer-sweep",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "A newer version of the service wrote this sweep",
    "During an upgrade or after a rollback, a process of an older version may receive a request for a sweep that a "
    "newer version wrote. It does not read the sweep, because it could misread it. Try again, or upgrade the service.",
    "A newer version of the service wrote this sweep, and this older process does not read it. Nothing is lost. Try "
    "again, or upgrade the service.",
    headers=RETRY_SHORTLY,
)
STORE_FULL = ProblemType(
    "store-full",
    HTTPStatus.INSUFFICIENT_STORAGE,
    "The store is full",
    "Redis has reached its memory limit (maxmemory), so nothing was stored. Stored sweeps are not lost. Delete sweeps "
    "that have ended, or raise the limit.",
    "The store is full: nothing was stored. Stored sweeps can still be read. Delete sweeps that have ended, or give "
    "Redis more memory.",
)
QUEUE_FULL = ProblemType(
    "queue-full",
    HTTPStatus.TOO_MANY_REQUESTS,
    "The queue is full",
    "The number of queued runs would exceed its limit. Retry-After is estimated from the rate at which runs ended "
    "recently. Nothing was stored.",
)
COMPUTE_USED = ProblemType(
    "compute-used",
    HTTPStatus.TOO_MANY_REQUESTS,
    "This API key has used its compute of the day",
    "An API key may have a limit of core-seconds in 24 hours, which the operator or an instructor sets. A run counts "
    "from the hour in which it is queued, with an estimate from its multiply-accumulates and the measured pace of the "
    "workers. Cancelled and stopped runs give back what was not trained. Retry-After says in how many seconds enough "
    "is free again. Nothing was stored.",
)
STORAGE_FULL = ProblemType(
    "storage-full",
    HTTPStatus.INSUFFICIENT_STORAGE,
    "The stored sweeps and data sets occupy too many bytes",
    "The stored sweeps and data sets of this API key, or all of them if the service has no keys, would occupy more "
    "bytes than allowed, or a data set is too large. Delete sweeps and data sets that are no longer needed. Nothing "
    "was stored.",
)
DATASET_TAKEN = ProblemType(
    "dataset-taken",
    HTTPStatus.CONFLICT,
    "The name or the content belongs to another data set",
    "A name belongs to one data set until it is deleted, and a data set has one name. Choose another name, or use the "
    "name that the answer contains. Nothing was stored.",
)
DATASET_NEEDED = ProblemType(
    "dataset-needed",
    HTTPStatus.CONFLICT,
    "The data set cannot be deleted",
    "A data set that sweeps were submitted with can be deleted after these sweeps. A built-in data set cannot be "
    "deleted.",
)
SWEEP_TOO_LARGE = ProblemType(
    "sweep-too-large",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "The sweep is too large",
    "The sweep has more runs than one sweep or the whole queue may have, it would occupy more bytes than all stored "
    "sweeps may, or its models would be too large together. Submit it in parts. Nothing was stored.",
)
NOT_COMPARABLE = ProblemType(
    "not-comparable",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "The sweeps cannot be compared in numbers",
    "The sweeps have different data sets, or no run at the same scale with the same seed, so no runs can be paired. "
    "Compare sweeps of one data set, or extend one of them with a scale and a seed of the other. A plot can show both.",
)
TOO_MANY_STREAMS = ProblemType(
    "too-many-streams",
    HTTPStatus.TOO_MANY_REQUESTS,
    "Too many event streams",
    "The service or this API key has its maximum number of open event streams. Close unused streams, or request the "
    "events as application/json.",
    headers=RETRY_SHORTLY,
)

# The problem type of each error class. Other classes have the problem type of their nearest base class.
PROBLEM_TYPE_BY_ERROR: dict[type[Exception], ProblemType] = {
    SweepNotFoundError: NOT_FOUND,
    RunNotFoundError: NOT_FOUND,
    ModelNotFoundError: NOT_FOUND,
    ImageNotFoundError: NOT_FOUND,
    UnknownLimitError: NOT_FOUND,
    NotComparableError: NOT_COMPARABLE,
    DatasetUnavailableError: DATASET_UNAVAILABLE,
    UnknownDatasetError: NOT_FOUND,
    DatasetTakenError: DATASET_TAKEN,
    DatasetNeededError: DATASET_NEEDED,
    UploadTooLargeError: STORAGE_FULL,
    SweepOpenError: CONFLICT,
    AlreadyEndedError: CONFLICT,
    NoFixedNoiseError: CONFLICT,
    SweepChangedError: PRECONDITION_FAILED,
    IdempotencyKeyReusedError: KEY_REUSED,
    SweepTooLargeError: SWEEP_TOO_LARGE,
    QueueFullError: QUEUE_FULL,
    ComputeUsedError: COMPUTE_USED,
    StorageFullError: STORAGE_FULL,
    TooManyStreamsError: TOO_MANY_STREAMS,
    InvalidKeyError: KEY_REFUSED,
    NotAllowedError: NOT_ALLOWED,
    KeyConflictError: KEY_CONFLICT,
    UnknownKeyNameError: NOT_FOUND,
    UnknownQuotaError: NOT_FOUND,
    TooBusyError: TOO_BUSY,
    OutOfMemoryError: STORE_FULL,
    MissingFunctionsError: STORE_WITHOUT_FUNCTIONS,
    DeniedFunctionsError: STORE_WITHOUT_FUNCTIONS,
    OldSweepsError: OLDER_SWEEPS,
    UnsupportedStoreError: STORE_UNSUPPORTED,
    RedisError: STORE_UNAVAILABLE,
    Exception: INTERNAL_ERROR,
}
PROBLEM_TYPES = {
    each.slug: each
    for each in [*PROBLEM_TYPE_BY_ERROR.values(), *FRAMEWORK.values(), INVALID, NEWER_SWEEP, TOO_MANY_BYTES]
}


def problem_type_of(error: Exception) -> ProblemType:
    """Return the problem type of an error, found by its class or nearest base class."""
    if is_newer(error):
        return NEWER_SWEEP
    return next(PROBLEM_TYPE_BY_ERROR[base] for base in type(error).__mro__ if base in PROBLEM_TYPE_BY_ERROR)
