"""Command line. Exit codes: 0 success, 1 failure, 2 wrong usage, 3 service unreachable."""

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from typer.exceptions import TyperException

from noisesweep import __version__
from noisesweep.cli import (
    classes,
    datasets,
    edits,
    keys,
    machine,
    pages,
    quotas,
    results,
    runs,
    shares,
    submission,
    sweeps,
    workers,
)
from noisesweep.cli.help import Command, Group, RefusedCommandError
from noisesweep.cli.output import console_for, print_line, replace_unencodable
from noisesweep.cli.overview import Overview
from noisesweep.client.errors import NoiseSweepError, RefusedError, ServiceUnreachableError, WrongUsageError
from noisesweep.client.retries import is_temporary
from noisesweep.local.launcher import LaunchError, exit_on_signals
from noisesweep.models.faults import explain
from noisesweep.models.problems import InvalidField

FAILED = 1
WRONG_USAGE = 2
UNREACHABLE = 3
# Words for the errors of pydantic.
NUMBERS = {"float_parsing": "a number", "int_parsing": "an integer", "int_from_float": "an integer"}
LIST_OPTIONS = frozenset(
    f"--{name}"
    for name in (
        *("scales", "scale", "kinds", "test-noise", "seeds", "hidden-units", "filters", "dense-units", "indices"),
        *("tags", "tag", "remove", "clear"),
    )
)

app = typer.Typer(
    cls=Overview, context_settings={"help_option_names": ["-h", "--help"]}, pretty_exceptions_enable=False
)
Registered = Callable[..., None] | typer.Typer
SWEEPS: dict[str, Registered] = {
    "submit": submission.submit,
    "list": sweeps.list_sweeps,
    "show": sweeps.show,
    "watch": sweeps.watch_sweep,
    "extend": sweeps.extend,
    "fresh-noise": sweeps.fresh_noise,
    "cancel": sweeps.cancel,
    "retry": sweeps.retry,
    "rename": edits.rename,
    "tag": edits.tag,
    "share": shares.share,
    "delete": edits.delete,
}
RESULTS: dict[str, Registered] = {
    "results": results.results,
    "plot": results.plot,
    "compare": results.compare,
    "transfer": results.transfer,
    "class": classes.show_class,
    "run": runs.run,
    "model": runs.model,
    "open": pages.open_sweep,
}
DATA: dict[str, Registered] = {"datasets": datasets.app, "noise": results.noise, "ideal": results.ideal}
SERVICE: dict[str, Registered] = {
    "queue": quotas.show_queue,
    "workers": workers.workers,
    "quota": quotas.app,
    "keys": keys.app,
}
MACHINE: dict[str, Registered] = {
    "up": machine.up,
    "demo": machine.run_demo,
    "doctor": machine.doctor,
    "api": machine.api,
    "worker": machine.worker,
    "key": machine.key,
}
GROUPS = {"Sweeps": SWEEPS, "Results": RESULTS, "Data": DATA, "Service": SERVICE, "Machine": MACHINE}
for title, commands in GROUPS.items():
    for name, command in commands.items():
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name, cls=Group, rich_help_panel=title)
            for registered in command.registered_commands:
                registered.cls = Command
        else:
            # The API and the worker parse their own options.
            settings = {"ignore_unknown_options": name in ("api", "worker")}
            app.command(name, cls=Command, rich_help_panel=title, context_settings=settings)(command)


def show_version(requested: bool) -> None:  # noqa: FBT001 - Typer passes the value of the option
    """Print the version and exit, if requested."""
    if requested:
        print_line(console_for(as_json=False), __version__)
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=show_version, is_eager=True, help="Print the version and exit.")
]


@app.callback()
def noisesweep(*, version: Version = False) -> None:
    """Measure how much noise an image classifier takes."""


def expand_lists(arguments: Iterable[str], options: frozenset[str] = LIST_OPTIONS) -> list[str]:
    """Expand `--scales 0.1 1` to `--scales 0.1 --scales 1`, the only form of a list that the option parser accepts."""
    result: list[str] = []
    current: str | None = None  # the list option whose values are being read
    for argument in arguments:
        if re.match("--|-[A-Za-z]", argument):  # an option, not a negative number
            current = None
        elif current and result[-1] != current:
            result.append(current)
        name, _, _ = argument.partition("=")
        if name in options:
            current = name
        result.append(argument)
    return result


def main() -> None:
    """Run the command line."""
    exit_on_signals()
    replace_unencodable()
    try:
        # In standalone mode, typer would print errors in a box. A single line is enough.
        code = app(expand_lists(sys.argv[1:] or ["--help"]), prog_name="noisesweep", standalone_mode=False)
        sys.stdout.flush()  # raises BrokenPipeError here instead of when the interpreter exits
    except BrokenPipeError:
        # The reader of the output has closed the pipe. Prevent an error message when the interpreter exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
    except typer.Abort:  # Ctrl-C or Ctrl-D at a question
        print_line(console_for(as_json=True))
        print_line(console_for(as_json=True), "noisesweep: cancelled")
        sys.exit(FAILED)
    except (LaunchError, NoiseSweepError, RefusedCommandError, TyperException, OSError) as error:
        for line in error_lines(error):
            print_line(console_for(as_json=True), f"noisesweep: {line}")
        sys.exit(exit_code(error))
    sys.exit(code)


def error_lines(error: Exception) -> Iterator[str]:
    """Yield the lines of an error message: one per rejected option, otherwise a single line."""
    if isinstance(error, RefusedCommandError) and error.refused.problem.errors:
        for field in error.refused.problem.errors:
            yield _rejected_field(field, error.options)
    elif isinstance(error, TyperException):
        context: typer.Context | None = getattr(error, "ctx", None)
        hint = f"; see `{context.command_path} --help`" if context else ""
        message = _invalid_value(error) or error.format_message()
        message = " ".join(message.replace("Value error, ", "").split()).rstrip(".")
        if message:  # empty if no command was given, because the help was printed
            yield message + hint
    elif isinstance(error, OSError) and error.filename:
        yield f"{error.filename}: {error.strerror}"
    else:
        yield from str(error).splitlines()


def _rejected_field(field: InvalidField, options: frozenset[str]) -> str:
    """Return the message for a field that the service rejects: with its option, if the command has one."""
    steps = [step for step in field.path.split("/") if not step.isdigit()]
    # A field of the network has an option of its own.
    name = (steps[-1] if steps[0] == "model" else steps[0]).replace("_", "-")
    if not name:
        return field.detail
    label = f"--{name}" if f"--{name}" in options else name.replace("-", " ")
    is_complete = "received" in field.detail or field.received in (None, "")
    received = "" if is_complete else f" Received: {field.received}"
    return f"{label}: {field.detail}{'' if field.detail.endswith('?') else '.'}{received}"


def _invalid_value(error: TyperException) -> str:
    """Return the message for an option with an invalid value, with the form of a list of numbers; "" if it has none."""
    if not isinstance(error.__cause__, ValidationError):
        return ""
    fault = error.__cause__.errors()[0]
    parameter: Any = error.param  # type: ignore[attr-defined] # of every BadParameter with this cause
    option, received = parameter.opts[0], str(fault["input"])
    if fault["type"] not in NUMBERS:
        choices = re.findall("'([^']*)'", fault["msg"].partition(" is not one of ")[2])
        if choices:
            return f"{option}: expected one of {', '.join(choices)}, received {received!r}"
        return f"{option}: {explain(fault)}, received {received}"
    message = f"{option}: expected {NUMBERS[fault['type']]}, received {received!r}"
    if not parameter.multiple:
        return message
    values = re.findall(r"-?\d*\.?\d+(?:[eE][+-]?\d+)?", received)
    return f"{message}. Separate values with spaces: {option} {' '.join(values) if len(values) > 1 else '1 2'}"


def exit_code(error: Exception) -> int:
    """Return the exit status of an error."""
    match error.refused if isinstance(error, RefusedCommandError) else error:
        case ServiceUnreachableError():
            return UNREACHABLE
        case RefusedError(problem=problem) if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
            return UNREACHABLE
        case RefusedError(problem=problem) as refused:
            is_service_failure = is_temporary(refused) or problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR
            return FAILED if is_service_failure else WRONG_USAGE
        case WrongUsageError():
            return WRONG_USAGE
        case TyperException() as wrong:
            return wrong.exit_code
        case _:
            return FAILED
