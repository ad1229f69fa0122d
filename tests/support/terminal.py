"""A pseudo-terminal for commands."""

import os
import pty
import subprocess
import threading
from contextlib import suppress


class Terminal:
    """Terminal of 24 lines in which a command runs."""

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
        """Return the output so far."""
        return self._bytes.decode(errors="replace")

    def type(self, text: str) -> None:
        """Send text as if it was typed."""
        os.write(self._leader, text.encode())

    def close(self) -> None:
        """Kill the command if it still runs, and read the rest of its output."""
        if self._reader.is_alive() or self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join()
        if self._leader >= 0:
            os.close(self._leader)
            self._leader = -1
