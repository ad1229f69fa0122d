"""Command lines of the processes that the launcher starts."""

import sys


def module_command(name: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of this project.

    The option -P prevents Python from importing a module with the same name from the current folder.
    """
    return [sys.executable, "-P", "-m", name, *arguments]
