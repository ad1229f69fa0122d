"""`python -m noisesweep.local.process_group`: stop all service processes when the launcher ends.

This process leads the process group of the services. Its standard input is a pipe from the launcher. The pipe closes
when the launcher ends, even after kill -9. This process then sends SIGTERM to the group, and SIGKILL after
GRACE_SECONDS.

No service process can escape. A new process joins the group before exec. It also inherits the launcher's end of the
pipe, which closes only at exec, so the group is not stopped before the new process is a member.
"""

import os
import signal
import sys
import time

import psutil

GRACE_SECONDS = 10.0


def main() -> None:
    """Report that the group exists, wait until the launcher ends, and stop the group."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # this process is a member of the group
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
    """Return True if the group has members besides this process."""
    return any(pid != os.getpid() and _group(pid) == os.getpgid(0) for pid in psutil.pids())


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except (ProcessLookupError, PermissionError):
        return None  # the process has ended or belongs to another user


if __name__ == "__main__":
    main()
