"""Process group of the service, which always ends with the launcher.

`python -m noisesweep.local.process_group` leads the group. Its standard input is a pipe from the launcher. The pipe
closes when the launcher ends, even after kill -9. The leader then sends SIGTERM to the group, and SIGKILL after
GRACE_SECONDS. The launcher does the same when the leader ends.

No service process can escape. A new process joins the group before exec. It also inherits the launcher's end of the
pipe, which closes only at exec, so the group is not stopped before the new process is a member.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from noisesweep.local.commands import module_command
from noisesweep.local.errors import LaunchError

GRACE_SECONDS = 10.0


class ProcessGroup:
    """Process group as the launcher sees it.

    Attributes:
        id: Id of the group: the process id of its leader.
    """

    def __init__(self, leader: subprocess.Popen[bytes]) -> None:
        self._leader = leader
        self.id = leader.pid

    def raise_if_ended(self) -> None:
        """Send SIGTERM to the group and raise LaunchError if its leader has ended.

        The signal comes first, so that the group ends even if the launcher is killed next.
        """
        if self._leader.poll() is not None:
            self.signal(signal.SIGTERM)
            raise LaunchError(
                "The leader of the service's process group was killed. Without it, the service could outlive this "
                "program, so the service was stopped. Start it again."
            )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to all members; do nothing if there are none."""
        with suppress(ProcessLookupError):
            os.killpg(self.id, number)


@contextmanager
def process_group() -> Iterator[ProcessGroup]:
    """Start a process group, and stop it at the end."""
    # Ctrl-C in the terminal must not reach this group, because the launcher stops the processes in order.
    leader = subprocess.Popen(
        module_command("noisesweep.local.process_group"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0
    )
    assert leader.stdin  # noqa: S101 - for mypy
    assert leader.stdout  # noqa: S101 - for mypy
    group = ProcessGroup(leader)
    try:
        if leader.stdout.readline() != b"ready\n":
            raise LaunchError("The leader of the process group did not start.")
        yield group
    finally:
        leader.stdin.close()
        if leader.wait() != 0:
            group.signal(signal.SIGKILL)  # the leader was killed and stops nothing
        leader.stdout.close()


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
