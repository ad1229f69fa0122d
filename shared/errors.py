"""Domain errors. They know nothing of HTTP or Celery: api/http/problems.py and worker/tasks.py translate."""


class NoiseSweepError(Exception):
    """Base of everything this project raises on purpose.

    Attributes:
        code: A stable snake_case name that programs can branch on. It stands on a failed run.
    """

    code = "internal_error"


class SweepNotFoundError(NoiseSweepError):
    """No sweep has this id."""

    code = "sweep_not_found"


class RunNotFoundError(NoiseSweepError):
    """No run has this id."""

    code = "run_not_found"


class SweepOpenError(NoiseSweepError):
    """What was asked for needs a sweep whose runs have all ended."""

    code = "sweep_open"


class AlreadyEndedError(NoiseSweepError):
    """What was to be cancelled or tried again has ended otherwise."""

    code = "already_ended"


class QueueFullError(NoiseSweepError):
    """More runs are queued than may wait.

    Attributes:
        retry_after_seconds: When there should be room, by the rate at which runs have ended lately.
    """

    code = "queue_full"

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class KeyRefusedError(NoiseSweepError):
    """A request came without an API key, or with one that is not known."""

    code = "key_refused"


class IdempotencyKeyReusedError(NoiseSweepError):
    """An idempotency key came with another request before."""

    code = "idempotency_key_reused"


class IdempotencyKeyInUseError(NoiseSweepError):
    """A request with the same idempotency key is being answered."""

    code = "idempotency_key_in_use"


class TooManyStreamsError(NoiseSweepError):
    """As many clients follow events as this process of the API serves."""

    code = "too_many_streams"


class SweepTooLargeError(NoiseSweepError):
    """A sweep has more runs than may wait, even alone."""

    code = "sweep_too_large"


class ModelNotFoundError(NoiseSweepError):
    """A run's trained model is not there: not asked for, not finished, or no longer kept."""

    code = "model_not_found"


class ImageNotFoundError(NoiseSweepError):
    """A data set has fewer images than an index asks for."""

    code = "image_not_found"


class DatasetUnavailableError(NoiseSweepError):
    """A data set was looked for and not found, or what was found is not what it should be."""

    code = "dataset_unavailable"


class DatasetNotFoundError(DatasetUnavailableError):
    """A data set is in none of the places where it was looked for.

    Attributes:
        looked_at: The places, each with what is amiss there.
        remedy: What to do, as a clause.
    """

    def __init__(self, title: str, looked_at: list[str], remedy: str) -> None:
        super().__init__(
            f"{title} was not found on this host. Looked at: {'; '.join(looked_at)}. To have it, {remedy}; or use the "
            'dataset "digits", which needs no file.'
        )
        self.looked_at, self.remedy = looked_at, remedy
