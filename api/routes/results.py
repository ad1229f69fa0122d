"""/sweeps/{id}/results and /sweeps/{id}/summary."""

from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse

from api.dependencies import ModifiedSweepDep, StoreDep, SweepId, sweep_if_modified, sweep_validators
from api.http.conditional import NOT_MODIFIED, IfNoneMatch
from api.http.openapi import FILE_NAME
from api.http.problems import problem_responses
from api.routes.responses import named
from api.science.summary import summary
from api.sweeps import results
from noisesweep.models import Results, Summary

router = APIRouter(prefix="/sweeps/{sweep_id}", tags=["sweeps"])
READ = problem_responses(HTTPStatus.NOT_FOUND) | NOT_MODIFIED
CSV: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The results as JSON or CSV.",
        "content": {"text/csv": {"schema": {"type": "string"}}},
        "headers": FILE_NAME,
    }
}
READ_TABLE = READ | CSV | problem_responses(HTTPStatus.UNPROCESSABLE_ENTITY)


@router.get("/results", response_model=Results, responses=READ_TABLE)
async def get_results(
    sweep_id: SweepId,
    store: StoreDep,
    accept: Annotated[
        str,
        Header(
            description="text/csv returns CSV; any other type returns JSON.", examples=["application/json", "text/csv"]
        ),
    ] = "*/*",
    file_format: Annotated[
        Literal["json", "csv"] | None, Query(alias="format", description="The format; takes precedence over Accept.")
    ] = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return one row per epoch of each run, with its scale and seed. JSON also has statistics by scale."""
    # A dependency could answer 304 or 404 before an invalid format is rejected with 422.
    sweep = await sweep_if_modified(store, sweep_id, if_none_match)
    headers = sweep_validators(sweep) | {"Vary": "Accept"}
    if file_format == "csv" or (file_format is None and "text/csv" in accept):
        headers |= named(f"{sweep.id}-results.csv")
        return StreamingResponse(results.lines(store, sweep), media_type="text/csv", headers=headers)
    document = await results.document(store, sweep)
    headers |= named(f"{sweep.id}-results.json")
    return Response(document.model_dump_json(), media_type="application/json", headers=headers)


@router.get("/summary", response_model=Summary, responses=READ)
async def get_summary(sweep: ModifiedSweepDep) -> Response:
    """Summarize the results so far: statistics by scale, half-way scale, area under the curve, and a sentence."""
    return Response(summary(sweep).model_dump_json(), headers=sweep_validators(sweep), media_type="application/json")
