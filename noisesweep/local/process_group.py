"""`python -m noisesweep.local.process_group`: lead the group of the services; end it when the launcher ends.

The launcher holds the other end of this process's standard input. Whatever becomes of the launcher, kill -9 included,
that end closes; then every process of the group gets SIGTERM, and after a grace SIGKILL. A service is in the group
before it runs its first instruction, and until then it holds the launcher's end too (both are inherited, the one kept
and the other closed at exec), so there is no moment at which one of them could be left behind.
"""

import os
import signal
import sys
import time

import psutil

GRACE_SECONDS = 10.0


def main() -> None:
    """Say that the group is there, wait for the launcher to let go, end the group."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # this process is in the group that it ends
    sys.stdout.write("ready\n")
    sys.stdout.close()
    sys.stdin.buffer.read()
    os.killpg(0, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while others_in_group() and time.monotonic() < deadline:
        time.sleep(0.05)
    if others_in_group():
        os.killpg(0, signal.SIGKILL)


def others_in_group() -> bool:
    """Whether a process beside this one is in its group."""
    return any(pid != os.getpid() and _group(pid) == os.getpgid(0) for pid in psutil.pids())


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except (ProcessLookupError, PermissionError):
        return None  # it has ended, or is another user's


if __name__ == "__main__":
    main()
