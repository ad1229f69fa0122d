"""/sweeps: submit a grid of runs, see how it goes, get the picture."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from api import listing, results
from api.conditional import NOT_MODIFIED, IfNoneMatch, ModifiedSweepDep, SweepId, sweep_if_modified, validators
from api.dependencies import ESTIMATE, DrawingDep, QueueDep, StoreDep, SubmissionDep, SweepDep
from api.idempotency import Answer
from api.plots import accuracy
from api.plots.png import PNG, PngResponse
from api.problems import SUBMISSION, documented
from shared.errors import AlreadyEndedError, SweepOpenError
from shared.models import DatasetName, Results, RunStatus, Sweep, SweepList, SweepRequest

router = APIRouter(prefix="/sweeps", tags=["sweeps"])
READ = documented(HTTPStatus.NOT_FOUND) | NOT_MODIFIED
CSV: dict[int | str, dict[str, Any]] = {
    200: {"description": "The rows, as JSON or CSV.", "content": {"text/csv": {"schema": {"type": "string"}}}}
}
READ_TABLE = READ | CSV | documented(HTTPStatus.UNPROCESSABLE_ENTITY)
NOT_FOUND_OR_CONFLICT = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)


async def _filters(
    status: Annotated[RunStatus | None, Query(description="Only sweeps that stand so.")] = None,
    dataset: Annotated[DatasetName | None, Query(description="Only sweeps on this data set.")] = None,
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
        return Answer(sweep_id=sweep_id, location=sweep.links.self, body=sweep.model_dump_json())

    return await submission.answer(request, request, read)


@router.get("", responses=documented(HTTPStatus.UNPROCESSABLE_ENTITY))
async def list_sweeps(
    request: Request,
    store: StoreDep,
    filters: Annotated[listing.Filters, Depends(_filters)],
    limit: Annotated[int, Query(ge=1, le=100, description="At most so many.")] = 20,
    cursor: Annotated[
        str | None, Query(pattern=listing.CURSOR, description="Where to go on; taken from the `next` of a page.")
    ] = None,
) -> SweepList:
    """The sweeps, the newest first, in pages; `next` leads on. New sweeps do not shift the pages."""
    sweeps, place = await listing.page(store, filters, limit, listing.place_of(cursor) if cursor else None)
    following = place and request.url.include_query_params(cursor=listing.cursor_of(place))
    return SweepList(sweeps=sweeps, next=f"{following.path}?{following.query}" if following else None)


@router.get("/{sweep_id}", response_model=Sweep, responses=READ)
async def get_sweep(sweep: ModifiedSweepDep) -> Response:
    """A sweep: its config, its progress, and where each run stands."""
    return Response(sweep.model_dump_json(), headers=validators(sweep), media_type="application/json")


@router.get("/{sweep_id}/results", response_model=Results, responses=READ_TABLE)
async def get_results(
    sweep_id: SweepId,
    store: StoreDep,
    accept: Annotated[
        str, Header(description="text/csv gives CSV, anything else JSON.", examples=["application/json", "text/csv"])
    ] = "*/*",
    file_format: Annotated[
        Literal["json", "csv"] | None, Query(alias="format", description="The same, and the stronger of the two.")
    ] = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Every epoch of every run: one row each, with the run's scale and seed."""
    # As a dependency it would be asked before an invalid format is refused.
    sweep = await sweep_if_modified(store, sweep_id, if_none_match)
    headers = validators(sweep) | {"Vary": "Accept"}
    if file_format == "csv" or (file_format is None and "text/csv" in accept):
        disposition = {"Content-Disposition": f'attachment; filename="{sweep.id}.csv"'}
        return StreamingResponse(results.lines(store, sweep), media_type="text/csv", headers=headers | disposition)
    rows = [row async for run in results.runs(store, sweep) for row in run]
    document = Results(sweep_id=sweep.id, config=sweep.config, rows=rows).model_dump_json()
    return Response(document, media_type="application/json", headers=headers)


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
    responses=documented(
        *NOT_FOUND_OR_CONFLICT,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INSUFFICIENT_STORAGE,
    ),
)
async def retry_sweep(sweep: SweepDep, queue: QueueDep) -> Sweep:
    """Queue the failed and the cancelled runs again; what has succeeded is kept."""
    return await queue.retry(sweep)


@router.delete("/{sweep_id}", status_code=HTTPStatus.NO_CONTENT, responses=documented(*NOT_FOUND_OR_CONFLICT))
async def delete_sweep(sweep: SweepDep, store: StoreDep) -> None:
    """Remove a sweep whose runs have all ended, with its metrics and its models."""
    if not await store.delete(sweep.id):
        raise SweepOpenError("This sweep has queued or running runs: cancel it first.")


@router.get("/{sweep_id}/plot", response_class=PngResponse, responses=READ | PNG)
async def plot_sweep(sweep: ModifiedSweepDep, drawing: DrawingDep) -> PngResponse:
    """Accuracy against scale as a PNG, training and validation, of the runs that have succeeded so far."""
    async with drawing:
        picture = await asyncio.to_thread(accuracy.draw, accuracy.curve(sweep))
    return PngResponse(picture, headers=validators(sweep))
