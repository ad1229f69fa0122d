"""`python -m client.keeper`: leads the process group of the launcher's services, and ends it when the launcher ends.

The launcher holds the other end of this process's standard input. Whatever becomes of the launcher, kill -9 included,
that end closes; then every process of the group gets SIGTERM, and after a grace SIGKILL. Services join the group
before they run their first instruction, so there is no moment at which one of them could be left behind.
"""

import os
import signal
import sys
from collections.abc import Iterator

import psutil

GRACE_SECONDS = 10.0


def main() -> None:
    """Say that the group is there, wait for the launcher to let go, end the group."""
    os.setpgid(0, 0)
    # The terminal's Ctrl-C and a polite kill are the launcher's to act on.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.stdout.write("ready\n")
    sys.stdout.close()
    sys.stdin.buffer.read()
    services = list(members(os.getpgid(0)))
    for service in services:
        _signal(service, signal.SIGTERM)
    psutil.wait_procs(services, timeout=GRACE_SECONDS)
    for service in members(os.getpgid(0)):
        _signal(service, signal.SIGKILL)


def members(group: int) -> Iterator[psutil.Process]:
    """The processes of a group, but for the one that asks."""
    for pid in psutil.pids():
        try:
            if pid != os.getpid() and os.getpgid(pid) == group:
                yield psutil.Process(pid)
        except (ProcessLookupError, PermissionError, psutil.NoSuchProcess):
            continue  # it ended meanwhile, or is another user's


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


if __name__ == "__main__":
    main()
