"""Help of `noisesweep` without a command: one line for each command, on one screen."""

from itertools import zip_longest
from typing import Any

from typer.core import TyperGroup

LABEL_WIDTH, NAME_WIDTH = 9, 13
# A longer sentence would not fit on a terminal of 80 columns.
SENTENCE_WIDTH = 80 - LABEL_WIDTH - NAME_WIDTH


class Overview(TyperGroup):
    """Group of all commands, whose help is a list of them by help panel, each with its first sentence."""

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - Typer does not export these types
        """Write the help."""
        formatter.write(f"Usage: {ctx.command_path} COMMAND ...   COMMAND -h describes a command and its options.\n")
        formatter.write(f"{self.help}\n\n")
        panels: dict[str, list[str]] = {}
        for name, command in self.commands.items():
            line = f"{name:{NAME_WIDTH}}{first_sentence(command.help)}"
            panels.setdefault(getattr(command, "rich_help_panel", None) or "", []).append(line)
        for panel, lines in panels.items():
            for label, line in zip_longest([panel], lines, fillvalue=""):
                formatter.write(f"{label:{LABEL_WIDTH}}{line}\n")
        formatter.write("\nOptions: -h, --version, --install-completion (your shell then completes ids)\n")


def first_sentence(text: str | None) -> str:
    """Return the first sentence of a help text, without its full stop."""
    return " ".join((text or "").split("\n\n")[0].split()).split(". ")[0].removesuffix(".")
