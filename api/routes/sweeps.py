"""/sweeps: submit a grid of runs, see how it goes, get the picture."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.dependencies import QueueDep, StoreDep, SweepDep
from api.plots import accuracy
from api.plots.png import PNG, PngResponse
from api.problems import SUBMISSION, documented
from shared.errors import AlreadyEndedError, SweepOpenError
from shared.models import Sweep, SweepList, SweepRequest

router = APIRouter(prefix="/sweeps", tags=["sweeps"])
NOT_FOUND_OR_CONFLICT = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)


@router.post("", status_code=HTTPStatus.ACCEPTED, responses=SUBMISSION)
async def submit_sweep(request: SweepRequest, queue: QueueDep, response: Response) -> Sweep:
    """Train one network per scale and seed. Answers at once; follow `Location`."""
    sweep = await queue.submit(request)
    response.headers["Location"] = sweep.links.self
    return sweep


@router.get("", responses=documented(HTTPStatus.UNPROCESSABLE_ENTITY))
async def list_sweeps(
    store: StoreDep, limit: Annotated[int, Query(ge=1, le=100, description="At most so many.")] = 20
) -> SweepList:
    """The newest sweeps, the newest first."""
    return SweepList(sweeps=await store.newest(limit))


@router.get("/{sweep_id}", responses=documented(HTTPStatus.NOT_FOUND))
async def get_sweep(sweep: SweepDep) -> Sweep:
    """A sweep: its config, its progress, and where each run stands."""
    return sweep


@router.post("/{sweep_id}/cancel", status_code=HTTPStatus.ACCEPTED, responses=documented(*NOT_FOUND_OR_CONFLICT))
async def cancel_sweep(sweep: SweepDep, store: StoreDep) -> Sweep:
    """Cancel all runs that have not ended: queued ones at once, running ones within about two seconds.

    Metrics so far are kept, and what has ended stays as it is. To cancel again changes nothing.
    """
    cancelled = await store.cancel(sweep.id)
    sweep = await store.sweep(sweep.id)
    if not cancelled:
        raise AlreadyEndedError(f"This sweep has ended already, and no run of it was cancelled: it is {sweep.status}.")
    return sweep


@router.post(
    "/{sweep_id}/retry",
    status_code=HTTPStatus.ACCEPTED,
    responses=documented(*NOT_FOUND_OR_CONFLICT, HTTPStatus.TOO_MANY_REQUESTS),
)
async def retry_sweep(sweep: SweepDep, queue: QueueDep) -> Sweep:
    """Queue the failed and the cancelled runs again; what has succeeded is kept."""
    return await queue.retry(sweep)


@router.delete("/{sweep_id}", status_code=HTTPStatus.NO_CONTENT, responses=documented(*NOT_FOUND_OR_CONFLICT))
async def delete_sweep(sweep: SweepDep, store: StoreDep) -> None:
    """Remove a sweep whose runs have all ended, with its metrics and its models."""
    if not await store.delete(sweep.id):
        raise SweepOpenError("This sweep has queued or running runs: cancel it first.")


@router.get("/{sweep_id}/plot", response_class=PngResponse, responses=PNG | documented(HTTPStatus.NOT_FOUND))
def plot_sweep(sweep: SweepDep) -> PngResponse:
    """Accuracy against scale as a PNG, training and validation, of the runs that have succeeded so far."""
    return PngResponse(accuracy.draw(accuracy.curve(sweep)))
