"""Errors shared by the API and the worker, independent of HTTP and Celery."""


class NoiseSweepError(Exception):
    """Base class of the errors that make a run fail.

    Attributes:
        code: A stable snake_case name of the error, stored with the failed run.
    """

    code = "internal_error"


class SweepNotFoundError(Exception):
    """No sweep has this id."""


class RunNotFoundError(Exception):
    """No run has this id."""


class DatasetUnavailableError(NoiseSweepError):
    """A data set is missing, unreadable, or has unexpected content."""

    code = "dataset_unavailable"


class InvalidDatasetError(Exception):
    """An uploaded data set is not one that the service can use."""


class DatasetNotFoundError(DatasetUnavailableError):
    """A data set is in none of the searched places.

    Attributes:
        searched: The searched places, each with the reason in parentheses.
        remedy: An instruction that makes the data set available, in lower case.
    """

    def __init__(self, title: str, searched: list[str], remedy: str) -> None:
        super().__init__(
            f"{title} was not found on this host. Searched: {'; '.join(searched)}. To make it available, {remedy}. "
            'The data set "digits" needs no file.'
        )
        self.searched, self.remedy = searched, remedy
