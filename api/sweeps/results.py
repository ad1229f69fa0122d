"""Every epoch of every run as a table, one row each in the order of the grid, and what follows from their ends."""

import csv
import io
from collections.abc import AsyncIterator

from api.science.matrix import matrix
from api.science.scale_figures import figures
from api.sweeps.store import Store
from noisesweep.models import EpochMetrics, ResultRow, Results, RunSummary, Sweep

COLUMNS = ["run_id", "scale", "seed", *EpochMetrics.model_fields]


async def document(store: Store, sweep: Sweep) -> Results:
    """All of a sweep's results, read at once."""
    epochs, evaluations = await store.all_epochs(sweep), await store.evaluations(sweep)
    return Results(
        sweep_id=sweep.id,
        config=sweep.config,
        scales=figures(sweep),
        matrix=matrix(sweep, evaluations),
        rows=[row for run, of_run in zip(sweep.runs, epochs, strict=True) for row in rows(run, of_run)],
    )


def rows(run: RunSummary, epochs: list[EpochMetrics]) -> list[ResultRow]:
    """A row for each of a run's epochs."""
    return [ResultRow(run_id=run.id, scale=run.scale, seed=run.seed, **metrics.model_dump()) for metrics in epochs]


async def lines(store: Store, sweep: Sweep) -> AsyncIterator[str]:
    """The rows as CSV (RFC 4180), read run by run: a header, a point before decimals, a comma between fields, CRLF."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    for index, run in enumerate(sweep.runs):
        writer.writerows(row.model_dump() for row in rows(run, await store.epochs(sweep.id, index)))
        yield text.getvalue()
        text.seek(0)
        text.truncate()
