"""Results of a sweep: a row per run and epoch in grid order, figures per scale, and the train/test matrix."""

import csv
import io
from collections.abc import AsyncIterator

from api.science.matrix import matrix
from api.science.scale_figures import figures
from api.sweeps.reader import SweepReader
from noisesweep.models import EpochMetrics, ResultRow, Results, RunSummary, Sweep

# The fields of ResultRow: first those of the run, then those of the epoch.
COLUMNS = [
    *(name for name in ResultRow.model_fields if name not in EpochMetrics.model_fields),
    *EpochMetrics.model_fields,
]


async def document(reader: SweepReader, sweep: Sweep) -> Results:
    """Return all results of a sweep."""
    epochs, evaluations = await reader.all_epochs(sweep), await reader.evaluations(sweep)
    return Results(
        sweep_id=sweep.id,
        config=sweep.config,
        scales=figures(sweep),
        matrix=matrix(sweep, evaluations),
        rows=[row for run, of_run in zip(sweep.runs, epochs, strict=True) for row in rows(run, of_run)],
    )


def rows(run: RunSummary, epochs: list[EpochMetrics]) -> list[ResultRow]:
    """Return one row per epoch of a run."""
    return [ResultRow(run_id=run.id, scale=run.scale, seed=run.seed, **metrics.model_dump()) for metrics in epochs]


async def lines(reader: SweepReader, sweep: Sweep) -> AsyncIterator[str]:
    """Yield the rows as CSV (RFC 4180) with a header. Only one run is read at a time.

    Raises:
        SweepNotFoundError: The sweep was deleted after it was read, so the remaining rows are missing.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    for index, run in enumerate(sweep.runs):
        writer.writerows(row.model_dump() for row in rows(run, await reader.epochs(sweep, index)))
        yield text.getvalue()
        text.seek(0)
        text.truncate()
