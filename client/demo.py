"""`noisesweep demo`: the notebook's sweep from start to plot, on one machine, with nothing to set up."""

import subprocess
import tempfile
import time
from http import HTTPStatus
from pathlib import Path

import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table

from client.launcher import Processes, launch, module
from shared.models import DatasetName, RunStatus, RunSummary, Sweep, SweepRequest

POLL_SECONDS = 0.3
SEARCH_SECONDS = 60.0


def choose_dataset(console: Console) -> DatasetName:
    """MNIST if it is at hand or can be downloaded; else the bundled digits, said in one line."""
    console.print("Looking for MNIST ...")
    search = module("shared.datasets", DatasetName.MNIST)
    try:
        subprocess.run(search, capture_output=True, text=True, check=True, timeout=SEARCH_SECONDS)
    except subprocess.TimeoutExpired:
        reason = f"The search for MNIST took longer than {SEARCH_SECONDS:g} s."
    except subprocess.CalledProcessError as failure:
        reason = failure.stderr.strip().splitlines()[-1]
    else:
        return DatasetName.MNIST
    console.print(f"Training on the bundled digits. {reason}", highlight=False, markup=False)
    return DatasetName.DIGITS


def demo(request: SweepRequest, console: Console, workers: int | None, plot: Path) -> bool:
    """Start the service, run the sweep, save its plot and print its table; return whether every run succeeded."""
    with tempfile.TemporaryDirectory(prefix="noisesweep-") as folder:
        data = Path(folder)
        console.print("Starting the store, the API and the workers ...")
        with (
            launch(data, port=None, workers=workers, log=data / "log") as stack,
            httpx.Client(base_url=stack.url, timeout=30, trust_env=False) as http,
        ):
            submitted = http.post("/sweeps", json=request.model_dump(mode="json")).raise_for_status()
            console.print(f"POST /sweeps: {submitted.status_code}, Location: {submitted.headers['Location']}")
            sweep = follow(http, submitted.headers["Location"], stack, console)
            plot.write_bytes(http.get(sweep.links.plot).raise_for_status().content)
            if any(run.error and run.error.code == "internal_error" for run in sweep.runs):
                console.print(stack.tail(), highlight=False, markup=False)
    console.print(table(sweep))
    for run in sweep.runs:
        if run.error:
            message = f"scale {run.scale:g} failed ({run.error.code}): {run.error.message}"
            console.print(message, style="red", highlight=False, markup=False)
    console.print(f"The plot: {plot}", highlight=False)
    return sweep.status is RunStatus.SUCCEEDED


def follow(http: httpx.Client, location: str, stack: Processes, console: Console) -> Sweep:
    """Show the sweep's progress until it has ended: bars on a terminal, a line for each epoch elsewhere."""
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[figures]}"),
        console=console,
        disable=not console.is_terminal,
    )
    tasks: dict[str, TaskID] = {}
    said: dict[str, str] = {}
    with bars:
        while True:
            stack.check()
            answer = http.get(location)
            if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
                time.sleep(POLL_SECONDS)
                continue
            sweep = Sweep.model_validate_json(answer.raise_for_status().content)
            for run in sweep.runs:
                if run.id not in tasks:
                    tasks[run.id] = bars.add_task(label(run, sweep), total=sweep.config.epochs, figures="")
                line = figures(run, sweep.config.epochs)
                bars.update(tasks[run.id], completed=run.epochs_done, figures=line)
                if not console.is_terminal and said.get(run.id) != line:
                    said[run.id] = line
                    console.print(f"{label(run, sweep)}  {line}", highlight=False)
            if sweep.status.is_final:
                return sweep
            time.sleep(POLL_SECONDS)


def label(run: RunSummary, sweep: Sweep) -> str:
    """What tells the run from the others of its sweep."""
    return f"scale {run.scale:<4g}" + (f" seed {run.seed}" if len(sweep.seeds) > 1 else "")


def figures(run: RunSummary, epochs: int) -> str:
    """The run's progress in words: epoch, both accuracies, time left."""
    metrics = run.latest_metrics
    if metrics is None:
        words = {RunStatus.QUEUED: "waiting for a worker", RunStatus.RUNNING: "in its first epoch"}
        return words.get(run.status, run.status)
    text = f"epoch {run.epochs_done}/{epochs}  accuracy {metrics.accuracy:.4f}  val_accuracy {metrics.val_accuracy:.4f}"
    if run.status is not RunStatus.RUNNING:
        return f"{text}  {run.status}"
    minutes, seconds = divmod(round((epochs - run.epochs_done) * metrics.seconds), 60)
    return f"{text}  {minutes}:{seconds:02} left"


def table(sweep: Sweep) -> Table:
    """Scale, accuracy and val_accuracy of each run at its last epoch."""
    result = Table(title=f"{sweep.config.dataset}, {sweep.config.epochs} epochs")
    columns = ["scale", *(["seed"] if len(sweep.seeds) > 1 else []), "accuracy", "val_accuracy"]
    for column in columns:
        result.add_column(column, justify="right")
    for run in sweep.runs:
        metrics = run.latest_metrics
        accuracies = [f"{metrics.accuracy:.4f}", f"{metrics.val_accuracy:.4f}"] if metrics else [run.status, ""]
        result.add_row(f"{run.scale:g}", *([str(run.seed)] if len(sweep.seeds) > 1 else []), *accuracies)
    return result
