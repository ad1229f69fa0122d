"""Errors of operations on data sets. api/errors.py maps them to problem types."""

from collections.abc import Sequence

# Names in an error message.
MAX_SHOWN = 10


class UnknownDatasetError(Exception):
    """No data set has this name."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        more = f" and {len(known) - MAX_SHOWN} others" if len(known) > MAX_SHOWN else ""
        super().__init__(f'expected one of {", ".join(known[:MAX_SHOWN])}{more}, received "{name}"')


class DatasetTakenError(Exception):
    """The name, or the content, of a new data set belongs to another one."""


class DatasetNeededError(Exception):
    """A data set cannot be deleted, because it is built in or a sweep needs it."""


class UploadTooLargeError(Exception):
    """A data set does not fit into the space that data sets may occupy."""
