"""/sweeps/{id}/plot, /runs/{id}/plot and /plots/compare: plots as images or as JSON data."""

from collections.abc import Callable
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AfterValidator

from api.dependencies import (
    DatasetsDep,
    DrawingDep,
    PlotDataDep,
    RunId,
    StoreDep,
    SweepId,
    run_if_modified,
    sweep_if_modified,
    sweep_validators,
    sweeps_if_modified,
)
from api.http.conditional import NOT_MODIFIED, IfNoneMatch
from api.http.problems import problem_responses
from api.plots import accuracy, compare, confusion, epochs, matrix
from api.plots.data import Plot, PlotData
from api.plots.dataset_cache import DatasetCache
from api.plots.options import FileFormat, OptionsDep, PlotOptions, PlotResponse, plot_responses
from api.plots.picture import encode
from api.plots.samples import samples
from api.routes.responses import named
from api.science.matrix import matrix as matrix_of
from api.sweeps.store import Store
from noisesweep.models import Sweep
from noisesweep.models.config import reject_duplicates

router = APIRouter(tags=["plots"])
READ = plot_responses(Plot) | NOT_MODIFIED | problem_responses(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY)
ComputePlot = Callable[[], PlotData]


class Encoder:
    """Encoding of a plot in the requested format. Data does not wait for pictures, because they take much longer.

    Attributes:
        options: The requested format and appearance.
    """

    def __init__(self, options: OptionsDep, drawing: DrawingDep, plot_data: PlotDataDep) -> None:
        self.options = options
        self._in_turn = plot_data if options.file_format is FileFormat.JSON else drawing

    async def answer(self, compute: ComputePlot, name: str, headers: dict[str, str]) -> PlotResponse:
        """Compute and encode a plot in its turn, and return it with these headers, as a file of this name."""
        plot = await self._in_turn(lambda: encode(compute(), self.options))
        return PlotResponse(plot, self.options, headers | named(f"{name}.{self.options.file_format}"))


EncoderDep = Annotated[Encoder, Depends()]


class SweepPlot(StrEnum):
    """Plots of a sweep."""

    ACCURACY = "accuracy"
    EPOCHS = "epochs"
    MATRIX = "matrix"
    CONFUSION = "confusion"


class RunPlot(StrEnum):
    """Plots of a run."""

    EPOCHS = "epochs"
    CONFUSION = "confusion"


@router.get("/sweeps/{sweep_id}/plot", response_class=Response, responses=READ)
async def plot_sweep(
    *,
    sweep_id: SweepId,
    store: StoreDep,
    datasets: DatasetsDep,
    encoder: EncoderDep,
    kind: Annotated[
        SweepPlot,
        Query(
            description="accuracy: accuracy by scale. epochs: accuracy by epoch, one panel per scale. matrix: "
            "validation accuracy by training scale and test scale. confusion: one confusion matrix per scale."
        ),
    ] = SweepPlot.ACCURACY,
    if_none_match: IfNoneMatch = None,
) -> PlotResponse:
    """Plot the results of a sweep so far."""
    # A dependency could answer 304 or 404 before an invalid option is rejected with 422.
    sweep = await sweep_if_modified(store, sweep_id, if_none_match)
    compute = await _sweep_plot(kind, sweep, store, datasets, encoder.options)
    return await encoder.answer(compute, f"{sweep.id}-{kind}", sweep_validators(sweep))


async def _sweep_plot(
    kind: SweepPlot, sweep: Sweep, store: Store, datasets: DatasetCache, options: PlotOptions
) -> ComputePlot:
    """Read the data for a plot of a sweep, and return a function that computes the plot from it."""
    match kind:
        case SweepPlot.ACCURACY:
            dataset = await datasets.get(sweep.config.dataset) if options.samples else None
            return lambda: accuracy.plot_data(sweep, samples(sweep, dataset) if dataset else None, log=options.log)
        case SweepPlot.EPOCHS:
            metrics = await store.all_epochs(sweep)
            return lambda: epochs.of_sweep(sweep, metrics)
        case SweepPlot.MATRIX:
            evaluations = await store.evaluations(sweep)
            return lambda: matrix.plot_data(sweep, matrix_of(sweep, evaluations))
        case SweepPlot.CONFUSION:
            evaluations = await store.evaluations(sweep)
            return lambda: confusion.of_sweep(sweep, evaluations)


@router.get("/runs/{run_id}/plot", response_class=Response, responses=READ)
async def plot_run(
    *,
    run_id: RunId,
    store: StoreDep,
    encoder: EncoderDep,
    kind: Annotated[
        RunPlot, Query(description="epochs: accuracy and loss by epoch. confusion: the confusion matrix.")
    ] = RunPlot.EPOCHS,
    if_none_match: IfNoneMatch = None,
) -> PlotResponse:
    """Plot the results of a run so far."""
    run = await run_if_modified(store, run_id, if_none_match)
    data = {RunPlot.EPOCHS: epochs.of_run, RunPlot.CONFUSION: confusion.of_run}[kind]
    return await encoder.answer(lambda: data(run), f"{run.id}-{kind}", sweep_validators(run))


@router.get("/plots/compare", response_class=Response, responses=READ)
async def plot_comparison(
    *,
    sweep: Annotated[
        list[str],
        Query(
            min_length=1,
            max_length=compare.MAX_SWEEPS,
            json_schema_extra={"uniqueItems": True},
            description="Ids of 1 to 8 different sweeps.",
            examples=[["5f0c6a1e9b3d2748", "93c1e55d0a7f4b26"]],
        ),
        AfterValidator(reject_duplicates),
    ],
    store: StoreDep,
    encoder: EncoderDep,
    if_none_match: IfNoneMatch = None,
) -> PlotResponse:
    """Plot the validation accuracy of several sweeps by scale. The legend names the settings that differ."""
    sweeps = await sweeps_if_modified(store, sweep, if_none_match)
    name = "-".join(["compare", *(each.id for each in sweeps)])
    return await encoder.answer(
        lambda: compare.plot_data(sweeps, log=encoder.options.log), name, sweep_validators(*sweeps)
    )
