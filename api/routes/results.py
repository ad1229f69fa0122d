"""/sweeps/{id}/results and /sweeps/{id}/summary."""

from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request, Response

from api.dependencies import ReadsDep, StateDep, StoreDep, SweepId
from api.http.conditional import NOT_MODIFIED, Representation
from api.http.openapi import FILE_NAME
from api.http.problems import problem_responses
from api.routes.responses import named
from api.science.summary import summary
from api.sweeps import results
from api.sweeps.building import build
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
FORMATS = {
    "json": Representation("application/json", vary="Accept"),
    "csv": Representation("text/csv", vary="Accept"),
}
READ_TABLE = READ | CSV | problem_responses(HTTPStatus.UNPROCESSABLE_ENTITY)


@router.get("/results", response_model=Results, responses=READ_TABLE)
async def get_results(
    *,
    request: Request,
    sweep_id: SweepId,
    reads: ReadsDep,
    state: StateDep,
    accept: Annotated[
        str,
        Header(
            description="text/csv returns CSV; any other type returns JSON.", examples=["application/json", "text/csv"]
        ),
    ] = "*/*",
    file_format: Annotated[
        Literal["json", "csv"] | None, Query(alias="format", description="The format; takes precedence over Accept.")
    ] = None,
) -> Response:
    """Return one row per epoch of each run, with its scale and seed. JSON also has statistics by scale."""
    file_format = file_format or ("csv" if "text/csv" in accept else "json")
    sweep, headers = await reads.sweep(sweep_id, FORMATS[file_format])
    headers |= named(f"{sweep.id}-results.{file_format}")
    pieces = results.csv_pieces if file_format == "csv" else results.json_pieces
    measurements, media_type = state.store.measurements, FORMATS[file_format].media_type
    return await state.pieces.answer(request, pieces(measurements, sweep), media_type, headers)


@router.get("/summary", response_model=Summary, responses=READ)
async def get_summary(sweep_id: SweepId, reads: ReadsDep, store: StoreDep) -> Response:
    """Summarize the results so far: statistics by scale, half-way scale, area under the curve, and a sentence."""
    sweep, headers = await reads.sweep(sweep_id)
    evaluations = await store.measurements.evaluations(sweep)
    body = await build(lambda: summary(sweep, evaluations).model_dump_json(), len(sweep.runs) * len(sweep.scales))
    return Response(body, headers=headers, media_type="application/json")
