import io

from rich.console import Console

from worker.devices import Device, DeviceKind
from worker.doctor.findings import Finding, Verdict, show, summary

OK, WARNING, PROBLEM = Verdict.OK, Verdict.WARNING, Verdict.PROBLEM
CPU = Device(DeviceKind.CPU, processes=2, stack=1, xla=False, reason="no GPU on this host")

FINDINGS = [
    Finding("Python", OK, "3.12"),
    Finding("memory", WARNING, "[little] " * 20, "Add some."),
    Finding("store", PROBLEM, "gone"),
]


def shown(console: Console) -> list[str]:
    for finding in FINDINGS:
        show(finding, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_in_a_pipe_a_finding_is_one_line_and_its_remedy_another() -> None:
    lines = shown(Console(file=io.StringIO()))
    assert lines == [
        "ok       Python: 3.12",
        f"warning  memory: {'[little] ' * 20}",
        "         -> Add some.",
        "problem  store: gone",
    ]


def test_on_a_terminal_each_finding_has_its_mark_and_long_ones_keep_to_their_column() -> None:
    lines = shown(Console(file=io.StringIO(), force_terminal=True, color_system=None, width=60))
    assert [line.rstrip() for line in lines if line[0] != " "] == [
        "✓ Python          3.12",
        f"! memory          {'[little] ' * 4}".rstrip(),
        "✗ store           gone",
    ]
    assert any(line.strip() == "→ Add some." for line in lines)
    assert all(len(line) <= 60 for line in lines)


def test_the_summary_counts_what_is_wrong() -> None:
    assert summary(FINDINGS) == "Found 1 problem and 1 warning."
    assert summary([*FINDINGS, FINDINGS[2]]) == "Found 2 problems and 1 warning."
    assert summary(FINDINGS[:1]) == "All is well."
