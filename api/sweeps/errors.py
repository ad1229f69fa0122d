"""Errors of operations on sweeps and runs. api/errors.py maps them to problem types."""


class SweepOpenError(Exception):
    """The operation requires that all runs of the sweep have ended."""


class SweepChangedError(Exception):
    """The sweep no longer has the version that the operation requires."""


class AlreadyEndedError(Exception):
    """A sweep or run cannot be cancelled or retried, because it has already ended."""


class NoFixedNoiseError(Exception):
    """A sweep has no fixed training noise that fresh noise could replace."""


class IdempotencyKeyReusedError(Exception):
    """The idempotency key was already used for a different request."""


class QueueFullError(Exception):
    """The number of queued runs would exceed its limit.

    Attributes:
        retry_after_seconds: Estimated time until there is capacity, from the rate at which runs ended recently.
    """

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class ComputeUsedError(Exception):
    """The runs of an API key would need more core-seconds in a day than allowed.

    Attributes:
        retry_after_seconds: Time until enough of its runs were queued more than a day ago.
    """

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class StorageFullError(Exception):
    """The stored sweeps of an API key would occupy more bytes than allowed."""


class SweepTooLargeError(Exception):
    """A sweep is larger than allowed: its runs or bytes exceed a limit even if nothing else is queued or stored."""


class TooManyStreamsError(Exception):
    """This API process, or one API key, has reached its limit of open event streams."""


class ModelNotFoundError(Exception):
    """A run has no stored model: not requested, not finished, or expired."""


class UnreadableSweepError(Exception):
    """The record of a sweep does not have the expected form. Other sweeps are not affected."""
