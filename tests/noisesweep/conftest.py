import os
import pty
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from api.server import Server
from noisesweep import NoiseSweep
from noisesweep.local.launcher import LOOPBACK, free_port
from shared.settings import Settings
from tests.api.conftest import Training
from tests.conftest import wait_until
from worker.leases import Leases


class CommandLine:
    """Runs `noisesweep` with an environment by which every process it starts is known."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._mark = str(uuid.uuid4())
        self._environment = os.environ | {"NOISESWEEP_TEST_MARK": self._mark, "NO_COLOR": "1", "COLUMNS": "120"}
        self._environment["TMPDIR"] = str(folder)
        self._environment.pop("NOISESWEEP_REDIS_URL", None)
        self._started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str, data_dir: Path | None = None) -> subprocess.Popen[str]:
        environment = self._environment | ({"NOISESWEEP_DATA_DIR": str(data_dir)} if data_dir else {})
        process = subprocess.Popen(
            [sys.executable, "-m", "noisesweep", *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._started.append(process)
        return process

    def processes(self) -> list[psutil.Process]:
        """What this command line started that is still there, the commands themselves included."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            # The store writes its title over its environment, but works in a folder of ours.
            return (
                process.environ().get("NOISESWEEP_TEST_MARK") == self._mark
                or self.folder in Path(process.cwd()).parents
            )
        except psutil.Error:
            return False

    def close(self) -> None:
        for process in self._started:
            process.kill()
            process.communicate()
        wait_until(lambda: not self.processes())


@pytest.fixture
def command_line(tmp_path: Path) -> Iterator[CommandLine]:
    # As in a terminal, also where these tests run under nohup: children inherit what is ignored.
    hang_up = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    command_line = CommandLine(tmp_path)
    yield command_line
    command_line.close()
    signal.signal(signal.SIGHUP, hang_up)


class Api:
    """The API on one port, to be stopped and started again."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.model_copy(update={"port": free_port()})
        self.url = f"http://{LOOPBACK}:{self._settings.port}"
        self.start()

    def start(self) -> None:
        self._server = Server(self._settings)
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        wait_until(lambda: self._server.started)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()


class Proxy:
    """Stands between a client and the API, byte by byte, and cuts connections.

    Attributes:
        cuts: For each connection to come, after how many bytes of the answers it is cut; None, and all after the last,
            are left whole.
        connections: How many there were.
    """

    def __init__(self, target: httpx.URL, cuts: list[int | None]) -> None:
        self.cuts = cuts
        self.connections = 0
        self._target = (target.host, target.port or 80)
        self._listener = socket.create_server((LOOPBACK, 0))
        self.url = f"http://{LOOPBACK}:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                cut = self.cuts[self.connections] if self.connections < len(self.cuts) else None
                self.connections += 1
                service = socket.create_connection(self._target)
                threading.Thread(target=self._pass_on, args=(client, service, None), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(service, client, cut), daemon=True).start()

    @staticmethod
    def _pass_on(source: socket.socket, sink: socket.socket, most_bytes: int | None) -> None:
        passed = 0
        with suppress(OSError):
            while chunk := source.recv(65536):
                if most_bytes is not None and passed + len(chunk) > most_bytes:
                    sink.sendall(chunk[: most_bytes - passed])
                    break
                sink.sendall(chunk)
                passed += len(chunk)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()


@pytest.fixture
def training(settings: Settings) -> Iterator[Training]:
    leases = Leases(settings)
    yield Training(leases)
    leases.close()


@pytest.fixture
def service(http: httpx.Client) -> Iterator[NoiseSweep]:
    """A client of the API over an empty store."""
    with NoiseSweep(str(http.base_url)) as service:
        yield service


@pytest.fixture
def proxy(http: httpx.Client) -> Iterator[Callable[..., Proxy]]:
    """Makes proxies of the API that cut connections after so many bytes."""
    proxies: list[Proxy] = []

    def make(*cuts: int | None) -> Proxy:
        proxies.append(Proxy(http.base_url, list(cuts)))
        return proxies[-1]

    yield make
    for proxy in proxies:
        proxy.close()


@pytest.fixture
def api(settings: Settings) -> Iterator[Api]:
    api = Api(settings)
    yield api
    api.stop()


class Terminal:
    """A terminal of 24 lines that a command runs on."""

    def __init__(self, *command: str) -> None:
        self._leader, follower = pty.openpty()
        environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "24"}
        environment.pop("NO_COLOR", None)
        self.process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, env=environment)
        os.close(follower)
        self._bytes = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        with suppress(OSError):  # the other end is closed
            while chunk := os.read(self._leader, 65536):
                self._bytes += chunk

    @property
    def output(self) -> str:
        """What was written to it so far."""
        return self._bytes.decode(errors="replace")

    def close(self) -> None:
        """End the command; all that it wrote is then in the output."""
        if self._reader.is_alive() or self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join()
        if self._leader >= 0:
            os.close(self._leader)
            self._leader = -1


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """Runs commands on terminals."""
    terminals: list[Terminal] = []

    def run(*command: str) -> Terminal:
        terminals.append(Terminal(*command))
        return terminals[-1]

    yield run
    for terminal in terminals:
        terminal.close()
