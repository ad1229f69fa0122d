"""/sweeps: submit, list, read, extend, edit, cancel, retry and delete sweeps."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from api.dependencies import (
    AccessDep,
    ContextDep,
    OwnSweepDep,
    OwnSweepIdDep,
    ReadsDep,
    RequiredSweepVersion,
    StateDep,
    StoreDep,
    SweepDep,
    SweepId,
    SweepsDep,
    headers_of,
)
from api.http.conditional import NOT_MODIFIED, PRECONDITION
from api.http.problems import problem_responses
from api.http.root_path import ModelResponse, root_path_of, route_path
from api.http.validation import invalid_field
from api.routes.responses import ADMISSION, ESTIMATE, JSON_BODY
from api.routes.submission import POLL_AFTER, SubmissionDep
from api.sweeps import listing
from api.sweeps.reader import Cursor
from noisesweep.models import (
    DatasetSlug,
    EditRequest,
    ExtensionRequest,
    RunStatus,
    Sweep,
    SweepList,
    SweepRequest,
    TooManyTagsError,
)

router = APIRouter(prefix="/sweeps", tags=["sweeps"])
READ = problem_responses(HTTPStatus.NOT_FOUND) | NOT_MODIFIED
EXTENSION = ADMISSION | PRECONDITION | problem_responses(HTTPStatus.NOT_FOUND)
EDIT = (
    JSON_BODY
    | PRECONDITION
    | problem_responses(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.INSUFFICIENT_STORAGE)
)
CHANGE = PRECONDITION | problem_responses(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)


async def _filters(
    *,
    access: AccessDep,
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
    submitter: Annotated[
        str | None, Query(max_length=32, description="Only sweeps that were submitted with the API key of this name.")
    ] = None,
) -> listing.Filters:
    return listing.Filters(status, dataset, name, tag or [], submitter, access.may_see)


@router.post("", status_code=HTTPStatus.ACCEPTED, response_model=Sweep, responses=ADMISSION | ESTIMATE)
async def submit_sweep(request: SweepRequest, submission: SubmissionDep, store: StoreDep) -> Response:
    """Submit a sweep: one run per scale and seed. The answer is immediate; poll `Location` for progress."""
    return await submission.answer(request, request, store.sweep)


@router.get("", response_model=SweepList, responses=problem_responses(HTTPStatus.UNPROCESSABLE_ENTITY))
async def list_sweeps(
    request: Request,
    state: StateDep,
    filters: Annotated[listing.Filters, Depends(_filters)],
    limit: Annotated[int, Query(ge=1, le=100, description="Maximum number of sweeps in the page.")] = 20,
    cursor: Annotated[
        str | None,
        Query(pattern=listing.CURSOR_PATTERN, description="Start of the page, from `next` of the previous page."),
    ] = None,
) -> Response:
    """List sweeps in pages, newest first. `next` links to the following page. New sweeps do not shift the pages."""
    before = listing.read_cursor(cursor) if cursor else None
    page = listing.Page(state.store, filters, limit, state.limits.sweeps_searched, before)

    def path_of(cursor: Cursor) -> str:
        url = request.url.include_query_params(cursor=listing.write_cursor(cursor))
        return f"{route_path(request.scope)}?{url.query}"

    pieces = listing.pieces(page, path_of, root_path_of(request.scope))
    return await state.pieces.answer(request, pieces, "application/json")


@router.get("/{sweep_id}", response_model=Sweep, responses=READ)
async def get_sweep(sweep_id: SweepId, reads: ReadsDep) -> Response:
    """Return a sweep with its config, its progress, and the status of each run."""
    sweep, headers = await reads.sweep(sweep_id)
    return ModelResponse(sweep, headers=headers)


@router.patch("/{sweep_id}", response_model=Sweep, responses=EDIT)
async def edit_sweep(
    request: Request, sweep: OwnSweepDep, version: RequiredSweepVersion, edit: EditRequest, sweeps: SweepsDep
) -> Response:
    """Change the name or the tags of a sweep, by a JSON merge patch (RFC 7396).

    Its runs do not change. A repeated request changes nothing.
    """
    try:
        sweep = await sweeps.edit(sweep, edit, version)
    except TooManyTagsError as error:
        raise invalid_field(str(error), edit.tags, "body", "tags") from error
    return ModelResponse(sweep, headers=headers_of(request, sweep))


@router.post("/{sweep_id}/runs", status_code=HTTPStatus.ACCEPTED, response_model=Sweep, responses=EXTENSION)
async def extend_sweep(
    *,
    request: Request,
    sweep: OwnSweepDep,
    version: RequiredSweepVersion,
    extension: ExtensionRequest,
    sweeps: SweepsDep,
    context: ContextDep,
) -> Response:
    """Add scales and seeds to a sweep. Only the new runs are trained. A repeated request changes nothing."""
    for index, scale in enumerate(extension.scales):
        try:
            sweep.config.noise.check(scale)
        except ValueError as error:
            raise invalid_field(str(error), scale, "body", "scales", index) from error
    sweep = await sweeps.extend(sweep, extension, context.caller, version)
    return _accepted(request, sweep, {"Location": sweep.links.self, **POLL_AFTER})


@router.post(
    "/{sweep_id}/fresh-noise",
    status_code=HTTPStatus.ACCEPTED,
    response_model=Sweep,
    responses=EXTENSION | problem_responses(HTTPStatus.CONFLICT),
)
async def repeat_with_fresh_noise(
    *,
    request: Request,
    access: AccessDep,
    sweep: SweepDep,
    version: RequiredSweepVersion,
    sweeps: SweepsDep,
    context: ContextDep,
) -> Response:
    """Submit a second sweep that differs only in `resample`: it draws new training noise in every epoch.

    Compare both to see how much of the accuracy is due to noise that stays the same. A repeated request returns the
    same second sweep, and extends it if the first one was extended.
    """
    access.check_submission()
    fresh = await sweeps.with_fresh_noise(sweep, context, version)
    return _accepted(request, fresh, {"Location": fresh.links.self, **POLL_AFTER})


@router.post("/{sweep_id}/cancel", status_code=HTTPStatus.ACCEPTED, response_model=Sweep, responses=CHANGE)
async def cancel_sweep(
    request: Request, sweep: OwnSweepDep, version: RequiredSweepVersion, sweeps: SweepsDep
) -> Response:
    """Cancel all queued and running runs. Queued runs end immediately, running ones within about two seconds.

    Their metrics are kept. Runs that have already ended do not change. A repeated request changes nothing.
    """
    return _accepted(request, await sweeps.cancel(sweep, version))


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
async def retry_sweep(
    request: Request, sweep: OwnSweepDep, version: RequiredSweepVersion, sweeps: SweepsDep, context: ContextDep
) -> Response:
    """Queue the failed and cancelled runs again. Succeeded runs do not change."""
    return _accepted(request, await sweeps.retry(sweep, context.caller, version))


@router.delete("/{sweep_id}", status_code=HTTPStatus.NO_CONTENT, responses=CHANGE)
async def delete_sweep(sweep_id: OwnSweepIdDep, version: RequiredSweepVersion, sweeps: SweepsDep) -> None:
    """Delete a sweep with its metrics and models. All of its runs must have ended."""
    await sweeps.delete(sweep_id, version)


def _accepted(request: Request, sweep: Sweep, headers: Mapping[str, str] = MappingProxyType({})) -> Response:
    """Return the changed sweep with its new ETag."""
    return ModelResponse(sweep, HTTPStatus.ACCEPTED, {**headers_of(request, sweep), **headers})
