"""What a benchmark of the API reports: rows of figures, and whether those are met that were asked for."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Wanted:
    """A bound on a figure, and whether it is met."""

    figure: str
    measured: float
    least: float | None = None
    most: float | None = None

    @property
    def verdict(self) -> str:
        """`met` or `missed`."""
        too_little = self.least is not None and self.measured < self.least
        too_much = self.most is not None and self.measured > self.most
        return "missed" if too_little or too_much else "met"

    def __str__(self) -> str:
        bounds = [("at least", self.least), ("at most", self.most)]
        asked = " and ".join(f"{words} {bound:,g}" for words, bound in bounds if bound is not None)
        return f"{self.figure} {asked}: {self.verdict}"


@dataclass(frozen=True)
class Row:
    """A line of the table; None where a figure makes no sense."""

    what: str
    requests_per_second: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    api_cpu_ms: float | None = None
    wanted: Sequence[Wanted] = ()
    notes: Sequence[str] = ()


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of all does not exceed."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def print_head() -> None:
    """Print what the columns are."""
    print(f"{'':28} {'requests/s':>10} {'p50 ms':>8} {'p99 ms':>8} {'API ms':>8}   wanted")


def print_row(row: Row) -> None:
    """Print a line of the table, and its notes below it."""
    figures = [(row.requests_per_second, 10, 1), (row.p50_ms, 8, 1), (row.p99_ms, 8, 1), (row.api_cpu_ms, 8, 3)]
    cells = [" " * width if value is None else f"{value:{width},.{digits}f}" for value, width, digits in figures]
    print(f"{row.what:28} {' '.join(cells)}   {'; '.join(map(str, row.wanted))}", flush=True)
    for note in row.notes:
        print(f"    {note}", flush=True)
