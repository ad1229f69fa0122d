"""`noisesweep rename | tag | delete`."""

import sys
from typing import Annotated

import typer

from noisesweep import NoiseSweep
from noisesweep.cli.common import Json, Key, SweepName, Url, find_sweep, parse_tags, upper_first
from noisesweep.cli.output import console_for, print_json, print_line
from noisesweep.cli.sweeps import print_sweep
from noisesweep.client.errors import WrongUsageError
from noisesweep.client.prose import describe_sweep


def rename(
    name: SweepName,
    new_name: Annotated[str | None, typer.Argument(metavar="NAME", help="The new name.", show_default=False)] = None,
    *,
    clear: Annotated[bool, typer.Option("--clear", help="Remove the name instead.")] = False,
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Give a sweep another name."""
    if (new_name is None) != clear:
        raise WrongUsageError(f"expected NAME or --clear, received {'both' if clear else 'neither'}")
    with NoiseSweep(url, key) as service:
        print_sweep(find_sweep(service, name).edit(name=new_name), as_json=as_json)


def tag(
    name: SweepName,
    tags: Annotated[
        list[str] | None, typer.Argument(metavar="KEY:VALUE", help="Tags to add. A tag replaces one of its key.")
    ] = None,
    *,
    remove: Annotated[list[str] | None, typer.Option(metavar="KEY", help="Keys of tags to remove.")] = None,
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Add tags to a sweep, and remove tags from it."""
    added, removed = parse_tags(tags or [], "tag"), remove or []
    if not (added or removed):
        raise WrongUsageError("expected KEY:VALUE to add or --remove KEY, received neither")
    with NoiseSweep(url, key) as service:
        sweep = find_sweep(service, name)
        missing = [each for each in removed if each not in sweep.record.tags]
        if missing:
            raise WrongUsageError(f"--remove: the sweep has no tag with the key {missing[0]!r}")
        sweep.edit(tags=dict.fromkeys(removed) | added)
        if as_json:
            print_json(sweep.record)
            return
        shown = " ".join(f"{each}:{value}" for each, value in sweep.record.tags.items())
        print_line(console_for(as_json=False), f"Tags of sweep {sweep.id}: {shown or 'none'}")


def delete(
    name: SweepName,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Delete a sweep with its metrics and models. All of its runs must have ended."""
    if not yes and not sys.stdin.isatty():
        raise WrongUsageError("nobody can confirm the deletion here: add --yes")
    console = console_for(as_json=as_json)
    with NoiseSweep(url, key) as service:
        sweep = find_sweep(service, name)
        if not yes:
            print_line(console, f"{upper_first(describe_sweep(sweep.record))}. Its results cannot be restored.")
            if not typer.confirm("Delete it?", err=as_json):
                print_line(console, "Nothing was deleted.")
                raise typer.Exit(1)
        sweep.delete()
    if as_json:
        print_json({"deleted": sweep.id})
    else:
        print_line(console, f"Sweep {sweep.id} deleted.")
