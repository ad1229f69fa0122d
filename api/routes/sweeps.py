"""/sweeps: submit a grid of runs, see how it goes, get the picture."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.dependencies import StoreDep, SubmissionDep, SweepDep
from api.plots import accuracy
from api.plots.png import PNG, PngResponse
from api.problems import documented
from shared.models import Sweep, SweepList, SweepRequest

router = APIRouter(prefix="/sweeps", tags=["sweeps"])


@router.post("", status_code=HTTPStatus.ACCEPTED, responses=documented(HTTPStatus.UNPROCESSABLE_ENTITY))
async def submit_sweep(request: SweepRequest, submission: SubmissionDep, response: Response) -> Sweep:
    """Train one network per scale and seed. Answers at once; follow `Location`."""
    sweep = await submission.submit(request)
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


@router.get("/{sweep_id}/plot", response_class=PngResponse, responses=PNG | documented(HTTPStatus.NOT_FOUND))
def plot_sweep(sweep: SweepDep) -> PngResponse:
    """Accuracy against scale as a PNG, training and validation, of the runs that have succeeded so far."""
    return PngResponse(accuracy.draw(accuracy.curve(sweep)))
