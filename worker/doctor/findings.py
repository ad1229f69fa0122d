"""Findings of checks, and their output on a terminal, in a pipe and as JSON."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum

from rich.console import Console
from rich.table import Table
from rich.text import Text


class Verdict(StrEnum):
    """Severity of a finding."""

    OK = "ok"
    WARNING = "warning"  # it works, with a loss that should be known
    PROBLEM = "problem"  # it does not work, or loses what it has acknowledged


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        check: What was looked at, in two words at most.
        verdict: What it means.
        found: What is there, for people.
        remedy: How to mend it; empty where nothing is wrong.
    """

    check: str
    verdict: Verdict
    found: str
    remedy: str = ""


MARKS = {
    Verdict.OK: Text("✓", "green"),
    Verdict.WARNING: Text("!", "bold yellow"),
    Verdict.PROBLEM: Text("✗", "bold red"),
}
CHECK_WIDTH = 15  # the longest name of a check


def show(finding: Finding, console: Console) -> None:
    """Print a finding and its remedy: in columns on a terminal, else as lines that are never wrapped."""
    if not console.is_terminal:
        lines = [f"{finding.verdict:<7}  {finding.check}: {finding.found}"]
        lines += [f"{'':<7}  -> {finding.remedy}"] if finding.remedy else []
        console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
        return
    columns = Table.grid(padding=(0, 1))
    columns.add_column(width=1)
    columns.add_column(width=CHECK_WIDTH)
    columns.add_column(overflow="fold")
    columns.add_row(MARKS[finding.verdict], Text(finding.check, "bold"), Text(finding.found))
    if finding.remedy:
        columns.add_row("", "", Text(f"→ {finding.remedy}", "cyan"))
    console.print(columns)


def summary(findings: Iterable[Finding]) -> str:
    """One sentence on all of them."""
    verdicts = [finding.verdict for finding in findings]
    counts = {verdict: verdicts.count(verdict) for verdict in (Verdict.PROBLEM, Verdict.WARNING)}
    words = [f"{count} {verdict}{'s' if count > 1 else ''}" for verdict, count in counts.items() if count]
    return f"Found {' and '.join(words)}." if words else "All is well."


def as_json(findings: Iterable[Finding]) -> str:
    """Return a JSON array of objects with the fields of Finding."""
    return json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False)
