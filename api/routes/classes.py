"""/class and /plots/class: all sweeps with one tag in one picture and in numbers."""

import re
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.dependencies import ReadsDep, StateDep
from api.http.conditional import NOT_MODIFIED
from api.http.openapi import FILE_NAME
from api.http.problems import problem_responses
from api.http.root_path import root_path_of
from api.plots import classes as class_plot
from api.plots.data import Plot
from api.plots.options import PlotResponse, plot_responses
from api.routes.plots import EncoderDep
from api.routes.responses import named
from api.science.classes import class_results, pool
from api.sweeps.building import build
from noisesweep.models import ClassResults, Tag
from noisesweep.models.links import to_json

router = APIRouter()
ERRORS = problem_responses(HTTPStatus.UNPROCESSABLE_ENTITY)
READ = {200: {"headers": FILE_NAME}} | NOT_MODIFIED | ERRORS
READ_PLOT = plot_responses(Plot) | NOT_MODIFIED | ERRORS

TagDep = Annotated[Tag, Query()]


@router.get("/class", response_model=ClassResults, responses=READ, tags=["sweeps"])
async def get_class(request: Request, tag: TagDep, reads: ReadsDep, state: StateDep) -> Response:
    """Return the results of a class, which is all sweeps with one tag: who has finished, and the mean accuracy.

    The mean is over different seeds: runs with equal settings, scale and seed count once.
    """
    sweeps, complete, headers = await reads.tagged(tag, state.limits)
    root_path, runs = root_path_of(request.scope), sum(len(sweep.runs) for sweep in sweeps)
    body = await build(lambda: to_json(class_results(tag, sweeps, complete=complete), root_path), runs)
    return Response(body, headers=headers | named(f"{_file_name(tag)}.json"), media_type="application/json")


@router.get("/plots/class", response_class=Response, responses=READ_PLOT, tags=["plots"])
async def plot_class(tag: TagDep, reads: ReadsDep, state: StateDep, encoder: EncoderDep) -> PlotResponse:
    """Plot the accuracy of all sweeps with one tag by scale: a thin line for each, and the mean over all seeds."""
    sweeps, _, headers = await reads.tagged(tag, state.limits, encoder.representation)
    return await encoder.answer(
        lambda: class_plot.plot_data(tag, pool(sweeps), log=encoder.options.log), _file_name(tag), headers
    )


def _file_name(tag: str) -> str:
    """Return a file name without a suffix. A header cannot contain all characters of a tag."""
    return f"class-{re.sub('[^A-Za-z0-9_.-]+', '-', tag)}"
