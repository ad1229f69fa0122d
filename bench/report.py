"""Benchmark reports: a table on the terminal, and the same values as JSON."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Goal:
    """Upper or lower bound on a measured value.

    Attributes:
        measured: Measured value.
        bound: Bound of the value.
        at_least: True for a lower bound, false for an upper bound.
    """

    measured: float
    bound: float
    at_least: bool = False

    def __str__(self) -> str:
        met = self.measured >= self.bound if self.at_least else self.measured <= self.bound
        return f"{'at least' if self.at_least else 'at most'} {self.bound:,g}: {'met' if met else 'missed'}"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile for a share from 0 to 1, or NaN without values."""
    return sorted(values)[math.ceil(share * len(values)) - 1] if values else math.nan


def print_table(title: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Print rows that have the same columns. Floats get three significant digits."""
    table = Table(title=title, title_justify="left")
    for column in rows[0]:
        table.add_column(column, justify="left" if isinstance(rows[0][column], str) else "right")
    for row in rows:
        table.add_row(*map(_cell, row.values()))
    Console(width=200, highlight=False).print(table)


def write_json(path: Path, report: object) -> None:
    """Write a report as JSON. Objects that JSON does not support, such as goals, become text."""
    path.write_text(json.dumps(report, indent=2, default=str) + "\n")


def _cell(value: object) -> str:
    if isinstance(value, float):
        if math.isnan(value):
            return "-"
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits
    return f"{value:,}" if isinstance(value, int) else str(value)
