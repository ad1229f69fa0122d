"""Command line of the project."""

import subprocess
import sys
from collections.abc import Callable

from typer import Typer

from noisesweep.cli.main import DATA, RESULTS, SERVICE, SWEEPS

# Options of a sweep that trains in seconds.
SMALL = ["--dataset", "digits", "--epochs", "2", "--hidden-units", "8"]
Run = Callable[..., subprocess.CompletedProcess[str]]


# Commands that use a service, without groups of commands.
SERVICE_COMMANDS = {
    name: function
    for group in (SWEEPS, RESULTS, DATA, SERVICE)
    for name, function in group.items()
    if not isinstance(function, Typer)
}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "noisesweep", *arguments]
