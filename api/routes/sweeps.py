"""/sweeps: submit, list, read, extend, cancel, retry and delete sweeps."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from api.dependencies import (
    ModifiedSweepDep,
    RequiredSweepVersion,
    StateDep,
    StoreDep,
    SweepDep,
    SweepsDep,
    sweep_validators,
)
from api.http.conditional import NOT_MODIFIED, PRECONDITION
from api.http.idempotency import Answer
from api.http.problems import problem_responses
from api.routes.responses import ADMISSION, ESTIMATE, SUBMISSION
from api.routes.submission import POLL_AFTER, SubmissionDep
from api.sweeps import listing
from noisesweep.models import DatasetSlug, ExtensionRequest, RunStatus, Sweep, SweepList, SweepRequest

router = APIRouter(prefix="/sweeps", tags=["sweeps"])
READ = problem_responses(HTTPStatus.NOT_FOUND) | NOT_MODIFIED
EXTENSION = ADMISSION | PRECONDITION | problem_responses(HTTPStatus.NOT_FOUND)
CHANGE = PRECONDITION | problem_responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)


async def _filters(
    status: Annotated[RunStatus | None, Query(description="Only sweeps with this status.")] = None,
    dataset: Annotated[DatasetSlug | None, Query(description="Only sweeps on this data set.")] = None,
    name: Annotated[
        str | None, Query(max_length=100, description="Only sweeps whose name starts with this text.")
    ] = None,
    tag: Annotated[
        list[str] | None,
        Query(
            max_length=16,
            description="Only sweeps with this tag, `key` or `key:value`. If repeated, all tags must match.",
        ),
    ] = None,
) -> listing.Filters:
    return listing.Filters(status, dataset, name, tag or [])


@router.post("", status_code=HTTPStatus.ACCEPTED, response_model=Sweep, responses=SUBMISSION | ESTIMATE)
async def submit_sweep(request: SweepRequest, submission: SubmissionDep, store: StoreDep) -> Response:
    """Submit a sweep: one run per scale and seed. The answer is immediate; poll `Location` for progress."""

    async def read(sweep_id: str) -> Answer:
        sweep = await store.sweep(sweep_id)
        return Answer(location=sweep.links.self, body=sweep.model_dump_json())

    return await submission.answer(request, request, read)


@router.get("", responses=problem_responses(HTTPStatus.UNPROCESSABLE_ENTITY))
async def list_sweeps(
    request: Request,
    state: StateDep,
    filters: Annotated[listing.Filters, Depends(_filters)],
    limit: Annotated[int, Query(ge=1, le=100, description="Maximum number of sweeps in the page.")] = 20,
    cursor: Annotated[
        str | None,
        Query(pattern=listing.CURSOR_PATTERN, description="Start of the page, from `next` of the previous page."),
    ] = None,
) -> SweepList:
    """List sweeps in pages, newest first. `next` links to the following page. New sweeps do not shift the pages."""
    before = listing.read_cursor(cursor) if cursor else None
    sweeps, end = await listing.page(state.store, filters, limit, state.limits.sweeps_searched, before)
    next_url = end and request.url.include_query_params(cursor=listing.write_cursor(end))
    return SweepList(sweeps=sweeps, next=f"{next_url.path}?{next_url.query}" if next_url else None)


@router.get("/{sweep_id}", response_model=Sweep, responses=READ)
async def get_sweep(sweep: ModifiedSweepDep) -> Response:
    """Return a sweep with its config, its progress, and the status of each run."""
    return Response(sweep.model_dump_json(), headers=sweep_validators(sweep), media_type="application/json")


@router.post("/{sweep_id}/runs", status_code=HTTPStatus.ACCEPTED, response_model=Sweep, responses=EXTENSION)
async def extend_sweep(
    sweep: SweepDep, version: RequiredSweepVersion, extension: ExtensionRequest, sweeps: SweepsDep
) -> Response:
    """Add scales and seeds to a sweep. Only the new runs are trained. A repeated request changes nothing."""
    sweep = await sweeps.extend(sweep, extension, version)
    return _accepted(sweep, {"Location": sweep.links.self, **POLL_AFTER})


@router.post("/{sweep_id}/cancel", status_code=HTTPStatus.ACCEPTED, response_model=Sweep, responses=CHANGE)
async def cancel_sweep(sweep: SweepDep, version: RequiredSweepVersion, sweeps: SweepsDep) -> Response:
    """Cancel all queued and running runs. Queued runs end immediately, running ones within about two seconds.

    Their metrics are kept. Runs that have already ended do not change. A repeated request changes nothing.
    """
    return _accepted(await sweeps.cancel(sweep, version))


@router.post(
    "/{sweep_id}/retry",
    status_code=HTTPStatus.ACCEPTED,
    response_model=Sweep,
    responses=CHANGE
    | problem_responses(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INSUFFICIENT_STORAGE,
    ),
)
async def retry_sweep(sweep: SweepDep, version: RequiredSweepVersion, sweeps: SweepsDep) -> Response:
    """Queue the failed and cancelled runs again. Succeeded runs do not change."""
    return _accepted(await sweeps.retry(sweep, version))


@router.delete("/{sweep_id}", status_code=HTTPStatus.NO_CONTENT, responses=CHANGE)
async def delete_sweep(sweep: SweepDep, version: RequiredSweepVersion, sweeps: SweepsDep) -> None:
    """Delete a sweep with its metrics and models. All of its runs must have ended."""
    await sweeps.delete(sweep, version)


def _accepted(sweep: Sweep, headers: Mapping[str, str] = MappingProxyType({})) -> Response:
    """Return the changed sweep with its new ETag."""
    headers = {**sweep_validators(sweep), **headers}
    return Response(sweep.model_dump_json(), HTTPStatus.ACCEPTED, headers, "application/json")
