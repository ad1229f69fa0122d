"""/runs: single trainings, submitted alone or as part of a sweep."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from api.dependencies import OwnRunDep, ReadsDep, RequiredRunVersion, RunDep, RunId, StoreDep, SweepsDep, headers_of
from api.http.conditional import NOT_MODIFIED, PRECONDITION
from api.http.openapi import FILE_NAME
from api.http.problems import problem_responses
from api.http.root_path import ModelResponse
from api.routes.responses import ADMISSION, ESTIMATE, named
from api.routes.submission import SubmissionDep
from noisesweep.models import Run, RunRequest

router = APIRouter(prefix="/runs", tags=["runs"])
READ = problem_responses(HTTPStatus.NOT_FOUND) | NOT_MODIFIED


class KerasResponse(StreamingResponse):
    """Response with a .keras file, which is a zip archive."""

    media_type = "application/zip"


KERAS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A .keras file. The input of the model is float32, pixels in [0, 1] plus noise: (n, pixels) for "
        "a multilayer perceptron, (n, height, width, 1) for a convolutional network.",
        "headers": FILE_NAME,
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post("", status_code=HTTPStatus.ACCEPTED, response_model=Run, responses=ADMISSION | ESTIMATE)
async def submit_run(request: RunRequest, submission: SubmissionDep, store: StoreDep) -> Response:
    """Submit a sweep of one run. The answer is immediate; poll `Location` for progress."""
    return await submission.answer(request, request.as_sweep(), lambda sweep_id: store.run(sweep_id, 0))


@router.get("/{run_id}", response_model=Run, responses=READ)
async def get_run(run_id: RunId, reads: ReadsDep) -> Response:
    """Return a run with its config, its status, and all its epochs so far."""
    run, headers = await reads.run(run_id)
    return ModelResponse(run, headers=headers)


@router.post(
    "/{run_id}/cancel",
    status_code=HTTPStatus.ACCEPTED,
    response_model=Run,
    responses=PRECONDITION | problem_responses(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def cancel_run(request: Request, run: OwnRunDep, version: RequiredRunVersion, sweeps: SweepsDep) -> Response:
    """Cancel a run. A queued run ends immediately, a running one within about two seconds. Its metrics are kept."""
    run = await sweeps.cancel_run(run, version)
    return ModelResponse(run, HTTPStatus.ACCEPTED, headers_of(request, run))


@router.get("/{run_id}/model", response_class=KerasResponse, responses=KERAS | problem_responses(HTTPStatus.NOT_FOUND))
async def download_model(run: RunDep, store: StoreDep) -> KerasResponse:
    """Download the trained network as a Keras model, if `keep_model` was set. Models expire after some days."""
    size = await store.measurements.model_bytes(run)
    headers = {"Content-Length": str(size)} | named(f"{run.id}.keras", "attachment")
    return KerasResponse(store.measurements.model(run, size), headers=headers)
