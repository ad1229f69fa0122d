"""Errors of what is asked of sweeps and runs. They know nothing of HTTP: api/errors.py maps them to problem types."""


class SweepOpenError(Exception):
    """The request needs a sweep whose runs have all ended."""


class AlreadyEndedError(Exception):
    """The sweep or run to cancel or retry has ended with another outcome."""


class QueueFullError(Exception):
    """More runs are queued than allowed.

    Attributes:
        retry_after_seconds: Estimated time until there is room, from the rate at which runs ended lately.
    """

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class SweepTooLargeError(Exception):
    """A sweep has more runs than may be queued, even alone."""


class TooManyStreamsError(Exception):
    """This process of the API serves no more event streams."""


class ModelNotFoundError(Exception):
    """A run has no trained model: not requested, not finished, or expired."""
