"""A worker whose processes tests can stop and kill."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil


class Worker:
    """Worker in separate processes, with its output in a file.

    Args:
        environment: The complete environment.
        log: File to which the output is appended.
        processes: Number of training processes.
        program: Folder with another version of the program; None runs this version.
        command_prefix: Command that runs another command, for example `ip netns exec NAME`.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        log: Path,
        processes: int = 2,
        program: Path | None = None,
        command_prefix: Sequence[str] = (),
    ) -> None:
        self.log = log
        command = [*command_prefix, sys.executable, "-m", "worker", "--concurrency", str(processes)]
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
        """Return the running processes of the worker's process group."""
        group = []
        for process in psutil.process_iter():
            try:
                if os.getpgid(process.pid) == self.main.pid and process.status() != psutil.STATUS_ZOMBIE:
                    group.append(process)
            except (ProcessLookupError, psutil.NoSuchProcess):
                pass  # the process has just ended
        return group

    def terminate(self) -> int:
        """Stop the worker with SIGTERM and return its exit code."""
        self.main.terminate()
        return int(self.main.wait(timeout=30))

    def close(self) -> None:
        for process in self.everything():
            process.kill()
        self.main.wait()
