"""Launcher that runs a Redis server, the API and a worker on one machine, and starts a part again when it ends."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NoReturn

import httpx

from noisesweep.cli.output import print_message
from noisesweep.local.commands import module_command
from noisesweep.local.errors import LaunchError
from noisesweep.local.listener import Listener
from noisesweep.local.parts import START_ATTEMPTS, Part
from noisesweep.local.process_group import ProcessGroup, process_group
from noisesweep.local.store import LOOPBACK, configure_store, find_store_binary, free_port, lock_folder, store_binary
from noisesweep.models import OLD_SWEEPS_EXIT_CODE

__all__ = [
    "LOOPBACK",
    "LaunchError",
    "Processes",
    "exit_on_signals",
    "free_port",
    "launch",
    "module_command",
    "store_binary",
]

STANDARD_ERROR = 2
START_SECONDS = 60.0
STOP_SECONDS = 10.0
CHECK_SECONDS = 0.1
# A longer log file loses its first half.
MAX_LOG_BYTES = 20_000_000

Say = Callable[[str], None]


@dataclass
class Processes:
    """Processes of the running service, and the thread that supervises them.

    Attributes:
        url: URL of the API for programs on this machine.
        log: File with the output of all processes; None if they print to standard error.
        say: Function that tells the user what happens to the processes.
        data: Data folder of the launcher's own store; None if it uses another one.
        redis_url: URL of the store, with its password.
        parts: Parts of the service in the order of their start.
    """

    url: str
    log: Path | None
    say: Say = print_message
    data: Path | None = None
    redis_url: str = field(default="", repr=False)
    parts: list[Part] = field(default_factory=list)
    _failure: LaunchError | None = None
    _was_ready: bool = False
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def pid(self, name: str) -> int:
        """Return the process id of a part."""
        return next(part.process.pid for part in self.parts if part.name == name)

    def check(self) -> None:
        """Raise LaunchError if the service has ended because a part could not be started."""
        if self._failure:
            raise self._failure

    def log_tail(self, lines: int = 15) -> str:
        """Return the last lines of the log file; "" without one."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log else ""

    def wait_until_ready(self) -> None:
        """Wait until the API and the store answer; raise LaunchError if they do not within START_SECONDS."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            self.check()
            try:
                # trust_env=False: ignore proxies for loopback. The certificate need not be valid for this URL.
                if httpx.get(f"{self.url}/readyz", timeout=5, trust_env=False, verify=False).is_success:  # noqa: S501
                    self._was_ready = True
                    return
            except httpx.TransportError:
                pass  # not listening yet
            time.sleep(0.1)
        raise LaunchError(f"The service at {self.url} was not ready after {START_SECONDS:g} s. Check its output.")

    def wait(self) -> NoReturn:
        """Wait until the service ends, then raise LaunchError. Signals interrupt the wait."""
        while True:
            self.check()
            self._ended.wait(0.5)

    def supervise(self, group: ProcessGroup) -> None:
        """Start a thread that starts ended parts again until `stop`."""
        self._thread = threading.Thread(target=self._supervise, args=(group,), name="supervisor")
        self._thread.start()

    def stop(self) -> None:
        """Stop the processes in reverse order, so that the store outlives the processes that write to it."""
        self._ended.set()
        if self._thread:
            self._thread.join()
        for part in reversed(self.parts):
            part.stop(STOP_SECONDS)

    def _supervise(self, group: ProcessGroup) -> None:
        while not self._ended.wait(CHECK_SECONDS):
            try:
                group.raise_if_ended()
                for part in self.parts:
                    self._keep_running(part)
                if self.log:
                    halve_if_long(self.log)
            except LaunchError as error:
                self._failure = error
                self._ended.set()

    def _keep_running(self, part: Part) -> None:
        try:
            part.keep_running(self.say, START_ATTEMPTS if self._was_ready else 1)
        except LaunchError as error:
            if self.data and part.process.returncode == OLD_SWEEPS_EXIT_CODE:
                raise LaunchError(
                    f"The data folder {self.data} contains sweeps of an older version of noisesweep, which this "
                    "version cannot read. Save their results with the older version. Then choose another --data, or "
                    "move this folder away."
                ) from error
            output = f"Last lines of the log:\n{self.log_tail()}" if self.log else "See its output above."
            raise LaunchError(f"{error} {output}") from error


@contextmanager
def launch(
    data: Path, listener: Listener, workers: int | None, log: Path | None = None, say: Say = print_message
) -> Iterator[Processes]:
    """Start the service, yield its processes when it is ready, and stop them at the end.

    A part that ends later is started again. If it cannot be started, `Processes.check` raises LaunchError.

    Args:
        data: Data folder of the store; unused if NOISESWEEP_REDIS_URL is set.
        listener: Address of the API.
        workers: Number of training processes; None lets the worker choose, 0 starts no worker.
        log: File for the output of all processes; None sends their output to standard error.
        say: Function that tells the user which server was skipped, and which process has ended.

    Raises:
        LaunchError: The data folder is in use, or a process does not start.
    """
    processes = Processes(url=listener.url, log=log, say=say)
    with ExitStack() as cleanup:
        has_store = not os.environ.get("NOISESWEEP_REDIS_URL")
        # Before the log is opened, so that it never replaces the log of a service that runs in this folder.
        lock = cleanup.enter_context(lock_folder(data)) if has_store else None
        output = cleanup.enter_context(_new_log(log)) if log else None
        group = cleanup.enter_context(process_group())
        cleanup.callback(processes.stop)
        environment = os.environ | listener.environment

        def start(name: str, command: list[str], lock: IO[str] | None = None) -> None:
            def spawn() -> subprocess.Popen[bytes]:
                return subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output or STANDARD_ERROR,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    pass_fds=[lock.fileno()] if lock else [],
                    process_group=group.id,
                )

            processes.parts.append(Part(name, spawn))

        if has_store:
            processes.data = data
            config, url = configure_store(data)
            environment["NOISESWEEP_REDIS_URL"] = url
            binary, skipped = find_store_binary()
            if skipped:
                say(f"{skipped} Using {binary} instead.")
            # The store inherits the lock, so the folder stays locked until both processes have ended.
            start("store", [binary, str(config)], lock)
        processes.redis_url = environment["NOISESWEEP_REDIS_URL"]
        start("API", module_command("api"))
        if workers != 0:
            start("worker", module_command("worker", *(["--concurrency", str(workers)] if workers else [])))
        processes.supervise(group)
        processes.wait_until_ready()
        yield processes


def _new_log(path: Path) -> IO[bytes]:
    """Open an empty log file, which only this user can read. Its processes append, so that it can be shortened.

    The previous log is renamed. Raise LaunchError if the file cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            path.replace(path.with_suffix(".1.log"))
    except OSError as error:
        raise LaunchError(f"The log {path} cannot be written: {error.strerror}. Choose another --data.") from error
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")  # noqa: PTH123 - a descriptor


def halve_if_long(log: Path, max_bytes: int = MAX_LOG_BYTES) -> None:
    """Remove the first half of a log file that is longer than `max_bytes`. Lines written meanwhile may be lost."""
    with suppress(OSError):  # a full disk, or the file was removed
        if log.stat().st_size > max_bytes:
            with log.open("r+b") as file:
                file.seek(-max_bytes // 2, os.SEEK_END)
                file.readline()
                rest = file.read()
                file.seek(0)
                file.write(rest)
                file.truncate()


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
