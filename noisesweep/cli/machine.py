"""`noisesweep up | demo | api | worker | doctor | key`: commands that do not need a running service."""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Annotated, NoReturn

import platformdirs
import typer
from pydantic import ValidationError

from noisesweep.cli.browser import enter_pressed, has_browser, home_page, open_page
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
CHECK_SECONDS = 0.5
# What `up` and `demo` need: a name, the extra that installs it, and packages of the API and of the worker.
LOCAL_SERVICE = ("service", "local", "fastapi", "tensorflow")
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
        Path,
        typer.Option(
            file_okay=False, help="Folder for the log, and for the data of Redis unless NOISESWEEP_REDIS_URL is set."
        ),
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
    verbose: Annotated[bool, typer.Option("--verbose", help="Print the log instead of writing it to a file.")] = False,
    as_json: JsonLog = False,
) -> None:
    """Run the whole service here: Redis, the API, a worker.

    It runs until Ctrl-C. A process that ends is started again. The log is a file in the data folder.
    """
    _check_installed(*LOCAL_SERVICE)
    listener = Listener(port, host, tls_cert, tls_key)
    _set_log_format(as_json=as_json)
    console = console_for(as_json=as_json)
    log = None if verbose or as_json else data / f"{port}.log"
    try:
        with launch(
            data, listener, workers, log=log, say=print_message_as_json if as_json else print_message
        ) as processes:
            if as_json:
                print_json({"url": processes.url, "urls": listener.urls})
                processes.wait()
            page = home_page(listener.urls[0])
            offers = sys.stdin.isatty() and console.is_terminal and has_browser()
            for line in (
                *_welcome(listener, log),
                *(["Press Enter to open this page in the browser:"] if offers else []),
            ):
                print_line(console, line)
            print_line(console, page, wrap=False)
            with suppress(OSError):  # the terminal was closed, and the service goes on
                while offers:
                    processes.check()
                    if enter_pressed(CHECK_SECONDS):
                        open_page(page)
            processes.wait()
    except KeyboardInterrupt:
        if not as_json:
            print_line(console, "noisesweep has stopped.")


def _welcome(listener: Listener, log: Path | None) -> Iterator[str]:
    yield "noisesweep is running. Press Ctrl-C to stop it."
    if log:
        yield f"Log: {log}"
    if len(listener.urls) > 1:
        yield f"Other addresses of this machine: {', '.join(listener.urls[1:])}"
    if listener.is_readable_by_others:
        yield (
            "The connections are plain HTTP: others on the network can read the keys. --tls-cert and --tls-key encrypt "
            "them."
        )


def run_demo(
    *,
    scales: Annotated[
        list[float], typer.Option("--scales", "--scale", help="One or more noise scales (--scales 0.1 1).")
    ] = NOTEBOOK_SCALES,
    epochs: Annotated[int, typer.Option(help="Number of epochs of each run.")] = 20,
    seeds: Annotated[
        list[int],
        typer.Option("--seeds", "--seed", help="One or more seeds. One network is trained per scale and seed."),
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
    """Run the sweep of the original notebook, and plot it.

    Start the service, submit the sweep, print and plot the results, and stop the service.
    """
    _check_installed(*LOCAL_SERVICE)
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
    program = own_program()
    print_line(
        console, f"Next: `{program} up` starts the service with its page, where you can submit a sweep of your own."
    )
    if as_json:
        print_json(sweep)
    exit_if_failed(sweep)


def key(
    name: Annotated[str, typer.Argument(help="Name of the key's user: 1 to 32 characters of A-Z a-z 0-9 _ . -")],
    *,
    role: Annotated[Role, typer.Option(help="What the key may do.")] = Role.MEMBER,
    as_json: Json = False,
) -> None:
    """Create an API key for the setting NOISESWEEP_API_KEYS.

    Print the key once, together with this setting. It is for the first administrator, who creates further keys with
    `noisesweep keys add`.
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
    """Run only the API.

    It listens at NOISESWEEP_HOST and NOISESWEEP_PORT, and uses the Redis server at NOISESWEEP_REDIS_URL.
    """
    _set_log_format(as_json=as_json)
    _check_installed("API", "api", "fastapi")
    _exec_module("api", *(arguments or []))


def worker(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="ARGUMENTS", help="--concurrency N: number of training processes.")
    ] = None,
    *,
    as_json: JsonLog = False,
) -> None:
    """Run only a worker.

    It uses the Redis server at NOISESWEEP_REDIS_URL.
    """
    _set_log_format(as_json=as_json)
    _check_installed("worker", "worker", "tensorflow")
    _exec_module("worker", *(arguments or []))


def doctor(*, as_json: Json = False) -> None:
    """Check Python, TensorFlow, memory, data sets and Redis.

    Explain each problem, and exit with 1 if there is one.
    """
    try:
        own_store, skipped = find_store_binary()
    except LaunchError as error:
        own_store, skipped = "", str(error)
    options = [f"--own-store={own_store}", f"--skipped-store={skipped}", *(["--json"] if as_json else [])]
    # A missing TensorFlow is one of the doctor's findings, so only pydantic_settings is required here.
    _check_installed("worker", "worker", "pydantic_settings")
    _exec_module("worker.doctor", *options)


def own_program() -> str:
    """Return how to call this program in a shell: its name, or its path if the shell does not find the name."""
    path = Path(sys.argv[0])
    if which(path.name) or path.name != "noisesweep":
        return "noisesweep"
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _set_log_format(*, as_json: bool) -> None:
    if as_json:
        os.environ[LOG_FORMAT] = "json"


def _check_installed(part: str, extra: str, *packages: str) -> None:
    """Raise WrongUsageError if a package of a part is missing, and name the extra that installs the part."""
    if missing := [package for package in packages if find_spec(package) is None]:
        raise WrongUsageError(
            f"the {part} is not installed ({' and '.join(missing)} missing): run `pip install 'noisesweep[{extra}]'`"
        )


def _exec_module(name: str, *arguments: str) -> NoReturn:
    """Replace this process with another module of the project, which then receives signals and sets the exit code."""
    os.execv(sys.executable, module_command(name, *arguments))  # noqa: S606 - a module of this project
