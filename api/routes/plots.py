"""/sweeps/{id}/plot, /runs/{id}/plot and /plots: the pictures."""

import asyncio
from collections.abc import Callable
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import AfterValidator

from api.dependencies import (
    DatasetsDep,
    DrawingDep,
    StoreDep,
    SweepId,
    run_if_modified,
    sweep_if_modified,
    sweep_validators,
    sweeps_if_modified,
)
from api.http.conditional import NOT_MODIFIED, IfNoneMatch
from api.http.problems import documented
from api.plots import accuracy, compare, confusion, epochs, epochs_by_scale, matrix
from api.plots.dataset_cache import DatasetCache
from api.plots.options import PICTURE, Options, OptionsDep, PictureResponse
from api.plots.samples import samples
from api.science.matrix import matrix as matrix_of
from api.sweeps.store import Store
from noisesweep.models import Run, Sweep
from noisesweep.models.config import refuse_repeats

router = APIRouter(tags=["plots"])
READ = PICTURE | NOT_MODIFIED | documented(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY)
Draw = Callable[[], bytes]


class SweepPlot(StrEnum):
    """The pictures of a sweep."""

    ACCURACY = "accuracy"
    EPOCHS = "epochs"
    MATRIX = "matrix"
    CONFUSION = "confusion"


class RunPlot(StrEnum):
    """The pictures of a run."""

    EPOCHS = "epochs"
    CONFUSION = "confusion"


@router.get("/sweeps/{sweep_id}/plot", response_class=Response, responses=READ)
async def plot_sweep(
    *,
    sweep_id: SweepId,
    store: StoreDep,
    datasets: DatasetsDep,
    drawing: DrawingDep,
    options: OptionsDep,
    kind: Annotated[
        SweepPlot,
        Query(
            description="accuracy against the scale; accuracy against the epoch, a panel for each scale; the matrix of "
            "scales trained with and tested with; the confusion of classes at each scale."
        ),
    ] = SweepPlot.ACCURACY,
    if_none_match: IfNoneMatch = None,
) -> PictureResponse:
    """A picture of a sweep, of what its runs have done so far."""
    # As a dependency it would be asked before an invalid option is refused.
    sweep = await sweep_if_modified(store, sweep_id, if_none_match)
    draw = await _draw_sweep(kind, sweep, store, datasets, options)
    return PictureResponse(await _drawn(draw, drawing), options, sweep_validators(sweep))


async def _draw_sweep(kind: SweepPlot, sweep: Sweep, store: Store, datasets: DatasetCache, options: Options) -> Draw:
    """What draws a sweep; what it draws has been read."""
    match kind:
        case SweepPlot.ACCURACY:
            dataset = await datasets.get(sweep.config.dataset) if options.samples else None
            return lambda: accuracy.draw(
                accuracy.curve(sweep, samples(sweep, dataset) if dataset else None, log=options.log), options
            )
        case SweepPlot.EPOCHS:
            metrics = await store.all_epochs(sweep)
            return lambda: epochs_by_scale.draw(epochs_by_scale.panels(sweep, metrics), options)
        case SweepPlot.MATRIX:
            evaluations = await store.evaluations(sweep)
            return lambda: matrix.draw(matrix.field(sweep, matrix_of(sweep, evaluations)), options)
        case SweepPlot.CONFUSION:
            evaluations = await store.evaluations(sweep)
            return lambda: confusion.draw(confusion.of_sweep(sweep, evaluations), options)


@router.get("/runs/{run_id}/plot", response_class=Response, responses=READ)
async def plot_run(
    *,
    run_id: Annotated[str, Path(description="A run's id.", examples=["5f0c6a1e9b3d2748-2"])],
    store: StoreDep,
    drawing: DrawingDep,
    options: OptionsDep,
    kind: Annotated[
        RunPlot, Query(description="Accuracy and loss against the epochs; the confusion of classes.")
    ] = RunPlot.EPOCHS,
    if_none_match: IfNoneMatch = None,
) -> PictureResponse:
    """A picture of a run, of what it has done so far."""
    run = await run_if_modified(store, run_id, if_none_match)
    return PictureResponse(await _drawn(_draw_run(kind, run, options), drawing), options, sweep_validators(run))


def _draw_run(kind: RunPlot, run: Run, options: Options) -> Draw:
    match kind:
        case RunPlot.EPOCHS:
            return lambda: epochs.draw(epochs.curves(run), options)
        case RunPlot.CONFUSION:
            return lambda: confusion.draw(confusion.of_run(run), options)


@router.get("/plots/compare", response_class=Response, responses=READ)
async def plot_comparison(
    *,
    sweep: Annotated[
        list[str],
        Query(
            min_length=1,
            max_length=compare.MOST_SWEEPS,
            json_schema_extra={"uniqueItems": True},
            description="The ids of 1 to 8 different sweeps.",
            examples=[["5f0c6a1e9b3d2748", "93c1e55d0a7f4b26"]],
        ),
        AfterValidator(refuse_repeats),
    ],
    store: StoreDep,
    drawing: DrawingDep,
    options: OptionsDep,
    if_none_match: IfNoneMatch = None,
) -> PictureResponse:
    """The validation accuracy of several sweeps against the scale, told apart by the settings that differ."""
    sweeps = await sweeps_if_modified(store, sweep, if_none_match)
    picture = await _drawn(lambda: compare.draw(compare.comparison(sweeps, log=options.log), options), drawing)
    return PictureResponse(picture, options, sweep_validators(*sweeps))


async def _drawn(draw: Draw, drawing: asyncio.Lock) -> bytes:
    async with drawing:
        return await asyncio.to_thread(draw)
