import io

from rich.console import Console

from worker.devices import Device, DeviceKind
from worker.doctor.findings import Finding, Verdict, show, summary

OK, WARNING, PROBLEM = Verdict.OK, Verdict.WARNING, Verdict.PROBLEM
CPU = Device(DeviceKind.CPU, processes=2, stack=1, xla=False, reason="no GPU on this host")

FINDINGS = [
    Finding("Python", OK, "3.12"),
    Finding("memory", WARNING, "[little] " * 20, "Add some."),
    Finding("store", PROBLEM, "unreachable"),
]


def shown(console: Console) -> list[str]:
    for finding in FINDINGS:
        show(finding, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_in_a_pipe_finding_and_remedy_are_single_lines() -> None:
    lines = shown(Console(file=io.StringIO()))
    assert lines == [
        "ok       Python: 3.12",
        f"warning  memory: {'[little] ' * 20}",
        "         -> Add some.",
        "problem  store: unreachable",
    ]


def test_on_a_terminal_findings_are_printed_in_columns() -> None:
    lines = shown(Console(file=io.StringIO(), force_terminal=True, color_system=None, width=60))
    assert [line.rstrip() for line in lines if line[0] != " "] == [
        "✓ Python          3.12",
        f"! memory          {'[little] ' * 4}".rstrip(),
        "✗ store           unreachable",
    ]
    assert any(line.strip() == "→ Add some." for line in lines)
    assert all(len(line) <= 60 for line in lines)


def test_the_summary_counts_problems_and_warnings() -> None:
    assert summary(FINDINGS) == "Found 1 problem and 1 warning."
    assert summary([*FINDINGS, FINDINGS[2]]) == "Found 2 problems and 1 warning."
    assert summary(FINDINGS[:1]) == "No problems found."


def test_control_characters_of_a_finding_are_escaped() -> None:
    for terminal in (False, True):
        console = Console(file=io.StringIO(), force_terminal=terminal, color_system=None, width=60)
        show(Finding("store version", OK, "Redis \x1b]0;x\x07 :skull:"), console)
        assert isinstance(console.file, io.StringIO)
        assert r"Redis \x1b]0;x\x07 :skull:" in console.file.getvalue()
