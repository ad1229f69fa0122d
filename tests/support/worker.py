"""A worker whose processes a test may stop and kill."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil


class Worker:
    """A worker in processes of its own, with its output in a file.

    Args:
        environment: Its environment, whole.
        log: Takes what its processes print, after what is there.
        processes: How many train at a time.
        program: A folder with another version of the program; this one if None.
        within: A command that runs its command, as `ip netns exec` does.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        log: Path,
        processes: int = 2,
        program: Path | None = None,
        within: Sequence[str] = (),
    ) -> None:
        self.log = log
        command = [*within, sys.executable, "-m", "worker", "--concurrency", str(processes)]
        with log.open("ab") as output:
            self.main = psutil.Popen(
                command, env=environment, cwd=program, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        self.processes = processes

    @property
    def is_running(self) -> bool:
        return self.main.is_running() and self.main.poll() is None

    def training_processes(self) -> list[psutil.Process]:
        return [child for child in self.main.children() if child.status() != psutil.STATUS_ZOMBIE]

    def everything(self) -> list[psutil.Process]:
        """Return the processes of its group that have not ended."""
        group = []
        for process in psutil.process_iter():
            try:
                if os.getpgid(process.pid) == self.main.pid and process.status() != psutil.STATUS_ZOMBIE:
                    group.append(process)
            except (ProcessLookupError, psutil.NoSuchProcess):
                pass  # it ended in between
        return group

    def terminate(self) -> int:
        """Stop it with SIGTERM and return its exit code."""
        self.main.terminate()
        return int(self.main.wait(timeout=30))

    def close(self) -> None:
        for process in self.everything():
            process.kill()
        self.main.wait()
