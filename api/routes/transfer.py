"""/transfer and /plots/transfer: networks trained on one kind of noise and tested with another."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.dependencies import ReadsDep, StoreDep
from api.http.conditional import NOT_MODIFIED
from api.http.openapi import FILE_NAME
from api.http.problems import problem_responses
from api.plots import transfer as transfer_plot
from api.plots.data import Plot
from api.plots.options import PlotResponse, plot_responses
from api.routes.plots import EncoderDep
from api.routes.responses import named
from api.science.scale_figures import validation_images
from api.science.transfer import MAX_SWEEPS, transfer
from api.sweeps.building import build
from noisesweep.models import Evaluation, Transfer
from noisesweep.models.config import Scale

router = APIRouter()
ERRORS = problem_responses(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY)
READ = {200: {"headers": FILE_NAME}} | NOT_MODIFIED | ERRORS
READ_PLOT = plot_responses(Plot) | NOT_MODIFIED | ERRORS

SweepIds = Annotated[
    list[str],
    Query(
        min_length=2,
        max_length=MAX_SWEEPS,
        description=f"Ids of 2 to {MAX_SWEEPS} sweeps. A sweep may be repeated, with another scale.",
        examples=[["5f0c6a1e9b3d2748", "93c1e55d0a7f4b26"]],
    ),
]
Scales = Annotated[
    list[Scale] | None,
    Query(
        max_length=MAX_SWEEPS,
        description="Training scale of each sweep, in their order. By default, the one that the other sweeps are "
        "tested with; of several, the one nearest to its half-way scale.",
        examples=[[1.0, 0.5]],
    ),
]


@router.get("/transfer", response_model=Transfer, responses=READ, tags=["sweeps"])
async def get_transfer(*, sweep: SweepIds, scale: Scales = None, reads: ReadsDep, store: StoreDep) -> Response:
    """Return the accuracy of networks trained on the noise of one sweep and tested with that of the others.

    A sweep has one kind of training noise; its `test_noise` names the others to test with. Row i has the networks of
    sweep i at its scale, and column j the noise of sweep j at the scale of that sweep.
    """
    sweeps, headers = await reads.sweeps(sweep)
    evaluations = [await store.measurements.evaluations(each) for each in sweeps]
    images = sum(map(validation_images, sweeps))
    body = await build(lambda: transfer(sweeps, evaluations, scale or ()).model_dump_json(), images)
    headers |= named(f"transfer-{'-'.join(each.id for each in sweeps)}.json")
    return Response(body, headers=headers, media_type="application/json")


@router.get("/plots/transfer", response_class=Response, responses=READ_PLOT, tags=["plots"])
async def plot_transfer(
    *, sweep: SweepIds, scale: Scales = None, reads: ReadsDep, store: StoreDep, encoder: EncoderDep
) -> PlotResponse:
    """Plot the table of /transfer as a heatmap."""
    sweeps, headers = await reads.sweeps(sweep, encoder.representation)

    async def read() -> list[list[Evaluation | None]]:
        return [await store.measurements.evaluations(each) for each in sweeps]

    return await encoder.answer(
        lambda evaluations: transfer_plot.plot_data(sweeps, transfer(sweeps, evaluations, scale or ())),
        "-".join(["transfer", *(each.id for each in sweeps)]),
        headers,
        read,
    )
