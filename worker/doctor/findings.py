"""Findings of checks, and their output as text and as JSON."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum

from rich.console import Console
from rich.table import Table
from rich.text import Text

from noisesweep.models.text import printable


class Verdict(StrEnum):
    """Severity of a finding."""

    OK = "ok"
    WARNING = "warning"  # it works, but slower or less safely than it could
    PROBLEM = "problem"  # it does not work, or acknowledged data can be lost


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        check: Name of the check, at most two words.
        verdict: Severity.
        found: Result as text for the user.
        remedy: How to fix it, as text for the user; empty if there is nothing to fix.
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
CHECK_WIDTH = 15  # the longest check name


def show(finding: Finding, console: Console) -> None:
    """Print a finding and its remedy: in columns on a terminal, otherwise as lines without wrapping."""
    if not console.is_terminal:
        lines = [f"{finding.verdict:<7}  {finding.check}: {printable(finding.found)}"]
        lines += [f"{'':<7}  -> {finding.remedy}"] if finding.remedy else []
        console.print(Text("\n".join(lines)), soft_wrap=True)
        return
    columns = Table.grid(padding=(0, 1))
    columns.add_column(width=1)
    columns.add_column(width=CHECK_WIDTH)
    columns.add_column(overflow="fold")
    columns.add_row(MARKS[finding.verdict], Text(finding.check, "bold"), Text(printable(finding.found)))
    if finding.remedy:
        columns.add_row("", "", Text(f"→ {finding.remedy}", "cyan"))
    console.print(columns)


def summary(findings: Iterable[Finding]) -> str:
    """Return a sentence with the number of problems and warnings."""
    verdicts = [finding.verdict for finding in findings]
    counts = {verdict: verdicts.count(verdict) for verdict in (Verdict.PROBLEM, Verdict.WARNING)}
    words = [f"{count} {verdict}{'s' if count > 1 else ''}" for verdict, count in counts.items() if count]
    return f"Found {' and '.join(words)}." if words else "No problems found."


def as_json(findings: Iterable[Finding]) -> str:
    """Return a JSON array of objects with the fields of Finding, in ASCII."""
    return json.dumps([asdict(finding) for finding in findings], indent=2)
