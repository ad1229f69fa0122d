"""`noisesweep open`."""

from typing import Annotated

import typer

from noisesweep import NoiseSweep
from noisesweep.cli.browser import home_page, open_page, sweep_page
from noisesweep.cli.common import Json, Key, Url, find_sweep
from noisesweep.cli.completion import complete_sweep
from noisesweep.cli.output import console_for, print_json, print_line


def open_sweep(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="SWEEP",
            help="Id of the sweep, the beginning of its id, or `last` for the newest. Without it: the list of sweeps.",
            autocompletion=complete_sweep,
            show_default=False,
        ),
    ] = None,
    *,
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Open the page of a sweep in the browser.

    Print its address, also if this machine has no browser.
    """
    with NoiseSweep(url, key) as service:
        address = sweep_page(service.url, find_sweep(service, name).id) if name else home_page(service.url)
    if as_json:
        print_json({"page": address})
    else:
        print_line(console_for(as_json=False), address, wrap=False)
    open_page(address)
