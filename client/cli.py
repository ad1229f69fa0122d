"""The command line: `noisesweep up | demo | key | api | worker | doctor`."""

import hashlib
import os
import re
import secrets
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, NoReturn

import platformdirs
import typer
from pydantic import ValidationError
from rich.console import Console

from client.demo import choose_dataset, demo
from client.launcher import LaunchError, exit_on_signals, launch, module, store_binary
from shared.models import DatasetName, SweepRequest

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

WRONG_USAGE = 2
API_KEYS = "NOISESWEEP_API_KEYS"
KEY_NAME = re.compile(r"[A-Za-z0-9_.-]{1,32}")
NOTEBOOK_SCALES = [0.1, 0.5, 1.0, 2.0, 4.0]
FIRST_SEED = [0]
DATA = platformdirs.user_data_path("noisesweep")
Workers = Annotated[int | None, typer.Option(min=1, help="Training processes; by default what suits the device.")]


@app.command()
def up(
    port: Annotated[
        int, typer.Option(min=1, max=65535, envvar="NOISESWEEP_PORT", help="Where the API listens.")
    ] = 8000,
    workers: Workers = None,
    data: Annotated[Path, typer.Option(file_okay=False, help="Where the embedded store keeps its files.")] = DATA,
) -> None:
    """Run the whole service on this machine until Ctrl-C: the store, the API on 127.0.0.1 and the workers."""
    try:
        with launch(data, port, workers) as stack:
            print(f"\nnoisesweep is up at {stack.url}, described at {stack.url}/docs. Ctrl-C stops it.\n", flush=True)
            stack.wait()
    except KeyboardInterrupt:
        print("\nnoisesweep has stopped.")


@app.command(name="demo")
def run_demo(
    *,
    scales: Annotated[list[float], typer.Option(help="Noise scales, one or more: --scales 0.1 1")] = NOTEBOOK_SCALES,
    epochs: Annotated[int, typer.Option(help="Epochs of each run.")] = 20,
    seeds: Annotated[list[int], typer.Option(help="One or more: each scale is trained once per seed.")] = FIRST_SEED,
    dataset: Annotated[
        DatasetName | None, typer.Option(help="By default mnist if it can be had here, else digits.")
    ] = None,
    workers: Workers = None,
    plot: Annotated[Path, typer.Option(dir_okay=False, help="Where the picture goes.")] = Path("noisesweep.png"),
) -> None:
    """Start the service, run the notebook's sweep, save its plot, print its table, and stop everything again."""
    console = Console()
    try:
        request = SweepRequest(scales=scales, seeds=seeds, epochs=epochs)
    except ValidationError as error:
        _refuse(*(f"--{fault['loc'][0] if fault['loc'] else 'scales'}: {fault['msg']}" for fault in error.errors()))
    if not plot.absolute().parent.is_dir():
        _refuse(f"--plot: there is no folder {plot.absolute().parent}")
    for variable in (API_KEYS, "NOISESWEEP_ALLOWED_HOSTS"):
        os.environ.pop(variable, None)  # the demo's service is its own, and ends with it
    request = request.model_copy(update={"dataset": dataset or choose_dataset(console)})
    if not demo(request, console, workers, plot):
        raise typer.Exit(1)


@app.command()
def key(name: Annotated[str, typer.Argument(help="Whose key it is: 1 to 32 of A-Z a-z 0-9 _ . -")]) -> None:
    """Make an API key, print it this once, and the line that lets its holder in."""
    if not KEY_NAME.fullmatch(name):
        _refuse(f"{name!r} cannot name a key: 1 to 32 characters of A-Z a-z 0-9 _ . -")
    secret = f"ns_{secrets.token_urlsafe(32)}"
    known = os.environ.get(API_KEYS)
    if known and name in {entry.partition(":")[0].strip() for entry in known.split(",")}:
        _refuse(f"there is a key of {name} in {API_KEYS} already: remove it, or choose another name")
    entries = ",".join(filter(None, [known, f"{name}:{hashlib.sha256(secret.encode()).hexdigest()}"]))
    print(f"The key of {name}. It is kept nowhere and shown this once:\n\n    {secret}\n")
    print(f"To let its holder in, start the API with\n\n    {API_KEYS}={entries}\n")


@app.command(context_settings={"ignore_unknown_options": True})
def api(arguments: Annotated[list[str] | None, typer.Argument(hidden=True)] = None) -> None:
    """Run the API alone, at NOISESWEEP_HOST and NOISESWEEP_PORT, on the Redis of NOISESWEEP_REDIS_URL."""
    _become("api", *(arguments or []), extra="api", needs="fastapi")


@app.command(context_settings={"ignore_unknown_options": True})
def worker(arguments: Annotated[list[str] | None, typer.Argument(help="--concurrency N")] = None) -> None:
    """Run a worker alone, on the Redis of NOISESWEEP_REDIS_URL. It picks the device and the number of processes."""
    _become("worker", *(arguments or []), extra="worker", needs="tensorflow")


@app.command()
def doctor(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print the findings as a JSON array.")] = False
) -> None:
    """Check Python, TensorFlow, memory, data sets and the store, and say how to mend what is wrong; exit 1 if so."""
    try:
        own_store = store_binary()
    except LaunchError:
        own_store = ""
    # It works without TensorFlow, and says so; what the API and the worker share it needs.
    options = ["--json"] if as_json else []
    _become("worker.doctor", f"--own-store={own_store}", *options, extra="worker", needs="pydantic_settings")


def _become(name: str, *arguments: str, extra: str, needs: str) -> NoReturn:
    """Turn this process into another module of this distribution: signals and exit code are then its own."""
    if find_spec(needs) is None:
        _refuse(f"this installation has no {extra}: pip install 'noisesweep[{extra}]'")
    os.execv(sys.executable, module(name, *arguments))  # noqa: S606 - it is the project's own module


def _refuse(*reasons: str) -> NoReturn:
    for reason in reasons:
        print(f"noisesweep: {reason}", file=sys.stderr)
    raise typer.Exit(WRONG_USAGE)


def spread(arguments: Iterable[str], options: frozenset[str] = frozenset({"--scales", "--seeds"})) -> list[str]:
    """`--scales 0.1 1` as `--scales 0.1 --scales 1`, which is how the option parser takes a list."""
    result: list[str] = []
    repeat: str | None = None  # the list option whose values are being read
    for argument in arguments:
        if argument.startswith("--"):
            repeat = None
        elif repeat and result[-1] != repeat:
            result.append(repeat)
        if argument in options:
            repeat = argument
        result.append(argument)
    return result


def main() -> None:
    """The console script."""
    exit_on_signals()
    try:
        app(spread(sys.argv[1:]))
    except LaunchError as error:
        sys.exit(f"noisesweep: {error}")
