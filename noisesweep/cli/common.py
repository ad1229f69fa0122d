"""Options, arguments and helpers shared by the commands."""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from noisesweep import NoiseSweep, SweepHandle
from noisesweep.cli.completion import complete_sweep
from noisesweep.cli.help import COMMON
from noisesweep.client.connection import API_KEY, DEFAULT_URL, URL
from noisesweep.client.errors import WrongUsageError
from noisesweep.client.payloads import image_format
from noisesweep.models import RunStatus, Sweep

EXIT_RUNS_FAILED = 1
MAX_IDS_SHOWN = 4

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        envvar=URL,
        show_default=DEFAULT_URL,
        help="URL of the service.",
        rich_help_panel=COMMON,
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        metavar="KEY",
        envvar=API_KEY,
        rich_help_panel=COMMON,
        help="API key, if the service requires one. Other users can see command lines, so prefer the environment "
        "variable.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.", rich_help_panel=COMMON)]
SweepName = Annotated[
    str,
    typer.Argument(
        metavar="SWEEP",
        help="Id of the sweep, the beginning of its id, or `last` for the newest.",
        autocompletion=complete_sweep,
    ),
]


def check_plot_path(path: Path | None) -> Path | None:
    """Return the path of a plot; raise WrongUsageError early if it cannot be written."""
    if path:
        image_format(path)
        folder = path.absolute().parent
        if not folder.is_dir():
            raise WrongUsageError(f"the folder {folder} does not exist: create it, or choose another")
        if not os.access(path if path.exists() else folder, os.W_OK):
            raise WrongUsageError(f"{path} is not writable: choose another path")
    return path


def plot_path_option(help_text: str) -> Any:  # noqa: ANN401 - typer.Option returns Any
    """Return an option for the path of a plot."""
    return typer.Option("--out", "-o", dir_okay=False, callback=check_plot_path, help=help_text)


def find_sweep(service: NoiseSweep, name: str) -> SweepHandle:
    """Return the sweep with this id or beginning of an id, or the newest sweep for `last`.

    Raises:
        WrongUsageError: No sweep matches, or several do.
    """
    if name == "last":
        newest = next(service.sweeps(), None)
        if newest is None:
            raise WrongUsageError("there are no sweeps yet: submit one with `noisesweep submit --scales 0.1 0.5 1`")
        return newest
    if not re.fullmatch("[0-9a-f]{1,16}", name):
        raise WrongUsageError(
            f"expected a sweep id of up to 16 hexadecimal digits or `last`, received {name!r}: "
            "`noisesweep list` shows the ids"
        )
    if len(name) == 16:  # noqa: PLR2004 - length of a full id
        return service.sweep(name)
    matching = [sweep for sweep in service.sweeps() if sweep.id.startswith(name)]
    if not matching:
        raise WrongUsageError(f"no sweep id begins with {name}: `noisesweep list` shows the ids")
    if len(matching) > 1:
        some = ", ".join(sweep.id for sweep in matching[:MAX_IDS_SHOWN])
        raise WrongUsageError(f"{len(matching)} sweep ids begin with {name} ({some}): give more digits")
    return matching[0]


def parse_tags(tags: Iterable[str], option: str) -> dict[str, str]:
    """Return tags of the form key:value as a dict. Raise WrongUsageError for another form, with the option's name."""
    pairs = dict(tag.partition(":")[::2] for tag in tags)
    for key, value in pairs.items():
        if not value:
            raise WrongUsageError(f"{option}: expected key:value, received {key!r}")
    return pairs


def upper_first(sentence: str) -> str:
    """Return a sentence with its first letter in upper case."""
    return sentence[0].upper() + sentence[1:]


def exit_if_failed(sweep: Sweep) -> None:
    """Exit with 1 if the sweep has ended and not all of its runs have succeeded."""
    if sweep.status in (RunStatus.FAILED, RunStatus.CANCELLED):
        raise typer.Exit(EXIT_RUNS_FAILED)
