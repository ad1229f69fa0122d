"""The command line. It exits with 0 when all is done, 1 if something failed, 2 on wrong usage, 3 without a service."""

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus

import typer
from typer.exceptions import TyperException

from noisesweep.cli import machine, results, sweeps
from noisesweep.client.errors import NoiseSweepError, RefusedError, ServiceUnreachableError, WrongUsageError
from noisesweep.client.retries import passes
from noisesweep.local.launcher import LaunchError, exit_on_signals

FAILED = 1
WRONG_USAGE = 2
UNREACHABLE = 3
LISTS = frozenset({"--scales", "--scale", "--seeds", "--hidden-units", "--indices", "--tags", "--tag"})

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
SERVICE: dict[str, Callable[..., None]] = {
    "submit": sweeps.submit,
    "list": sweeps.list_sweeps,
    "show": sweeps.show,
    "watch": sweeps.watch_sweep,
    "results": results.results,
    "plot": results.plot,
    "compare": results.compare,
    "extend": sweeps.extend,
    "cancel": sweeps.cancel,
    "retry": sweeps.retry,
    "noise": results.noise,
}
MACHINE: dict[str, Callable[..., None]] = {
    "up": machine.up,
    "demo": machine.run_demo,
    "doctor": machine.doctor,
    "key": machine.key,
    "api": machine.api,
    "worker": machine.worker,
}
for title, commands in {"On a service": SERVICE, "On this machine": MACHINE}.items():
    for name, command in commands.items():
        # What the API and the worker are told is for them to understand.
        passes_on = {"ignore_unknown_options": name in ("api", "worker")}
        app.command(name, rich_help_panel=title, context_settings=passes_on)(command)


@app.callback()
def noisesweep() -> None:
    """Measure how much noise a digit classifier can take: submit noise scales, get every epoch's metrics and a plot."""


def spread(arguments: Iterable[str], options: frozenset[str] = LISTS) -> list[str]:
    """Return `--scales 0.1 1` as `--scales 0.1 --scales 1`, the form in which the option parser takes a list."""
    result: list[str] = []
    repeat: str | None = None  # the list option whose values are being read
    for argument in arguments:
        if re.match("--|-[A-Za-z]", argument):  # an option, and no negative number
            repeat = None
        elif repeat and result[-1] != repeat:
            result.append(repeat)
        name, _, _ = argument.partition("=")
        if name in options:
            repeat = name
        result.append(argument)
    return result


def main() -> None:
    """The console script."""
    exit_on_signals()
    try:
        # Not standalone: else wrong usage fills a box, where one line says it.
        code = app(spread(sys.argv[1:]), prog_name="noisesweep", standalone_mode=False)
        sys.stdout.flush()  # here, or a closed pipe would be found out where nobody catches that
    except BrokenPipeError:
        # Whoever read the output has enough of it; the interpreter is not to complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
    except (LaunchError, NoiseSweepError, TyperException, OSError) as error:
        for line in told(error):
            print(f"noisesweep: {line}", file=sys.stderr)
        sys.exit(exit_code(error))
    sys.exit(code)


def told(error: Exception) -> Iterator[str]:
    """The lines that say what went wrong and what to do: one, or one for each option that the service refuses."""
    if isinstance(error, RefusedError) and error.problem.errors:
        for fault in error.problem.errors:
            option = fault.path.partition("/")[0].replace("_", "-")
            yield f"--{option}: {fault.detail}. Received: {fault.received}" if option else fault.detail
    elif isinstance(error, TyperException):
        context: typer.Context | None = getattr(error, "ctx", None)
        command = f"; `{context.command_path} --help` says what is possible" if context else ""
        message = " ".join(error.format_message().replace("Value error, ", "").split()).rstrip(".")
        if message:  # without a command, the help was printed in its place
            yield message + command
    elif isinstance(error, OSError) and error.filename:
        yield f"{error.filename}: {error.strerror}"
    else:
        yield str(error)


def exit_code(error: Exception) -> int:
    """Return the exit status of an error."""
    match error:
        case ServiceUnreachableError():
            return UNREACHABLE
        case RefusedError(problem=problem) if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
            return UNREACHABLE
        case RefusedError(problem=problem):
            of_the_service = passes(error) or problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR
            return FAILED if of_the_service else WRONG_USAGE
        case WrongUsageError():
            return WRONG_USAGE
        case TyperException():
            return error.exit_code
        case _:
            return FAILED
