"""/runs: one training each, alone or as part of a sweep."""

from http import HTTPStatus

from fastapi import APIRouter, Response

from api.dependencies import RunDep, StoreDep, SubmissionDep
from api.plots import epochs
from api.plots.png import PNG, PngResponse
from api.problems import documented
from shared.models import Run, RunRequest

router = APIRouter(prefix="/runs", tags=["runs"])


@router.post("", status_code=HTTPStatus.ACCEPTED, responses=documented(HTTPStatus.UNPROCESSABLE_ENTITY))
async def submit_run(request: RunRequest, submission: SubmissionDep, store: StoreDep, response: Response) -> Run:
    """Train one network at one scale: a sweep of one run. Answers at once; follow `Location`."""
    sweep = await submission.submit(request.as_sweep())
    response.headers["Location"] = sweep.runs[0].links.self
    return await store.run(sweep.id, 0)


@router.get("/{run_id}", responses=documented(HTTPStatus.NOT_FOUND))
async def get_run(run: RunDep) -> Run:
    """A run: its config, its status, and all its epochs so far."""
    return run


@router.get("/{run_id}/plot", response_class=PngResponse, responses=PNG | documented(HTTPStatus.NOT_FOUND))
def plot_run(run: RunDep) -> PngResponse:
    """Accuracy and loss against the epoch as a PNG, training and validation."""
    return PngResponse(epochs.draw(run))
