"""Domain errors. They know nothing of HTTP or Celery: api/problems.py and worker/tasks.py translate."""


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


class ModelNotFoundError(NoiseSweepError):
    """A run's trained model is not there: not asked for, not finished, or no longer kept."""

    code = "model_not_found"


class DatasetUnavailableError(NoiseSweepError):
    """A data set was looked for and not found, or what was found is not what it should be."""

    code = "dataset_unavailable"


class DivergedError(NoiseSweepError):
    """The loss of a run left the finite numbers."""

    code = "diverged"


class LeaseLostError(NoiseSweepError):
    """A write was refused: the run is no longer this owner's. Whoever holds the claim now goes on with it."""

    code = "lease_lost"
