"""/sweeps/{id}/plot, /runs/{id}/plot and /plots/compare: plots as images or as JSON data."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import WrapValidator

from api.dependencies import (
    ArraysDep,
    DrawingDep,
    PlotDataDep,
    ReadsDep,
    RunId,
    RunInThread,
    StoreDep,
    SweepId,
)
from api.http.conditional import NOT_MODIFIED
from api.http.problems import problem_responses
from api.plots import accuracy, compare, confusion, epochs, matrix
from api.plots.data import Plot, PlotData
from api.plots.options import FileFormat, OptionsDep, PlotOptions, PlotResponse, plot_responses
from api.plots.picture import encode
from api.plots.samples import samples
from api.routes.responses import named
from api.science.matrix import matrix as matrix_of
from api.sweeps.measurements import Measurements
from noisesweep.models import Sweep
from noisesweep.models.config import reject_duplicates
from shared.datasets import Dataset, facts_of

router = APIRouter(tags=["plots"])
READ = plot_responses(Plot) | NOT_MODIFIED | problem_responses(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY)
# Functions that read the measurements of a plot, and compute the plot from them.
ReadMeasurements = Callable[[], Awaitable[Any]]
ComputePlot = Callable[..., PlotData]


class Encoder:
    """Encoding of a plot in the requested format. Data does not wait for pictures, because they take much longer.

    Attributes:
        options: The requested format and appearance.
        representation: The representation in this format.
    """

    def __init__(self, options: PlotOptions, drawing: RunInThread, plot_data: RunInThread) -> None:
        self.options = options
        self.representation = options.file_format.representation
        self._in_turn = plot_data if options.file_format is FileFormat.JSON else drawing

    async def answer(
        self, compute: ComputePlot, name: str, headers: dict[str, str], read: ReadMeasurements | None = None
    ) -> PlotResponse:
        """Read, compute and encode a plot in its turn, and return it with these headers, as a file of this name."""
        plot = await self._in_turn(
            headers["ETag"], lambda *measurements: encode(compute(*measurements), self.options), read
        )
        return PlotResponse(plot, self.options, headers | named(f"{name}.{self.options.file_format}"))


# Not the class itself: FastAPI calls what is not asynchronous in a thread.
async def _encoder(options: OptionsDep, drawing: DrawingDep, plot_data: PlotDataDep) -> Encoder:
    return Encoder(options, drawing, plot_data)


EncoderDep = Annotated[Encoder, Depends(_encoder)]


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
    reads: ReadsDep,
    store: StoreDep,
    arrays: ArraysDep,
    encoder: EncoderDep,
    kind: Annotated[
        SweepPlot,
        Query(
            description="accuracy: accuracy by scale. epochs: accuracy by epoch, one panel per scale. matrix: "
            "validation accuracy by training scale and test scale. confusion: one confusion matrix per scale."
        ),
    ] = SweepPlot.ACCURACY,
) -> PlotResponse:
    """Plot the results of a sweep so far."""
    sweep, headers = await reads.sweep(sweep_id, encoder.representation)
    with_samples = kind is SweepPlot.ACCURACY and encoder.options.samples
    dataset = await arrays.get(facts_of(sweep.config)) if with_samples else None
    read, compute = _sweep_plot(kind, sweep, store.measurements, dataset, encoder.options)
    return await encoder.answer(compute, f"{sweep.id}-{kind}", headers, read)


def _sweep_plot(
    kind: SweepPlot, sweep: Sweep, measurements: Measurements, dataset: Dataset | None, options: PlotOptions
) -> tuple[ReadMeasurements | None, ComputePlot]:
    match kind:
        case SweepPlot.ACCURACY:
            return None, lambda: accuracy.plot_data(
                sweep, samples(sweep, dataset) if dataset else None, log=options.log
            )
        case SweepPlot.EPOCHS:
            return partial(measurements.all_epochs, sweep), partial(epochs.of_sweep, sweep)
        case SweepPlot.MATRIX:
            read = partial(measurements.evaluations, sweep)
            return read, lambda evaluations: matrix.plot_data(sweep, matrix_of(sweep, evaluations))
        case SweepPlot.CONFUSION:
            return partial(measurements.evaluations, sweep), partial(confusion.of_sweep, sweep)


@router.get("/runs/{run_id}/plot", response_class=Response, responses=READ)
async def plot_run(
    *,
    run_id: RunId,
    reads: ReadsDep,
    encoder: EncoderDep,
    kind: Annotated[
        RunPlot, Query(description="epochs: accuracy and loss by epoch. confusion: the confusion matrix.")
    ] = RunPlot.EPOCHS,
) -> PlotResponse:
    """Plot the results of a run so far."""
    run, headers = await reads.run(run_id, encoder.representation)
    data = {RunPlot.EPOCHS: epochs.of_run, RunPlot.CONFUSION: confusion.of_run}[kind]
    return await encoder.answer(lambda: data(run), f"{run.id}-{kind}", headers)


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
        WrapValidator(reject_duplicates),
    ],
    reads: ReadsDep,
    encoder: EncoderDep,
) -> PlotResponse:
    """Plot the validation accuracy of several sweeps by scale. The legend names the settings that differ."""
    sweeps, headers = await reads.sweeps(sweep, encoder.representation)
    name = "-".join(["compare", *(each.id for each in sweeps)])
    return await encoder.answer(lambda: compare.plot_data(sweeps, log=encoder.options.log), name, headers)
