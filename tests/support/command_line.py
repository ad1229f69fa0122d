"""The command line in separate processes, which a test can find with all their children."""

import os
import subprocess
import sys
import uuid
from pathlib import Path

import psutil

from tests.support.waiting import wait_until


class CommandLine:
    """Runner for `noisesweep` that marks all its processes with an environment variable."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._mark = str(uuid.uuid4())
        self._environment = os.environ | {"NOISESWEEP_TEST_MARK": self._mark, "NO_COLOR": "1", "COLUMNS": "120"}
        self._environment["TMPDIR"] = str(folder)
        self._environment.pop("NOISESWEEP_REDIS_URL", None)
        self._started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str, data_dir: Path | None = None, **variables: str) -> subprocess.Popen[str]:
        """Start a command with these additional environment variables."""
        environment = self._environment | variables | ({"NOISESWEEP_DATA_DIR": str(data_dir)} if data_dir else {})
        process = subprocess.Popen(
            [sys.executable, "-m", "noisesweep", *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._started.append(process)
        return process

    def processes(self) -> list[psutil.Process]:
        """Return the running processes of the commands and of everything that they started."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            # Redis overwrites its environment with a process title, but its working directory is below our folder.
            return (
                process.environ().get("NOISESWEEP_TEST_MARK") == self._mark
                or self.folder in Path(process.cwd()).parents
            )
        except psutil.Error:
            return False

    def close(self) -> None:
        for process in self._started:
            process.kill()
            process.communicate()
        wait_until(lambda: not self.processes())
