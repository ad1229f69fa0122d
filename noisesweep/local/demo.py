"""`noisesweep demo`: start the service, run a sweep and save its plot."""

import subprocess
import tempfile
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

from rich.console import Console

from noisesweep import NoiseSweep, SweepHandle
from noisesweep.cli.display import runs_table, show_progress
from noisesweep.cli.output import print_line
from noisesweep.client.errors import RefusedError, ServiceUnreachableError
from noisesweep.local.commands import module_command
from noisesweep.local.launcher import Processes, free_port, launch
from noisesweep.local.listener import Listener
from noisesweep.models import DatasetLimit, Sweep, SweepRequest

POLL_SECONDS = 0.3
SEARCH_SECONDS = 60.0


def choose_dataset(console: Console) -> str:
    """Return "mnist" if it is cached or can be downloaded, otherwise "digits". Print the reason for "digits"."""
    print_line(console, "Searching for MNIST ...")
    search = module_command("shared.datasets", "mnist")
    try:
        subprocess.run(search, capture_output=True, text=True, check=True, timeout=SEARCH_SECONDS)
    except subprocess.TimeoutExpired:
        reason = f"MNIST was not available after {SEARCH_SECONDS:g} s."
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip().splitlines()[-1]
    else:
        return "mnist"
    print_line(console, f"Using the bundled data set digits instead. {reason}")
    return "digits"


def demo(request: SweepRequest, console: Console, workers: int | None, plot: Path) -> Sweep:
    """Start the service, run the sweep, save its plot, stop the service, print a table and return the sweep."""
    with tempfile.TemporaryDirectory(prefix="noisesweep-") as folder:
        data = Path(folder)
        print_line(console, "Starting Redis, the API and the worker ...")
        with (
            launch(
                data,
                Listener(free_port()),
                workers=workers,
                log=data / "log",
                say=lambda message: print_line(console, message),
            ) as processes,
            NoiseSweep(processes.url) as service,
        ):
            sweep = service.submit(**request.model_dump(mode="json", exclude_unset=True))
            print_line(console, f"POST /sweeps created {sweep.record.links.self}")
            record = show_progress(_poll(sweep, processes), console)
            sweep.plot(plot)
            limit = _limit(service, request)
            if any(run.error and run.error.code == "internal_error" for run in record.runs):
                for line in processes.log_tail().splitlines():
                    print_line(console, line)
    console.print(runs_table(record, limit))
    print_line(console, f"Plot saved to {plot}")
    return record


def _limit(service: NoiseSweep, request: SweepRequest) -> DatasetLimit | None:
    """Return the best possible accuracy at the scales of the sweep; None if it is not known for the data set."""
    try:
        return service.ideal(request.dataset, [scale for scale in request.scales if scale], clip=request.clip)
    except RefusedError as refused:
        if refused.problem.status == HTTPStatus.NOT_FOUND:
            return None
        raise


def _poll(sweep: SweepHandle, processes: Processes) -> Iterator[Sweep]:
    """Yield the sweep's record until it has ended; raise LaunchError if the service ends before."""
    try:
        for record in sweep.poll(every_seconds=POLL_SECONDS):
            processes.check()
            yield record
    except ServiceUnreachableError:
        processes.check()
        raise
