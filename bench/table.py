"""What a benchmark reports: rows of figures, and whether those are met that were asked for."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

Line = TypeVar("Line")


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


class Column(NamedTuple, Generic[Line]):
    """A column of a table of lines of one kind.

    Attributes:
        above: What stands over its title, for it and those to its right that have nothing there.
        title: What it is.
        width: Characters, with the gap to its left.
        digits: Decimals.
        value: Its figure of a line; a text, or None where there is none.
    """

    above: str
    title: str
    width: int
    digits: int
    value: Callable[[Line], float | str | None]


def print_titles(columns: Sequence[Column[Line]]) -> None:
    """Print what the columns are."""
    above, starts = "", 0
    for column in columns:
        if column.above:
            above = f"{above:{starts}}  {column.above}"
        starts += column.width
    print(above)
    print("".join(f"{column.title:>{column.width}}" for column in columns), flush=True)


def print_cells(columns: Sequence[Column[Line]], line: Line, note: str = "") -> None:
    """Print a line of the table, with a note at its end."""
    print("".join(map(_cell, columns, [column.value(line) for column in columns])), note, flush=True)


def _cell(column: Column[Line], value: float | str | None) -> str:
    if isinstance(value, int | float):
        return f"{value:{column.width},.{column.digits}f}"
    return f"{value or '-':>{column.width}}"
