"""`noisesweep up | demo | api | worker | doctor | key`: commands that do not need a running service."""

import os
import secrets
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, NoReturn

import platformdirs
import typer
from pydantic import ValidationError

from noisesweep.cli.common import Json, check_plot_path, exit_if_failed
from noisesweep.cli.output import console_for, print_json, print_line, print_message, print_message_as_json
from noisesweep.client.errors import WrongUsageError
from noisesweep.local.commands import module_command
from noisesweep.local.demo import choose_dataset, demo
from noisesweep.local.errors import LaunchError
from noisesweep.local.launcher import LOOPBACK, launch
from noisesweep.local.listener import Listener
from noisesweep.local.store import find_store_binary
from noisesweep.models import KEY_NAME, Role, SweepRequest, hash_api_key
from noisesweep.models.faults import explain

API_KEYS = "NOISESWEEP_API_KEYS"
TLS = ("NOISESWEEP_TLS_CERT", "NOISESWEEP_TLS_KEY")
LOG_FORMAT = "NOISESWEEP_LOG_FORMAT"
NOTEBOOK_SCALES = [0.1, 0.5, 1.0, 2.0, 4.0]
FIRST_SEED = [0]
DATA = platformdirs.user_data_path("noisesweep")
Workers = Annotated[
    int | None, typer.Option(min=1, help="Number of training processes. Default: chosen for the device.")
]
JsonLog = Annotated[
    bool, typer.Option("--json", help="Write the log as JSON lines. Some libraries may still print plain text.")
]


def up(
    port: Annotated[int, typer.Option(min=1, max=65535, envvar="NOISESWEEP_PORT", help="Port of the API.")] = 8000,
    workers: Workers = None,
    data: Annotated[
        Path, typer.Option(file_okay=False, help="Data folder of Redis. Unused if NOISESWEEP_REDIS_URL is set.")
    ] = DATA,
    *,
    host: Annotated[
        str, typer.Option(help="Address of the API. 0.0.0.0 serves other machines too, and needs API keys.")
    ] = LOOPBACK,
    tls_cert: Annotated[
        Path | None,
        typer.Option(envvar=TLS[0], exists=True, dir_okay=False, help="Certificate for HTTPS, with its chain (PEM)."),
    ] = None,
    tls_key: Annotated[
        Path | None,
        typer.Option(envvar=TLS[1], exists=True, dir_okay=False, help="Private key of the certificate (PEM)."),
    ] = None,
    as_json: JsonLog = False,
) -> None:
    """Run the whole service on this machine until Ctrl-C: Redis, the API, and a worker.

    A process that ends is started again.
    """
    listener = Listener(port, host, tls_cert, tls_key)
    _set_log_format(as_json=as_json)
    console = console_for(as_json=as_json)
    try:
        with launch(data, listener, workers, say=print_message_as_json if as_json else print_message) as processes:
            if as_json:
                print_json({"url": processes.url, "urls": listener.urls})
            else:
                for line in _welcome(listener):
                    print_line(console, line)
            processes.wait()
    except KeyboardInterrupt:
        if not as_json:
            print_line(console, "noisesweep has stopped.")


def _welcome(listener: Listener) -> Iterator[str]:
    first = listener.urls[0]
    yield f"noisesweep is running at {first} (API documentation: {first}/docs). Press Ctrl-C to stop it."
    if len(listener.urls) > 1:
        yield f"Other addresses of this machine: {', '.join(listener.urls[1:])}"
    if listener.is_readable_by_others:
        yield (
            "The connections are plain HTTP: others on the network can read the keys. --tls-cert and --tls-key encrypt "
            "them."
        )


def run_demo(
    *,
    scales: Annotated[list[float], typer.Option(help="One or more noise scales: --scales 0.1 1")] = NOTEBOOK_SCALES,
    epochs: Annotated[int, typer.Option(help="Number of epochs of each run.")] = 20,
    seeds: Annotated[
        list[int], typer.Option(help="One or more seeds. One network is trained per scale and seed.")
    ] = FIRST_SEED,
    dataset: Annotated[
        str | None, typer.Option(help="Name of the data set. Default: mnist if available, otherwise digits.")
    ] = None,
    workers: Workers = None,
    plot: Annotated[
        Path, typer.Option(dir_okay=False, callback=check_plot_path, help="Path of the plot: .png, .svg or .pdf.")
    ] = Path("noisesweep.png"),
    as_json: Json = False,
) -> None:
    """Start the service, run the original notebook's sweep, print and plot the results, and stop the service."""
    console = console_for(as_json=as_json)
    try:
        request = SweepRequest(scales=scales, seeds=seeds, epochs=epochs)
    except ValidationError as error:
        messages = (f"--{each['loc'][0] if each['loc'] else 'scales'}: {explain(each)}" for each in error.errors())
        raise WrongUsageError("; ".join(messages)) from error
    for variable in (API_KEYS, "NOISESWEEP_ALLOWED_HOSTS", *TLS):
        os.environ.pop(variable, None)  # the demo's temporary service is open on loopback only
    request = request.model_copy(update={"dataset": dataset or choose_dataset(console)})
    sweep = demo(request, console, workers, plot)
    if as_json:
        print_json(sweep)
    exit_if_failed(sweep)


def key(
    name: Annotated[str, typer.Argument(help="Name of the key's user: 1 to 32 characters of A-Z a-z 0-9 _ . -")],
    *,
    role: Annotated[Role, typer.Option(help="What the key may do.")] = Role.MEMBER,
    as_json: Json = False,
) -> None:
    """Create an API key for the setting NOISESWEEP_API_KEYS, for example that of the first administrator.

    Print the key once, together with this setting. Administrators create further keys with `noisesweep keys add`.
    """
    if not KEY_NAME.fullmatch(name):
        raise WrongUsageError(f"key name: expected 1 to 32 characters of A-Z a-z 0-9 _ . -, received {name!r}")
    secret = f"ns_{secrets.token_urlsafe(32)}"
    existing = os.environ.get(API_KEYS)
    if existing and name in {entry.partition(":")[0].strip() for entry in existing.split(",")}:
        raise WrongUsageError(f"{API_KEYS} already has a key of {name}: remove it, or choose another name")
    suffix = "" if role is Role.MEMBER else f":{role}"
    entries = ",".join(filter(None, [existing, f"{name}:{hash_api_key(secret)}{suffix}"]))
    if as_json:
        print_json({"name": name, "key": secret, API_KEYS: entries})
        return
    console = console_for(as_json=as_json)
    for line in (
        f"API key of {name}. It is not stored and cannot be shown again:",
        "",
        f"    {secret}",
        "",
        "Start the API with this setting to accept the key:",
        "",
        f"    {API_KEYS}={entries}",
        "",
    ):
        print_line(console, line, wrap=False)  # a wrapped line could not be copied


def api(
    arguments: Annotated[list[str] | None, typer.Argument(hidden=True)] = None, *, as_json: JsonLog = False
) -> None:
    """Run only the API, at NOISESWEEP_HOST and NOISESWEEP_PORT, with the Redis server at NOISESWEEP_REDIS_URL."""
    _set_log_format(as_json=as_json)
    _exec_module("api", *(arguments or []), extra="api", requires="fastapi")


def worker(
    arguments: Annotated[
        list[str] | None, typer.Argument(help="--concurrency N: number of training processes.")
    ] = None,
    *,
    as_json: JsonLog = False,
) -> None:
    """Run only a worker, with the Redis server at NOISESWEEP_REDIS_URL."""
    _set_log_format(as_json=as_json)
    _exec_module("worker", *(arguments or []), extra="worker", requires="tensorflow")


def doctor(*, as_json: Json = False) -> None:
    """Check Python, TensorFlow, memory, data sets and Redis. Explain each problem, and exit with 1 if there is one."""
    try:
        own_store, skipped = find_store_binary()
    except LaunchError as error:
        own_store, skipped = "", str(error)
    options = [f"--own-store={own_store}", f"--skipped-store={skipped}", *(["--json"] if as_json else [])]
    # A missing TensorFlow is one of the doctor's findings, so only pydantic_settings is required here.
    _exec_module("worker.doctor", *options, extra="worker", requires="pydantic_settings")


def _set_log_format(*, as_json: bool) -> None:
    if as_json:
        os.environ[LOG_FORMAT] = "json"


def _exec_module(name: str, *arguments: str, extra: str, requires: str) -> NoReturn:
    """Replace this process with another module of the project, which then receives signals and sets the exit code."""
    if find_spec(requires) is None:
        raise WrongUsageError(f"the {extra} is not installed: run `pip install 'noisesweep[{extra}]'`")
    os.execv(sys.executable, module_command(name, *arguments))  # noqa: S606 - a module of this project
