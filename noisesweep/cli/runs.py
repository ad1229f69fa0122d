"""`noisesweep run | model`."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from noisesweep import NoiseSweep
from noisesweep.cli.browser import run_page
from noisesweep.cli.common import Json, Key, Url, find_sweep
from noisesweep.cli.completion import complete_run
from noisesweep.cli.output import console_for, print_json, print_line
from noisesweep.client.errors import WrongUsageError
from noisesweep.models import Run
from noisesweep.models.float32 import format_number

RunName = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="Id of the run: the sweep, a dash, and the index of the run in it, from 0. last-0 is the first run of the "
        "newest sweep.",
        autocompletion=complete_run,
    ),
]


def run(name: RunName, *, as_json: Json = False, url: Url = None, key: Key = None) -> None:
    """Show one run: its epochs, its hash and its links."""
    with NoiseSweep(url, key) as service:
        found = service.run(find_run_id(service, name))
        if as_json:
            print_json(found)
            return
        page, root = run_page(service.url, found.id), service.url
    console = console_for(as_json=False)
    for line in _description(found):
        print_line(console, line)
    if found.epochs:
        console.print(_epochs_table(found))
    for line in _details(found, page, root):
        print_line(console, line)


def model(
    name: RunName,
    *,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", dir_okay=False, show_default="RUN.keras", help="Path of the file (.keras)."),
    ] = None,
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Download the trained network of a run as a Keras model.

    The service stores it for some days if the sweep was submitted with --keep-model.
    """
    with NoiseSweep(url, key) as service:
        run_id = find_run_id(service, name)
        path = service.model(run_id, out or Path(f"{run_id}.keras"))
    if as_json:
        print_json({"model": str(path)})
        return
    console = console_for(as_json=False)
    print_line(console, f"Model saved to {path}")
    print_line(console, f"Load it with keras.saving.load_model({str(path)!r}).")


def find_run_id(service: NoiseSweep, name: str) -> str:
    """Return the id of the run with this name: a sweep as in `find_sweep`, a dash, and an index.

    Raises:
        WrongUsageError: The name has another form, or no sweep matches, or several do.
    """
    sweep, dash, index = name.rpartition("-")
    if not (dash and re.fullmatch("0|[1-9][0-9]{0,5}", index)):
        raise WrongUsageError(
            f"expected a run like last-0 or 5f0c6a1e9b3d2748-2, received {name!r}: `noisesweep show` lists the runs"
        )
    return name if re.fullmatch("[0-9a-f]{16}", sweep) else f"{find_sweep(service, sweep).id}-{index}"


def _description(found: Run) -> Iterator[str]:
    noise = f"{found.config.noise.text} noise of scale {format_number(found.scale)}"
    yield f"Run {found.id}: {found.status}, {found.config.dataset} with {noise}, seed {found.seed}"
    if found.status_detail:
        yield found.status_detail
    if found.error:
        yield f"Failed ({found.error.code}): {found.error.message}"


def _epochs_table(found: Run) -> Table:
    result = Table(title=f"{len(found.epochs)} of {found.config.epochs} epochs")
    for column in ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"):
        result.add_column(column, justify="right")
    for at in found.epochs:
        metrics = [at.loss, at.accuracy, at.val_loss, at.val_accuracy]
        result.add_row(str(at.epoch), *(f"{value:.4f}" for value in metrics), f"{at.seconds:.2f}")
    return result


def _details(found: Run, page: str, root: str) -> Iterator[str]:
    if found.kept:
        kept = found.kept
        yield f"Kept: epoch {kept.metrics.epoch}. Accuracy on the test images: {kept.test_accuracy:.4f}"
    if found.reused_from:
        yield f"Reused from run {found.reused_from}"
    elif found.worker:
        yield f"Worker: {found.worker} on {found.device}, numerics version {found.numerics}"
    if found.weights_sha256:
        yield f"SHA-256 of the weights: {found.weights_sha256}"
    if found.links.model:
        yield f"Model: noisesweep model {found.id}"
    yield f"Plot: {root}/runs/{found.id}/plot"
    yield f"Page: {page}"
