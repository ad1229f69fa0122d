"""/compare: two sweeps in numbers."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.dependencies import ReadsDep, StoreDep
from api.http.conditional import NOT_MODIFIED
from api.http.openapi import FILE_NAME
from api.http.problems import problem_responses
from api.routes.responses import named
from api.science.comparison import compare
from api.science.scale_figures import validation_images
from api.sweeps.building import build
from noisesweep.models import Comparison

router = APIRouter(tags=["sweeps"])
READ = (
    {200: {"headers": FILE_NAME}}
    | NOT_MODIFIED
    | problem_responses(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY)
)


@router.get("/compare", response_model=Comparison, responses=READ)
async def compare_sweeps(
    *,
    sweep: Annotated[
        list[str],
        Query(
            min_length=2,
            max_length=2,
            description="Ids of sweep A and sweep B. They may be equal.",
            examples=[["5f0c6a1e9b3d2748", "93c1e55d0a7f4b26"]],
        ),
    ],
    reads: ReadsDep,
    store: StoreDep,
) -> Response:
    """Compare two sweeps in numbers: differences by scale, ratio of scales, areas, and a sentence.

    Runs are paired by scale and seed. Only runs that have succeeded in both sweeps count.
    """
    (first, second), headers = await reads.sweeps(sweep)
    evaluations = [await store.measurements.evaluations(each) for each in (first, second)]
    images = sum(map(validation_images, (first, second)))
    body = await build(lambda: compare(first, second, *evaluations).model_dump_json(), images)
    headers |= named(f"compare-{first.id}-{second.id}.json")
    return Response(body, headers=headers, media_type="application/json")
