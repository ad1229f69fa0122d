"""Admission of sweeps: the limits that the store's functions check, and the errors of a refusal.

The functions check the limits and write in one step. So the limits hold exactly for any number of API processes.
"""

import math
from collections.abc import Sequence
from typing import Any

from api.sweeps.errors import QueueFullError, StorageFullError, SweepTooLargeError
from api.sweeps.queue_stats import QueueStats
from noisesweep.models import SweepRequest
from shared.datasets import facts_of, model_bytes, run_work
from shared.settings import Settings
from shared.store.functions import WORK_UNIT, Argument

# Retry-After if no run has ended lately, so that the rate is unknown.
UNKNOWN_RATE_SECONDS = 60
LONGEST_WAIT_SECONDS = 3600

# Upper bounds of bytes in the store, measured with MEMORY USAGE. Of a sweep, its record without the request, and the
# first block of its event stream:
SWEEP_BYTES = 7_000
# A run, its evaluation at the maximum number of scales, and its entry in the index of trained runs:
RUN_BYTES = 4_500
# Its confusion matrix has this number of cells with ten classes, and each further one needs:
CELLS, CELL_BYTES = 100, 4
# Two bits for each validation image in base64, in a block of the store's allocator:
IMAGE_BYTES = 0.42
# An epoch in the list of a run, and its event, which reused runs do not have:
EPOCH_BYTES = 400
REUSED_EPOCH_BYTES = 180
# The events of a run that is retried:
RETRY_BYTES = 200


def costs(request: SweepRequest) -> dict[str, int]:
    """Return what a sweep and each of its runs cost, as arguments of the store's function `create`."""
    dataset = facts_of(request)
    cells = max(0, dataset.classes**2 - CELLS)
    run_bytes = RUN_BYTES + math.ceil(dataset.validation_images * IMAGE_BYTES) + cells * CELL_BYTES
    return {
        "epochs": request.epochs,
        "epoch_work": math.ceil(run_work(request) / request.epochs / WORK_UNIT),
        "sweep_bytes": SWEEP_BYTES + len(request.model_dump_json().encode()),
        "run_bytes": run_bytes + request.epochs * EPOCH_BYTES,
        "reused_run_bytes": run_bytes + request.epochs * REUSED_EPOCH_BYTES,
        "model_bytes": model_bytes(request) if request.keep_model else 0,
    }


def stored_bytes(request: SweepRequest, untrained_runs: int) -> int:
    """Return the bytes that count for a sweep if this number of its runs is trained, and the other runs are reused."""
    cost, runs = costs(request), len(request.grid())
    return (
        cost["sweep_bytes"]
        + untrained_runs * cost["run_bytes"]
        + (runs - untrained_runs) * cost["reused_run_bytes"]
        + runs * cost["model_bytes"]
    )


def limits_for(settings: Settings) -> dict[str, Argument]:
    """Return the limits, as arguments of the store's functions that add or queue runs."""
    return {
        "max_queued_runs": settings.max_queued_runs,
        "max_queued_runs_per_key": settings.max_queued_runs_per_key,
        "max_stored_bytes": settings.max_stored_bytes,
    }


async def raise_if_refused(reply: Sequence[Any] | None, key: str, stats: QueueStats) -> None:
    """Raise the error of a refusal, which a function replied to a request of this API key; empty without keys.

    Raises:
        QueueFullError: There is no capacity now.
        StorageFullError: The stored sweeps of this API key would occupy too many bytes.
        SweepTooLargeError: There never is enough capacity.
    """
    match reply:
        case ["refused", "max_stored_bytes", stored, limit, size]:
            of = "of one API key" if key else "in all"
            if size > limit:
                raise SweepTooLargeError(
                    f"It needs {_megabytes(size)}, and the stored sweeps {of} may occupy {_megabytes(limit)}: "
                    "submit fewer runs or epochs."
                )
            of = "of this API key" if key else "in all"
            raise StorageFullError(
                f"The stored sweeps {of} occupy {_megabytes(stored)} of {_megabytes(limit)}: there is no room for "
                f"{_megabytes(size)} more. Delete sweeps that are no longer needed, or submit fewer runs or epochs."
            )
        case ["refused", name, queued, limit, runs]:
            of = "runs of this API key" if name == "max_queued_runs_per_key" else "runs"
            if runs > limit:
                detail = f"It has {runs} runs, and no more than {limit} {of} may wait: split it."
                raise SweepTooLargeError(detail)
            rate = await stats.runs_per_second()
            wait = math.ceil((queued + runs - limit) / rate) if rate else UNKNOWN_RATE_SECONDS
            raise QueueFullError(
                f"{queued} {of} are queued and {limit} may be: there is no room for {runs} more now.",
                retry_after_seconds=min(wait, LONGEST_WAIT_SECONDS),
            )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
