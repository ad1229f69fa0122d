"""A pseudo-terminal for commands."""

import fcntl
import os
import pty
import subprocess
import termios
import threading
from contextlib import suppress


class Terminal:
    """Terminal of 24 lines, with 100 columns by default, in which a command runs."""

    def __init__(self, *command: str, columns: int = 100, **environment: str) -> None:
        self._leader, follower = pty.openpty()
        settings = os.environ | {"TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": "24"} | environment
        settings.pop("NO_COLOR", None)
        # A session of its own, whose terminal this is.
        self.process = subprocess.Popen(
            command,
            stdin=follower,
            stdout=follower,
            stderr=follower,
            env=settings,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - it only makes a system call
        )
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
