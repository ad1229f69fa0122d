import signal
import subprocess
from collections.abc import Callable, Iterator

import pytest

from noisesweep.local.errors import LaunchError
from noisesweep.local.parts import Part
from tests.support.waiting import wait_until

Spawn = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    """Yield a function that runs a shell script; kill all its processes at the end."""
    processes: list[subprocess.Popen[bytes]] = []

    def run(script: str) -> subprocess.Popen[bytes]:
        processes.append(subprocess.Popen(["/bin/sh", "-c", script]))
        return processes[-1]

    yield run
    for process in processes:
        process.kill()
        process.wait()


def keep_running(part: Part, say: Callable[[str], object], attempts: int) -> subprocess.Popen[bytes]:
    """Supervise the part once and return its process."""
    part.keep_running(say, attempts)
    return part.process


def test_pauses_double_until_the_part_cannot_be_started(spawn: Spawn) -> None:
    part = Part("store", lambda: spawn("exit 3"))
    said: list[str] = []
    with pytest.raises(LaunchError, match=r"The store could not be started: exit code 3. Failed starts: 3\."):
        wait_until(lambda: keep_running(part, said.append, 3) is None)
    assert said == [f"The store stopped unexpectedly: exit code 3. It starts again in {pause} s." for pause in (0.5, 1)]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_part_has_not_failed_to_start(spawn: Spawn, number: signal.Signals) -> None:
    part = Part("worker", lambda: spawn("exec sleep 60"))
    said: list[str] = []
    for _ in range(2):
        killed = part.process
        killed.send_signal(number)
        killed.wait()
        wait_until(lambda: keep_running(part, said.append, 1) is not killed)  # noqa: B023 - called at once
    assert [message.split(".")[0] for message in said] == [
        f"The worker stopped unexpectedly: killed by {number.name}"
    ] * 2


def test_part_whose_program_has_disappeared_cannot_be_started(spawn: Spawn) -> None:
    starts: list[str] = []

    def start() -> subprocess.Popen[bytes]:
        starts.append("start")
        if len(starts) > 1:
            raise FileNotFoundError(2, "No such file or directory", "redis-server")
        return spawn("kill -9 $$")

    part = Part("store", start)
    with pytest.raises(LaunchError, match=r"No such file or directory: 'redis-server'\. Failed starts: 2"):
        wait_until(lambda: keep_running(part, print, 2) is None)
