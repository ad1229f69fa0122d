"""Parts of the service (store, API, worker): processes that are started again when they end."""

import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from noisesweep.local.errors import LaunchError

# A part that has run for so long has started.
STEADY_SECONDS = 10.0
# Number of failed starts in a row after which a part of a running service counts as impossible to start.
START_ATTEMPTS = 5
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 30.0
# The pause doubles with every short life. This number of doublings exceeds LONGEST_PAUSE_SECONDS.
MAX_DOUBLINGS = 7
# Exit codes of a part that was stopped by a signal, for example by the kernel because of its memory. Its start has not
# failed.
STOPPED_BY_OTHERS = frozenset({0, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP})


@dataclass
class Part:
    """Process of the service that is started again when it ends.

    Attributes:
        name: Name for messages.
        spawn: Function that starts the process.
        process: The running process, or the last one while the next start is due later.
    """

    name: str
    spawn: Callable[[], subprocess.Popen[bytes]]
    process: subprocess.Popen[bytes] = field(init=False)
    _started_at: float = field(init=False)
    _restart_at: float | None = None
    _short_lives: int = 0
    _failed_starts: int = 0

    def __post_init__(self) -> None:
        self._started_at = time.monotonic()
        self.process = self.spawn()

    def keep_running(self, say: Callable[[str], object], attempts: int = START_ATTEMPTS) -> None:
        """Start the process again if it has ended and the pause is over. The call does not block.

        Raises:
            LaunchError: This number of starts in a row has failed.
        """
        if self._restart_at is None:
            if self.process.poll() is not None:
                failed = self.process.returncode not in STOPPED_BY_OTHERS
                self._plan_restart(self._ending(), say, attempts, failed=failed)
        elif time.monotonic() >= self._restart_at:
            self._started_at, self._restart_at = time.monotonic(), None
            try:
                self.process = self.spawn()
            except OSError as error:
                self._plan_restart(str(error), say, attempts, failed=True)

    def stop(self, timeout_seconds: float) -> None:
        """Stop the process with SIGTERM, and with SIGKILL if it does not end in time."""
        self.process.terminate()
        try:
            self.process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _plan_restart(self, ending: str, say: Callable[[str], object], attempts: int, *, failed: bool) -> None:
        steady = time.monotonic() - self._started_at >= STEADY_SECONDS
        self._failed_starts = self._failed_starts + 1 if failed and not steady else 0
        if self._failed_starts >= attempts:
            raise LaunchError(f"The {self.name} could not be started: {ending}. Failed starts: {self._failed_starts}.")
        self._short_lives = 0 if steady else min(self._short_lives + 1, MAX_DOUBLINGS)
        pause = min(FIRST_PAUSE_SECONDS * 2.0**self._short_lives, LONGEST_PAUSE_SECONDS)
        self._restart_at = time.monotonic() + pause
        say(f"The {self.name} stopped unexpectedly: {ending}. It starts again in {pause:g} s.")

    def _ending(self) -> str:
        code = self.process.returncode
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
