"""Admission of sweeps: the limits that the store's functions check, and the errors of a refusal.

The functions check the limits and write in one step. So the limits hold exactly for any number of API processes.
"""

import math
from collections.abc import Sequence
from typing import Any

from api.science.config_text import pluralize
from api.sweeps.errors import ComputeUsedError, QueueFullError, StorageFullError, SweepTooLargeError
from api.sweeps.queue_stats import QueueStats
from noisesweep.models import SweepRequest
from shared.datasets import facts_of, model_bytes, run_work
from shared.store.functions import WORK_UNIT

# Retry-After if no run has ended lately, so that the rate is unknown.
UNKNOWN_RATE_SECONDS = 60
LONGEST_WAIT_SECONDS = 3600
# Core-milliseconds of an epoch, 11 days. Far more, from a wrong clock, would exceed the numbers of the store.
MAX_EPOCH_COMPUTE = 10**9
# Longer times are written in hours.
LONGEST_MINUTES = 120

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

_LOCKED = "The limits of this API key permit no runs: ask an instructor or an administrator."


def costs(request: SweepRequest, pace: float) -> dict[str, int]:
    """Return what a sweep and each of its runs cost, as arguments of the store's function `create`.

    Args:
        request: The sweep.
        pace: Multiply-accumulates per second of one training process.
    """
    return byte_costs(request) | {
        "epochs": request.epochs,
        "epoch_work": math.ceil(run_work(request) / request.epochs / WORK_UNIT),
        "epoch_compute": min(MAX_EPOCH_COMPUTE, math.ceil(1000 * run_work(request) / request.epochs / pace)),
    }


def byte_costs(request: SweepRequest) -> dict[str, int]:
    """Return the bytes that a sweep and each of its runs count, as arguments of `create`."""
    dataset = facts_of(request)
    cells = max(0, dataset.classes**2 - CELLS)
    run_bytes = RUN_BYTES + math.ceil(dataset.validation_images * IMAGE_BYTES) + cells * CELL_BYTES
    return {
        "sweep_bytes": SWEEP_BYTES + len(request.model_dump_json().encode()),
        "run_bytes": run_bytes + request.epochs * EPOCH_BYTES,
        "reused_run_bytes": run_bytes + request.epochs * REUSED_EPOCH_BYTES,
        "model_bytes": model_bytes(request) if request.keep_model else 0,
    }


def stored_bytes(request: SweepRequest, untrained_runs: int) -> int:
    """Return the bytes that count for a sweep if this number of its runs is trained, and the other runs are reused."""
    cost, runs = byte_costs(request), len(request.grid())
    return (
        cost["sweep_bytes"]
        + untrained_runs * cost["run_bytes"]
        + (runs - untrained_runs) * cost["reused_run_bytes"]
        + runs * cost["model_bytes"]
    )


def core_seconds(request: SweepRequest, runs: int, pace: float) -> float:
    """Return the estimated core-seconds of that many runs of a sweep. See `costs`."""
    return runs * request.epochs * costs(request, pace)["epoch_compute"] / 1000


async def raise_if_refused(reply: Sequence[Any] | None, key: str, stats: QueueStats) -> None:
    """Raise the error of a refusal, which a function replied to a request of this API key; empty without keys.

    Raises:
        QueueFullError: There is no capacity now.
        ComputeUsedError: The runs of the last day leave too little of the compute of this API key.
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
        case ["refused", "max_core_seconds_per_day", used, limit, asked, wait]:
            if limit == 0:
                raise SweepTooLargeError(_LOCKED)
            if asked > limit:
                raise SweepTooLargeError(
                    f"It needs about {asked:,} core-seconds, and this API key may use {limit:,} in a day: submit fewer "
                    "runs or epochs."
                )
            raise ComputeUsedError(
                f"Runs of this API key in the last 24 hours need {used:,} of {limit:,} core-seconds: there is no room "
                f"for about {asked:,} more. There will be in {_format_wait(wait)}, or after you cancel queued runs.",
                retry_after_seconds=wait,
            )
        case ["refused", name, queued, limit, runs]:
            of = "runs of this API key" if name == "max_queued_runs_per_key" else "runs"
            if limit == 0:
                raise SweepTooLargeError(_LOCKED)
            if runs > limit:
                detail = f"It has {runs} runs, and no more than {limit} {of} may wait: split it."
                raise SweepTooLargeError(detail)
            rate = await stats.runs_per_second()
            wait = math.ceil((queued + runs - limit) / rate) if rate else UNKNOWN_RATE_SECONDS
            raise QueueFullError(
                f"{queued} {of} are queued and {limit} may be: there is no room for {runs} more now.",
                retry_after_seconds=min(wait, LONGEST_WAIT_SECONDS),
            )


def _format_wait(seconds: int) -> str:
    minutes = math.ceil(seconds / 60)
    return pluralize(minutes, "minute") if minutes <= LONGEST_MINUTES else pluralize(math.ceil(minutes / 60), "hour")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
