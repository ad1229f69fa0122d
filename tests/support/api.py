"""The API over a real socket: in a thread of the tests, or in a process of its own."""

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
from tests.support.waiting import wait_until

ALWAYS_RECOUNT = Limits(recount_seconds=-1)


def is_ready(url: str) -> bool:
    """Return whether an API answers at the URL and reaches its store."""
    try:
        return httpx.get(f"{url}/readyz", trust_env=False).is_success
    except httpx.TransportError:
        return False


class Served:
    """The API on a free port of loopback, in a thread. It can be stopped and started again at the same address.

    A queue that was full in one test may be empty in the next, so by default it is always counted again.

    Attributes:
        http: A client of it.
    """

    def __init__(self, settings: Settings, limits: Limits = ALWAYS_RECOUNT) -> None:
        self._settings = settings.model_copy(update={"port": free_port()})
        self._limits = limits
        self.url = f"http://{LOOPBACK}:{self._settings.port}"
        self.http = httpx.Client(base_url=self.url, timeout=10)
        self.start()

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
    """The API in a process of its own, with its output in a file. It can be stopped and started again.

    Args:
        environment: Its environment, whole; the address is added.
        log: Takes what it prints.
        host: The address that it binds.
        port: A free one if None.
        program: A folder with another version of the program; this one if None.
        within: A command that runs its command, as `ip netns exec` does.

    Attributes:
        http: A client of it.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        log: Path,
        *,
        host: str = LOOPBACK,
        port: int | None = None,
        program: Path | None = None,
        within: Sequence[str] = (),
    ) -> None:
        port = port or free_port()
        self.url = f"http://{host}:{port}"
        self.log = log
        self.http = httpx.Client(base_url=self.url, timeout=30, trust_env=False)
        self._environment = {**environment, "NOISESWEEP_HOST": host, "NOISESWEEP_PORT": str(port)}
        self._command = [*within, sys.executable, "-m", "api"]
        self._program = program
        self.start()

    def start(self) -> None:
        """Start it, without waiting until it answers."""
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
        """Return when it answers and its store does; fail with its output if it ends before."""
        wait_until(self._is_ready, seconds=60)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)

    def close(self) -> None:
        self.http.close()
        self.stop()

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, self.log.read_text(errors="replace")
        return is_ready(self.url)
