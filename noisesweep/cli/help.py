"""Help of each command: plain text of two columns, wrapped at the width of the terminal."""

from collections.abc import Iterator
from shutil import get_terminal_size
from textwrap import wrap
from typing import Any

from typer.core import TyperArgument, TyperCommand, TyperGroup

from noisesweep.client.errors import RefusedError

# Panel of the options that most commands have. It is the last one.
COMMON = "Output and service"
NAMES_WIDTH = 26
MAX_WIDTH = 100
VALUES = {
    "float": "NUMBER",
    "int": "INTEGER",
    "str": "TEXT",
    "file": "FILE",
    "dir": "FOLDER",
    "path": "PATH",
}


class RefusedCommandError(Exception):
    """The service refused a request of a command.

    Attributes:
        refused: The reason.
        options: Names of the command's options, such as "--scales".
    """

    def __init__(self, refused: RefusedError, options: frozenset[str]) -> None:
        super().__init__(str(refused))
        self.refused = refused
        self.options = options


class Command(TyperCommand):
    """Command with plain help."""

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - Typer does not export these types
        """Write the help."""
        _write_usage(self, ctx, formatter)
        panels: dict[str, list[tuple[str, str]]] = {"": []}
        for parameter in self.get_params(ctx):
            if not getattr(parameter, "hidden", False):
                panels.setdefault(_panel(parameter), []).append((_names(parameter, ctx), _help(parameter, ctx)))
        common = panels.pop(COMMON)
        panels.setdefault("Options" if len(common) == 1 else COMMON, []).extend(common)
        for title, rows in panels.items():
            if rows:
                _write_rows(title, rows, formatter)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - Typer does not export the type
        """Run the command.

        Raises:
            RefusedCommandError: The service refused a request.
        """
        try:
            return super().invoke(ctx)
        except RefusedError as refused:
            options = frozenset(option for parameter in self.params for option in parameter.opts)
            raise RefusedCommandError(refused, options) from refused


class Group(TyperGroup):
    """Group of commands with plain help."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer does not export the type
        """Parse the arguments. Without any, print the help."""
        return super().parse_args(ctx, args or ["--help"])

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - Typer does not export these types
        """Write the help."""
        _write_usage(self, ctx, formatter)
        rows = [(name, " ".join((command.help or "").split())) for name, command in self.commands.items()]
        _write_rows("Commands", rows, formatter)
        formatter.write(f"\nMore: {ctx.command_path} COMMAND -h\n")


def _write_usage(command: Any, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - Typer does not export these types
    pieces = [piece.replace("{", "").replace("}", "") for piece in command.collect_usage_pieces(ctx)]
    usage = " ".join(["Usage:", ctx.command_path, *pieces]).replace("......", "...").replace("...]...", "...]")
    formatter.write(f"{usage}\n\n")
    for paragraph in (command.help or "").split("\n\n"):
        for line in wrap(paragraph, _width()):
            formatter.write(f"{line}\n")


def _write_rows(title: str, rows: list[tuple[str, str]], formatter: Any) -> None:  # noqa: ANN401
    formatter.write(f"\n{title}:\n" if title else "\n")
    indent = min(max(len(names) for names, _ in rows) + 4, NAMES_WIDTH)
    for names, text in rows:
        lines = wrap(text, _width() - indent, break_long_words=False, break_on_hyphens=False) or [""]
        if len(names) > indent - 4:
            formatter.write(f"  {names}\n")
        else:
            formatter.write(f"  {names:{indent - 2}}{lines.pop(0)}".rstrip() + "\n")
        for line in lines:
            formatter.write(f"{'':{indent}}{line}\n")


def _width() -> int:
    return min(get_terminal_size().columns, MAX_WIDTH)


def _panel(parameter: Any) -> str:  # noqa: ANN401 - Typer does not export the type
    if isinstance(parameter, TyperArgument):
        return ""
    return COMMON if parameter.name == "help" else parameter.rich_help_panel or "Options"


def _names(parameter: Any, ctx: Any) -> str:  # noqa: ANN401 - Typer does not export these types
    if isinstance(parameter, TyperArgument):
        name = (parameter.metavar or parameter.name).removesuffix("...")
        return name + ("..." if parameter.nargs != 1 else "")
    names = ", ".join([*sorted(parameter.opts, key=lambda name: name[:2] != "--"), *parameter.secondary_opts])
    if parameter.is_flag:
        return names
    value = parameter.metavar or _value(parameter, ctx)
    return f"{names} {value}{'...' if parameter.multiple else ''}"


def _value(parameter: Any, ctx: Any) -> str:  # noqa: ANN401 - Typer does not export these types
    if _choices(parameter, ctx):
        return str(parameter.opts[0]).lstrip("-").upper().replace("-", "_")
    return VALUES[_type(parameter, ctx).removesuffix(" range")]


def _type(parameter: Any, ctx: Any) -> str:  # noqa: ANN401 - Typer does not export these types
    shown = str(parameter.display_type_rich(ctx=ctx)).split(" [")[0].strip("<>")
    return shown.removeprefix("list[").removesuffix("]").removesuffix(">")


def _choices(parameter: Any, ctx: Any) -> list[str]:  # noqa: ANN401 - Typer does not export these types
    choices = [] if parameter.metavar else _type(parameter, ctx).split("|")
    return choices if len(choices) > 1 else []


def _help(parameter: Any, ctx: Any) -> str:  # noqa: ANN401 - Typer does not export these types
    return " ".join(_sentences(parameter, ctx))


def _sentences(parameter: Any, ctx: Any) -> Iterator[str]:  # noqa: ANN401 - Typer does not export these types
    if parameter.name == "help":
        yield "Print this help."
        return
    text = " ".join((parameter.help or "").split())
    yield text if text.endswith((".", ")")) or not text else f"{text}."
    if choices := [] if isinstance(parameter, TyperArgument) else _choices(parameter, ctx):
        yield f"One of {', '.join(choices)}."
    default, shown = parameter.default, parameter.show_default
    if isinstance(shown, str):
        yield f"Default: {shown}."
    elif shown and default is not None and not isinstance(default, bool) and default != "" and not parameter.required:
        values = default if isinstance(default, list | tuple) else [default]
        yield f"Default: {' '.join(f'{value:g}' if isinstance(value, float) else str(value) for value in values)}."
    if parameter.envvar:
        yield f"Environment variable: {parameter.envvar}."
