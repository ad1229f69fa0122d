"""Every epoch of every run as a table: one row each, in the order of the grid."""

import csv
import io
from collections.abc import AsyncIterator

from api.store import Store
from shared.models import EpochMetrics, ResultRow, Sweep

COLUMNS = ["run_id", "scale", "seed", *EpochMetrics.model_fields]


async def runs(store: Store, sweep: Sweep) -> AsyncIterator[list[ResultRow]]:
    """The rows of a sweep, read run by run."""
    for index, run in enumerate(sweep.runs):
        epochs = await store.epochs(sweep.id, index)
        yield [ResultRow(run_id=run.id, scale=run.scale, seed=run.seed, **metrics.model_dump()) for metrics in epochs]


async def lines(store: Store, sweep: Sweep) -> AsyncIterator[str]:
    """The same as CSV (RFC 4180) with a header: a point before decimals, a comma between fields, CRLF after a row."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    async for rows in runs(store, sweep):
        writer.writerows(row.model_dump() for row in rows)
        yield text.getvalue()
        text.seek(0)
        text.truncate()
