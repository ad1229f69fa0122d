import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.conftest import wait_until


class CommandLine:
    """Runs `noisesweep` with an environment by which every process it starts is known."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._mark = str(uuid.uuid4())
        self._environment = os.environ | {"NOISESWEEP_TEST_MARK": self._mark, "NO_COLOR": "1", "COLUMNS": "120"}
        self._environment["TMPDIR"] = str(folder)
        self._environment.pop("NOISESWEEP_REDIS_URL", None)
        self._started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str, data_dir: Path | None = None) -> subprocess.Popen[str]:
        environment = self._environment | ({"NOISESWEEP_DATA_DIR": str(data_dir)} if data_dir else {})
        process = subprocess.Popen(
            [sys.executable, "-m", "client", *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._started.append(process)
        return process

    def processes(self) -> list[psutil.Process]:
        """What this command line started that is still there, the commands themselves included."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            # The store writes its title over its environment, but works in a folder of ours.
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


@pytest.fixture
def command_line(tmp_path: Path) -> Iterator[CommandLine]:
    # As in a terminal, also where these tests run under nohup: children inherit what is ignored.
    hang_up = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    command_line = CommandLine(tmp_path)
    yield command_line
    command_line.close()
    signal.signal(signal.SIGHUP, hang_up)
