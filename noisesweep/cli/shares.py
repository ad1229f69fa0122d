"""The command `share`: links that show a sweep without an API key."""

from typing import Annotated
from urllib.parse import urljoin

import typer
from rich.table import Table

from noisesweep import NoiseSweep
from noisesweep.cli.common import Json, Key, SweepName, Url, find_sweep
from noisesweep.cli.output import console_for, print_json, print_line
from noisesweep.models import Share


def share(
    name: SweepName,
    *,
    days: Annotated[int, typer.Option(help="Days after which the link no longer works.")] = 90,
    as_list: Annotated[bool, typer.Option("--list", help="List the links of the sweep instead.")] = False,
    revoke: Annotated[str | None, typer.Option(metavar="ID", help="Revoke the link with this id instead.")] = None,
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Create a link that shows a sweep without an API key.

    Everybody who has the link sees this sweep, and no other.
    """
    console = console_for(as_json=as_json)
    with NoiseSweep(url, key) as service:
        sweep = find_sweep(service, name)
        if revoke:
            sweep.revoke_share(revoke)
            print_line(console, f"Link {revoke} revoked.")
        elif as_list:
            _print(sweep.shares(), as_json=as_json)
        else:
            created = sweep.share(days=days)
            if as_json:
                print_json(created)
                return
            print_line(console, f"Everybody with this link sees the sweep until {_local(created)}. It is shown once:")
            print_line(console)
            print_line(console, f"    {urljoin(service.url, created.page)}", wrap=False)


def _local(share: Share) -> str:
    return f"{share.expires_at.astimezone():%Y-%m-%d %H:%M}"


def _print(shares: list[Share], *, as_json: bool) -> None:
    if as_json:
        print_json([each.model_dump(mode="json") for each in shares])
        return
    if not shares:
        print_line(console_for(as_json=False), "The sweep has no links.")
        return
    table = Table(title="Share links")
    for column in ("id", "created", "by", "works until"):
        table.add_column(column)
    for each in shares:
        table.add_row(each.id, f"{each.created_at.astimezone():%Y-%m-%d %H:%M}", each.created_by or "", _local(each))
    console_for(as_json=False).print(table)
