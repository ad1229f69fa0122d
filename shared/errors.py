"""Errors that both services raise. They know nothing of HTTP or Celery."""


class NoiseSweepError(Exception):
    """Base of the errors that a run can end with.

    Attributes:
        code: A stable snake_case name for programs. It is stored with a failed run.
    """

    code = "internal_error"


class SweepNotFoundError(Exception):
    """No sweep has this id."""


class RunNotFoundError(Exception):
    """No run has this id."""


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
