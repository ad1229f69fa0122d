"""Command line of the project."""

import subprocess
import sys
from collections.abc import Callable

# Options of a sweep that trains in seconds.
SMALL = ["--dataset", "digits", "--epochs", "2", "--hidden-units", "8"]
Run = Callable[..., subprocess.CompletedProcess[str]]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "noisesweep", *arguments]
