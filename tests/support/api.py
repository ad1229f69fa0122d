"""The API on a real socket, in a thread of the test process or in a separate process."""

import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from api.limits import Limits
from api.server import Server
from noisesweep.local.launcher import LOOPBACK, free_port
from shared.settings import Settings
from tests.support.concurrency import NO_LIMITS
from tests.support.waiting import wait_until


def is_ready(url: str) -> bool:
    """Return whether an API responds at the URL and can reach its store."""
    try:
        return httpx.get(f"{url}/readyz", trust_env=False).is_success
    except httpx.TransportError:
        return False


class ApiThread:
    """API in a thread, on a free port of loopback. It can be stopped and restarted at the same address.

    Attributes:
        http: A client of this API.
    """

    def __init__(self, settings: Settings, limits: Limits | None = None) -> None:
        self._settings = settings.model_copy(update={"port": free_port()})
        self._limits = limits or Limits()
        self.url = f"http://{LOOPBACK}:{self._settings.port}"
        self.http = httpx.Client(base_url=self.url, timeout=30, limits=NO_LIMITS)
        self.start()

    def connect(self) -> socket.socket:
        """Return a new connection."""
        return socket.create_connection((LOOPBACK, self._settings.port), timeout=30)

    @property
    def has_open_requests(self) -> bool:
        """Return whether the API is at work on a request."""
        return bool(self._server.server_state.tasks)

    def start(self) -> None:
        self._server = Server(self._settings, self._limits)
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        wait_until(lambda: self._server.started)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()

    def close(self) -> None:
        self.http.close()
        self.stop()


class ApiProcess:
    """API in a separate process, with its output in a file. It can be stopped and restarted.

    Args:
        environment: The complete environment; host and port are added.
        log: File for the output.
        host: The address to bind to.
        port: The port to bind to; a free one if None.
        program: Folder with another version of the program; None runs this version.
        command_prefix: Command that runs another command, for example `ip netns exec NAME`.

    Attributes:
        http: A client of this API.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        log: Path,
        *,
        host: str = LOOPBACK,
        port: int | None = None,
        program: Path | None = None,
        command_prefix: Sequence[str] = (),
    ) -> None:
        port = port or free_port()
        self.url = f"http://{host}:{port}"
        self.log = log
        self.http = httpx.Client(base_url=self.url, timeout=30, limits=NO_LIMITS, trust_env=False)
        self._environment = {**environment, "NOISESWEEP_HOST": host, "NOISESWEEP_PORT": str(port)}
        self._command = [*command_prefix, sys.executable, "-m", "api"]
        self._program = program
        self.start()

    def start(self) -> None:
        """Start the process without waiting until it is ready."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                cwd=self._program,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        """Wait until the API and its store respond. Fail with the output if the process ends first."""
        wait_until(self._is_ready, seconds=60)

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)

    def close(self) -> None:
        self.http.close()
        self.stop()

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, self.log.read_text(errors="replace")
        return is_ready(self.url)
