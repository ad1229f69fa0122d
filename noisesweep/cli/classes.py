"""`noisesweep class`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from noisesweep import NoiseSweep
from noisesweep.cli.common import Json, Key, Url, plot_path_option
from noisesweep.cli.display import format_interval
from noisesweep.cli.output import console_for, print_json, print_line
from noisesweep.models import ClassMember, ClassScale
from noisesweep.models.float32 import format_number


def show_class(
    tag: Annotated[str, typer.Argument(help="Tag of the sweeps, key or key:value.", metavar="TAG")],
    *,
    out: Annotated[Path | None, plot_path_option("Also save a plot of the class: .png, .svg or .pdf.")] = None,
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Print the results of a class: all sweeps with one tag.

    Print who has a finished sweep, and the mean accuracy over the seeds of all of them.
    """
    with NoiseSweep(url, key) as service:
        results = service.class_results(tag)
        console = console_for(as_json=as_json)
        if as_json:
            print_json(results)
        else:
            if any(member.name is not None for member in results.members):
                console.print(members_table(results.members))
            if results.scales:
                console.print(scales_table(results.scales))
            for line in (results.sentence, *results.remarks):
                print_line(console, line)
        if out:
            print_line(console, f"Plot saved to {service.class_plot(tag, out)}")


def members_table(members: Iterable[ClassMember]) -> Table:
    """Return a table of the members, each with the newest sweep that has succeeded."""
    result = Table(title="Members")
    for column in ("member", "status", "sweeps", "newest finished sweep"):
        result.add_column(column, justify="right" if column == "sweeps" else "left")
    for member in members:
        name = "without a key" if member.name is None else member.name
        result.add_row(Text(name), str(member.status), str(member.sweeps), member.newest_finished or "none")
    return result


def scales_table(scales: Iterable[ClassScale]) -> Table:
    """Return a table of the mean accuracy by scale, with the confidence intervals below the means."""
    result = Table(title="Mean over all seeds")
    for column in ("scale", "val_accuracy", "networks"):
        result.add_column(column, justify="right")
    for at in scales:
        result.add_row(format_number(at.scale), format_interval(at.val_accuracy), str(at.networks))
    return result
