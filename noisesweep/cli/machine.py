"""`noisesweep up | demo | api | worker | doctor | key`: what runs on this machine, and asks no service."""

import os
import secrets
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, NoReturn

import platformdirs
import typer
from pydantic import ValidationError

from noisesweep.cli.common import Json, exit_by, people, picture_path, print_json
from noisesweep.client.errors import WrongUsageError
from noisesweep.local.demo import choose_dataset, demo
from noisesweep.local.launcher import LaunchError, launch, module, store_binary
from noisesweep.models import KEY_NAME, SweepRequest, hash_api_key

API_KEYS = "NOISESWEEP_API_KEYS"
LOG_FORMAT = "NOISESWEEP_LOG_FORMAT"
NOTEBOOK_SCALES = [0.1, 0.5, 1.0, 2.0, 4.0]
FIRST_SEED = [0]
DATA = platformdirs.user_data_path("noisesweep")
Workers = Annotated[int | None, typer.Option(min=1, help="Training processes; by default what suits the device.")]
JsonLog = Annotated[bool, typer.Option("--json", help="Log in JSON; libraries may say a line of their own.")]


def up(
    port: Annotated[
        int, typer.Option(min=1, max=65535, envvar="NOISESWEEP_PORT", help="Where the API listens.")
    ] = 8000,
    workers: Workers = None,
    data: Annotated[Path, typer.Option(file_okay=False, help="Where the embedded store keeps its files.")] = DATA,
    *,
    as_json: JsonLog = False,
) -> None:
    """Run the whole service on this machine until Ctrl-C: the store, the API on 127.0.0.1 and the workers."""
    _log_in_json(wanted=as_json)
    try:
        with launch(data, port, workers) as processes:
            if as_json:
                print_json({"url": processes.url})
            else:
                print(f"\nnoisesweep is up at {processes.url}, described at {processes.url}/docs. Ctrl-C stops it.\n")
            sys.stdout.flush()
            processes.wait()
    except KeyboardInterrupt:
        if not as_json:
            print("\nnoisesweep has stopped.")


def run_demo(
    *,
    scales: Annotated[list[float], typer.Option(help="Noise scales, one or more: --scales 0.1 1")] = NOTEBOOK_SCALES,
    epochs: Annotated[int, typer.Option(help="Epochs of each run.")] = 20,
    seeds: Annotated[list[int], typer.Option(help="One or more: each scale is trained once per seed.")] = FIRST_SEED,
    dataset: Annotated[str | None, typer.Option(help="By default mnist if it can be had here, else digits.")] = None,
    workers: Workers = None,
    plot: Annotated[Path, typer.Option(dir_okay=False, callback=picture_path, help="Where the picture goes.")] = Path(
        "noisesweep.png"
    ),
    as_json: Json = False,
) -> None:
    """Start the service, run the notebook's sweep, save its plot, print its table, and stop everything again."""
    console = people(as_json=as_json)
    try:
        request = SweepRequest(scales=scales, seeds=seeds, epochs=epochs)
    except ValidationError as error:
        faults = (f"--{fault['loc'][0] if fault['loc'] else 'scales'}: {fault['msg']}" for fault in error.errors())
        raise WrongUsageError("; ".join(faults)) from error
    for variable in (API_KEYS, "NOISESWEEP_ALLOWED_HOSTS"):
        os.environ.pop(variable, None)  # the demo's service is its own, and ends with it
    request = request.model_copy(update={"dataset": dataset or choose_dataset(console)})
    sweep = demo(request, console, workers, plot)
    if as_json:
        print(sweep.model_dump_json())
    exit_by(sweep)


def key(
    name: Annotated[str, typer.Argument(help="Whose key it is: 1 to 32 of A-Z a-z 0-9 _ . -")], *, as_json: Json = False
) -> None:
    """Make an API key, print it this once, and the line that lets its holder in."""
    if not KEY_NAME.fullmatch(name):
        raise WrongUsageError(f"{name!r} cannot name a key: 1 to 32 characters of A-Z a-z 0-9 _ . -")
    secret = f"ns_{secrets.token_urlsafe(32)}"
    known = os.environ.get(API_KEYS)
    if known and name in {entry.partition(":")[0].strip() for entry in known.split(",")}:
        raise WrongUsageError(f"there is a key of {name} in {API_KEYS} already: remove it, or choose another name")
    entries = ",".join(filter(None, [known, f"{name}:{hash_api_key(secret)}"]))
    if as_json:
        print_json({"name": name, "key": secret, API_KEYS: entries})
        return
    print(f"The key of {name}. It is kept nowhere and shown this once:\n\n    {secret}\n")
    print(f"To let its holder in, start the API with\n\n    {API_KEYS}={entries}\n")


def api(
    arguments: Annotated[list[str] | None, typer.Argument(hidden=True)] = None, *, as_json: JsonLog = False
) -> None:
    """Run the API alone, at NOISESWEEP_HOST and NOISESWEEP_PORT, on the Redis of NOISESWEEP_REDIS_URL."""
    _log_in_json(wanted=as_json)
    _become("api", *(arguments or []), extra="api", needs="fastapi")


def worker(
    arguments: Annotated[list[str] | None, typer.Argument(help="--concurrency N")] = None, *, as_json: JsonLog = False
) -> None:
    """Run a worker alone, on the Redis of NOISESWEEP_REDIS_URL. It picks the device and the number of processes."""
    _log_in_json(wanted=as_json)
    _become("worker", *(arguments or []), extra="worker", needs="tensorflow")


def doctor(*, as_json: Json = False) -> None:
    """Check Python, TensorFlow, memory, data sets and the store, and say how to mend what is wrong; exit 1 if so."""
    try:
        own_store = store_binary()
    except LaunchError:
        own_store = ""
    # It works without TensorFlow, and says so; what the API and the worker share it needs.
    options = ["--json"] if as_json else []
    _become("worker.doctor", f"--own-store={own_store}", *options, extra="worker", needs="pydantic_settings")


def _log_in_json(*, wanted: bool) -> None:
    if wanted:
        os.environ[LOG_FORMAT] = "json"


def _become(name: str, *arguments: str, extra: str, needs: str) -> NoReturn:
    """Turn this process into another module of this distribution: signals and exit code are then its own."""
    if find_spec(needs) is None:
        raise WrongUsageError(f"this installation has no {extra}: pip install 'noisesweep[{extra}]'")
    os.execv(sys.executable, module(name, *arguments))  # noqa: S606 - it is the project's own module
