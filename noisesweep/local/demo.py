"""`noisesweep demo`: the notebook's sweep from start to plot, on one machine, with nothing to set up."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from noisesweep import NoiseSweep, SweepHandle
from noisesweep.cli.display import runs_table, say, watch
from noisesweep.client.errors import ServiceUnreachableError
from noisesweep.local.launcher import Processes, launch, module
from noisesweep.models import Sweep, SweepRequest

POLL_SECONDS = 0.3
SEARCH_SECONDS = 60.0


def choose_dataset(console: Console) -> str:
    """Return MNIST if it is here or can be downloaded, otherwise the bundled digits with a line that says so."""
    console.print("Looking for MNIST ...")
    search = module("shared.datasets", "mnist")
    try:
        subprocess.run(search, capture_output=True, text=True, check=True, timeout=SEARCH_SECONDS)
    except subprocess.TimeoutExpired:
        reason = f"The search for MNIST took longer than {SEARCH_SECONDS:g} s."
    except subprocess.CalledProcessError as failure:
        reason = failure.stderr.strip().splitlines()[-1]
    else:
        return "mnist"
    say(console, f"Training on the bundled digits. {reason}")
    return "digits"


def demo(request: SweepRequest, console: Console, workers: int | None, plot: Path) -> Sweep:
    """Start the service, run the sweep, save its plot, print its table and stop the service; return the sweep."""
    with tempfile.TemporaryDirectory(prefix="noisesweep-") as folder:
        data = Path(folder)
        console.print("Starting the store, the API and the workers ...")
        with (
            launch(data, port=None, workers=workers, log=data / "log") as processes,
            NoiseSweep(processes.url) as service,
        ):
            sweep = service.submit(**request.model_dump(mode="json", exclude_unset=True))
            say(console, f"POST /sweeps, which leads to {sweep.record.links.self}")
            record = watch(_records(sweep, processes), console)
            sweep.plot(plot)
            if any(run.error and run.error.code == "internal_error" for run in record.runs):
                say(console, processes.tail())
    console.print(runs_table(record))
    say(console, f"The plot: {plot}")
    return record


def _records(sweep: SweepHandle, processes: Processes) -> Iterator[Sweep]:
    """Yield the sweep's record until it has ended; raise LaunchError if a part of the service ends before."""
    try:
        for record in sweep.poll(every_seconds=POLL_SECONDS):
            processes.check()
            yield record
    except ServiceUnreachableError:
        processes.check()
        raise
