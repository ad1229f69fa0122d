"""Results of a sweep: a row per run and epoch in grid order, figures per scale, and the train/test matrix.

They are built in pieces, because those of the largest sweep have 11 MB.
"""

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from functools import partial
from operator import attrgetter

from pydantic import TypeAdapter

from api.science.matrix import matrix
from api.science.scale_figures import figures
from api.sweeps.building import build, joined
from api.sweeps.measurements import Measurements, in_groups
from noisesweep.models import EpochMetrics, ResultRow, Results, RunSummary, Sweep

# The fields of ResultRow: first those of the run, then those of the epoch.
COLUMNS = ["run_id", "scale", "seed", "numerics", *EpochMetrics.model_fields]
_LIST = TypeAdapter(list[ResultRow])
_cells = attrgetter(*EpochMetrics.model_fields)
# Function that encodes the epochs of several runs.
Encode = Callable[[Sequence[RunSummary], Sequence[Sequence[EpochMetrics]]], bytes]


async def json_pieces(measurements: Measurements, sweep: Sweep) -> AsyncIterator[bytes]:
    """Yield the Results of a sweep as JSON.

    Raises:
        SweepNotFoundError: The sweep was deleted after it was read, so the remaining rows are missing.
    """
    yield (await _without_rows(measurements, sweep)).removesuffix(b"]}")
    async for rows in joined(_encoded_rows(measurements, sweep, _json_rows)):
        yield rows
    yield b"]}"


async def csv_pieces(measurements: Measurements, sweep: Sweep) -> AsyncIterator[bytes]:
    """Yield the rows as CSV (RFC 4180) with a header. Raise the errors of `json_pieces`."""
    yield _csv([COLUMNS])
    async for lines in _encoded_rows(measurements, sweep, _csv_rows):
        yield lines


async def _without_rows(measurements: Measurements, sweep: Sweep) -> bytes:
    evaluations = await measurements.evaluations(sweep)

    def document() -> bytes:
        results = Results(
            sweep_id=sweep.id,
            config=sweep.config,
            scales=figures(sweep, evaluations),
            matrix=matrix(sweep, evaluations),
            rows=[],
        )
        return results.model_dump_json().encode()

    return await build(document, len(sweep.runs) * len(sweep.scales))


async def _encoded_rows(measurements: Measurements, sweep: Sweep, encode: Encode) -> AsyncIterator[bytes]:
    for runs in in_groups([run for run in sweep.runs if run.epochs_done]):
        yield await _encode_epochs(measurements, runs, encode)


async def _encode_epochs(measurements: Measurements, runs: Sequence[RunSummary], encode: Encode) -> bytes:
    epochs = await measurements.epochs(runs)
    return await build(partial(encode, runs, epochs), sum(map(len, epochs)))


def _json_rows(runs: Sequence[RunSummary], epochs: Sequence[Sequence[EpochMetrics]]) -> bytes:
    rows = [
        ResultRow(run_id=run.id, scale=run.scale, seed=run.seed, numerics=run.numerics, **metrics.__dict__)
        for run, of_run in zip(runs, epochs, strict=True)
        for metrics in of_run
    ]
    return _LIST.dump_json(rows)[1:-1]


def _csv_rows(runs: Sequence[RunSummary], epochs: Sequence[Sequence[EpochMetrics]]) -> bytes:
    return _csv(
        (run.id, run.scale, run.seed, run.numerics, *_cells(metrics))
        for run, of_run in zip(runs, epochs, strict=True)
        for metrics in of_run
    )


def _csv(lines: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue().encode()
