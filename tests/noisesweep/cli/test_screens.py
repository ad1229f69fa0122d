"""Texts of commands beside their figures, on a terminal of 80 columns."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from noisesweep import NoiseSweep
from noisesweep.cli.output import print_line
from tests.support.commands import Run, command
from tests.support.terminal import Terminal
from tests.support.training import Training


def train(service: NoiseSweep, training: Training, **settings: Any) -> str:
    """Submit a sweep with two seeds, and return its id when all runs have succeeded."""
    sweep = service.submit(scales=[0.0, 0.5, 1.0], repeats=2, dataset="digits", epochs=1, **settings)
    for _ in sweep.record.seeds:
        training.epochs(sweep.record.links.self, runs=3, epochs=1, end=True)
    return sweep.id


@pytest.fixture
def finished(service: NoiseSweep, training: Training) -> str:
    """Return the id of a finished sweep with two seeds."""
    return train(service, training, name="week 3")


def test_command_in_a_sentence_stays_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(force_terminal=True, width=40, color_system=None)
    print_line(console, "Compare both with `noisesweep compare first second`, or open the page.")
    assert capsys.readouterr().out.splitlines() == [
        "Compare both with",
        "`noisesweep compare first second`, or",
        "open the page.",
    ]


def test_table_of_results_names_its_columns_in_80_columns(
    run: Run, terminal: Callable[..., Terminal], finished: str
) -> None:
    screen = terminal(*command("results", finished), columns=80)
    assert screen.process.wait(30) == 0
    names = next(line for line in screen.output.splitlines() if "scale" in line)
    assert "val_accuracy" in names
    assert "noise gap" not in names  # these invented runs have none


def test_watch_ends_with_what_to_do_next(run: Run, finished: str) -> None:
    last = run("watch", finished).stdout.splitlines()[-1]
    assert last == f"Next: `noisesweep results {finished}`, or `noisesweep open {finished}` for its page."


def test_retry_says_how_many_runs_it_queued(run: Run, service: NoiseSweep) -> None:
    cancelled = service.submit(scales=[0.1, 0.2], dataset="digits", epochs=1)
    cancelled.cancel()
    assert run("retry", cancelled.id).stdout.startswith("Runs queued again: 2.\n")


def test_comparison_says_which_sweep_is_which(
    run: Run, finished: str, training: Training, service: NoiseSweep, tmp_path: Path
) -> None:
    fresh = train(service, training, resample=True)
    printed = run("compare", finished, fresh, "--out", str(tmp_path / "curves.png")).stdout
    assert f"A: sweep {finished}: succeeded, 6 of 6 epochs; digits at scale 0 0.5 1, 2 seeds (week 3)\n" in printed
    assert f"B: sweep {fresh}: succeeded, 6 of 6 epochs; digits with fresh noise at scale 0" in printed


def test_sweep_without_links_is_said_to_have_none(run: Run, finished: str) -> None:
    assert run("share", finished, "--list").stdout == "The sweep has no links.\n"
