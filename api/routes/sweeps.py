"""/sweeps: submit a grid of runs, see how it goes."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from api.dependencies import ModifiedSweepDep, StateDep, StoreDep, SweepDep, SweepsDep, sweep_validators
from api.http.conditional import NOT_MODIFIED
from api.http.idempotency import Answer
from api.http.problems import documented
from api.routes.responses import ADMISSION, ESTIMATE, SUBMISSION
from api.routes.submission import POLL_AFTER, SubmissionDep
from api.sweeps import listing
from noisesweep.models import DatasetSlug, ExtensionRequest, RunStatus, Sweep, SweepList, SweepRequest

router = APIRouter(prefix="/sweeps", tags=["sweeps"])
READ = documented(HTTPStatus.NOT_FOUND) | NOT_MODIFIED
EXTENSION = ADMISSION | documented(HTTPStatus.NOT_FOUND)
NOT_FOUND_OR_CONFLICT = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)


async def _filters(
    status: Annotated[RunStatus | None, Query(description="Only sweeps that stand so.")] = None,
    dataset: Annotated[DatasetSlug | None, Query(description="Only sweeps on this data set.")] = None,
    name: Annotated[str | None, Query(max_length=100, description="Only sweeps whose name begins so.")] = None,
    tag: Annotated[
        list[str] | None,
        Query(max_length=16, description="Only sweeps with this tag, `key` or `key:value`; or with all of several."),
    ] = None,
) -> listing.Filters:
    return listing.Filters(status, dataset, name, tag or [])


@router.post("", status_code=HTTPStatus.ACCEPTED, response_model=Sweep, responses=SUBMISSION | ESTIMATE)
async def submit_sweep(request: SweepRequest, submission: SubmissionDep, store: StoreDep) -> Response:
    """Train one network per scale and seed. Answers at once; follow `Location`."""

    async def read(sweep_id: str) -> Answer:
        sweep = await store.sweep(sweep_id)
        return Answer(location=sweep.links.self, body=sweep.model_dump_json())

    return await submission.answer(request, request, read)


@router.get("", responses=documented(HTTPStatus.UNPROCESSABLE_ENTITY))
async def list_sweeps(
    request: Request,
    state: StateDep,
    filters: Annotated[listing.Filters, Depends(_filters)],
    limit: Annotated[int, Query(ge=1, le=100, description="At most so many.")] = 20,
    cursor: Annotated[
        str | None,
        Query(pattern=listing.CURSOR_PATTERN, description="Where to go on; taken from the `next` of a page."),
    ] = None,
) -> SweepList:
    """The sweeps, the newest first, in pages; `next` leads on. New sweeps do not shift the pages."""
    before = listing.read_cursor(cursor) if cursor else None
    sweeps, end = await listing.page(state.store, filters, limit, state.limits.sweeps_searched, before)
    following = end and request.url.include_query_params(cursor=listing.write_cursor(end))
    return SweepList(sweeps=sweeps, next=f"{following.path}?{following.query}" if following else None)


@router.get("/{sweep_id}", response_model=Sweep, responses=READ)
async def get_sweep(sweep: ModifiedSweepDep) -> Response:
    """A sweep: its config, its progress, and where each run stands."""
    return Response(sweep.model_dump_json(), headers=sweep_validators(sweep), media_type="application/json")


@router.post("/{sweep_id}/runs", status_code=HTTPStatus.ACCEPTED, response_model=Sweep, responses=EXTENSION)
async def extend_sweep(sweep: SweepDep, extension: ExtensionRequest, sweeps: SweepsDep) -> Response:
    """Let the sweep's grid have more scales and seeds; only what is new is trained. To repeat it changes nothing."""
    sweep = await sweeps.extend(sweep, extension)
    headers = {"Location": sweep.links.self, **POLL_AFTER}
    return Response(sweep.model_dump_json(), HTTPStatus.ACCEPTED, headers, "application/json")


@router.post("/{sweep_id}/cancel", status_code=HTTPStatus.ACCEPTED, responses=documented(*NOT_FOUND_OR_CONFLICT))
async def cancel_sweep(sweep: SweepDep, sweeps: SweepsDep) -> Sweep:
    """Cancel all runs that have not ended: queued ones at once, running ones within about two seconds.

    Metrics so far are kept, and what has ended stays as it is. To cancel again changes nothing.
    """
    return await sweeps.cancel(sweep)


@router.post(
    "/{sweep_id}/retry",
    status_code=HTTPStatus.ACCEPTED,
    responses=documented(
        *NOT_FOUND_OR_CONFLICT,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INSUFFICIENT_STORAGE,
    ),
)
async def retry_sweep(sweep: SweepDep, sweeps: SweepsDep) -> Sweep:
    """Queue the failed and the cancelled runs again; what has succeeded is kept."""
    return await sweeps.retry(sweep)


@router.delete("/{sweep_id}", status_code=HTTPStatus.NO_CONTENT, responses=documented(*NOT_FOUND_OR_CONFLICT))
async def delete_sweep(sweep: SweepDep, sweeps: SweepsDep) -> None:
    """Remove a sweep whose runs have all ended, with its metrics and its models."""
    await sweeps.delete(sweep)
