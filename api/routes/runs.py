"""/runs: single trainings, submitted alone or as part of a sweep."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Response

from api.dependencies import ModifiedRunDep, RequiredRunVersion, RunDep, StoreDep, SweepsDep, sweep_validators
from api.http.conditional import NOT_MODIFIED, PRECONDITION
from api.http.idempotency import Answer
from api.http.openapi import FILE_NAME
from api.http.problems import problem_responses
from api.routes.responses import ESTIMATE, SUBMISSION, named
from api.routes.submission import SubmissionDep
from noisesweep.models import Run, RunRequest

router = APIRouter(prefix="/runs", tags=["runs"])
READ = problem_responses(HTTPStatus.NOT_FOUND) | NOT_MODIFIED


class KerasResponse(Response):
    """Response with a .keras file, which is a zip archive."""

    media_type = "application/zip"


KERAS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A .keras file. The model input is float32, shape (n, 784): pixels in [0, 1] plus noise.",
        "headers": FILE_NAME,
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post("", status_code=HTTPStatus.ACCEPTED, response_model=Run, responses=SUBMISSION | ESTIMATE)
async def submit_run(request: RunRequest, submission: SubmissionDep, store: StoreDep) -> Response:
    """Submit a sweep of one run. The answer is immediate; poll `Location` for progress."""

    async def read(sweep_id: str) -> Answer:
        run = await store.run(sweep_id, 0)
        return Answer(location=run.links.self, body=run.model_dump_json())

    return await submission.answer(request, request.as_sweep(), read)


@router.get("/{run_id}", response_model=Run, responses=READ)
async def get_run(run: ModifiedRunDep) -> Response:
    """Return a run with its config, its status, and all its epochs so far."""
    return Response(run.model_dump_json(), headers=sweep_validators(run), media_type="application/json")


@router.post(
    "/{run_id}/cancel",
    status_code=HTTPStatus.ACCEPTED,
    response_model=Run,
    responses=PRECONDITION | problem_responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def cancel_run(run: RunDep, version: RequiredRunVersion, sweeps: SweepsDep) -> Response:
    """Cancel a run. A queued run ends immediately, a running one within about two seconds. Its metrics are kept."""
    run = await sweeps.cancel_run(run, version)
    return Response(run.model_dump_json(), HTTPStatus.ACCEPTED, sweep_validators(run), "application/json")


@router.get("/{run_id}/model", response_class=KerasResponse, responses=KERAS | problem_responses(HTTPStatus.NOT_FOUND))
async def download_model(run: RunDep, store: StoreDep) -> KerasResponse:
    """Download the trained network as a Keras model, if `keep_model` was set. Models expire after some days."""
    return KerasResponse(await store.model(run), headers=named(f"{run.id}.keras", "attachment"))
