"""Options and arguments shared by the commands."""

import json
import os
import re
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from noisesweep import NoiseSweep, SweepHandle
from noisesweep.client.connection import API_KEY, DEFAULT_URL, URL
from noisesweep.client.errors import WrongUsageError
from noisesweep.client.payloads import format_of
from noisesweep.models import RunStatus, Sweep

FAILED_RUNS = 1
MOST_NAMED = 4

Url = Annotated[str | None, typer.Option("--url", envvar=URL, show_default=DEFAULT_URL, help="Where the service is.")]
Key = Annotated[
    str | None,
    typer.Option(
        "--key", envvar=API_KEY, help="The API key, where one is wanted; the variable keeps it from other users' eyes."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
SweepName = Annotated[
    str, typer.Argument(metavar="SWEEP", help="Its id, the beginning of its id, or `last`: the newest one.")
]


def picture_path(path: Path | None) -> Path | None:
    """The path of a picture, refused before anything is done where it cannot be written."""
    if path:
        format_of(path)
        folder = path.absolute().parent
        if not folder.is_dir():
            raise WrongUsageError(f"there is no folder {folder}: make it, or name another")
        if not os.access(path if path.exists() else folder, os.W_OK):
            raise WrongUsageError(f"{path} cannot be written: name another place")
    return path


def picture_option(help_text: str) -> Any:  # noqa: ANN401 - as typer.Option itself
    """An option for the path of a picture."""
    return typer.Option("--out", "-o", dir_okay=False, callback=picture_path, help=help_text)


def find(service: NoiseSweep, name: str) -> SweepHandle:
    """The sweep of an id, of the beginning of one, or the newest; raise WrongUsageError if that names none or many."""
    if name == "last":
        newest = next(service.sweeps(), None)
        if newest is None:
            raise WrongUsageError("there is no sweep yet: `noisesweep submit --scales 0.1 0.5 1` makes one")
        return newest
    if not re.fullmatch("[0-9a-f]{1,16}", name):
        raise WrongUsageError(f"{name!r} names no sweep: an id has 16 hexadecimal digits; `noisesweep list` shows them")
    if len(name) == 16:  # noqa: PLR2004 - as said
        return service.sweep(name)
    matching = [sweep for sweep in service.sweeps() if sweep.id.startswith(name)]
    if not matching:
        raise WrongUsageError(f"no sweep's id begins with {name}: `noisesweep list` shows them")
    if len(matching) > 1:
        some = ", ".join(sweep.id for sweep in matching[:MOST_NAMED])
        raise WrongUsageError(f"the ids of {len(matching)} sweeps begin with {name} ({some}): give more of it")
    return matching[0]


def people(*, as_json: bool) -> Console:
    """Return the console for people: standard output, unless a program reads that."""
    return Console(stderr=as_json)


def print_json(document: object) -> None:
    """Print a document as one line of JSON."""
    print(json.dumps(document, ensure_ascii=False))


def exit_by(sweep: Sweep) -> None:
    """Exit with 1 if the sweep has ended and not all of its runs have succeeded."""
    if sweep.status in (RunStatus.FAILED, RunStatus.CANCELLED):
        raise typer.Exit(FAILED_RUNS)
