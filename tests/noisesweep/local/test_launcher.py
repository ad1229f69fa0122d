import re
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from noisesweep.local.launcher import free_port
from tests.support.command_line import CommandLine
from tests.support.waiting import wait_until

ROOMS = ("api", "client", "shared", "worker")


def write_namesakes(folder: Path) -> None:
    """Write files of a user's own, named as our packages are or were, which must not be imported."""
    for room in ROOMS:
        (folder / f"{room}.py").write_text("raise SystemExit(f'imported {__file__}')")


def up(command_line: CommandLine, port: int, data: str = "the data") -> subprocess.Popen[str]:
    return command_line.start("up", "--port", str(port), "--data", data, "--workers", "1")


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").is_success
    except httpx.TransportError:
        return False


def test_up_serves_until_ctrl_c_and_then_stops_all_it_started(command_line: CommandLine, tmp_path: Path) -> None:
    write_namesakes(tmp_path)
    port = free_port()
    process = up(command_line, port)
    assert process.stdout
    assert any("noisesweep is up" in line for line in iter(process.stdout.readline, ""))
    assert answers(port)
    commands = [" ".join(service.cmdline()) for service in command_line.processes()]
    for part in ("-server 127.0.0.1", "-m api", "-m worker", "noisesweep.local.process_group"):
        assert any(part in command for command in commands), commands
    config = tmp_path / "the data" / "store.conf"
    password = re.search("requirepass (.+)", config.read_text())
    assert password
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert not any(password[1] in command for command in commands)

    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "noisesweep has stopped" in output
    assert command_line.processes() == []


def test_sweeps_are_still_there_after_a_restart(command_line: CommandLine) -> None:
    port = free_port()
    process = up(command_line, port)
    wait_until(lambda: answers(port))
    body = {"scales": [0.1], "epochs": 1, "dataset": "digits", "hidden_units": [8]}
    location = httpx.post(f"http://127.0.0.1:{port}/sweeps", json=body).headers["Location"]
    process.kill()
    process.wait()
    wait_until(lambda: not command_line.processes())
    up(command_line, port)
    wait_until(lambda: answers(port))
    assert httpx.get(f"http://127.0.0.1:{port}{location}").is_success


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
@pytest.mark.parametrize("after_seconds", [0.0, 0.6, 1.2])
def test_killed_halfway_through_starting_it_leaves_nothing_behind(
    command_line: CommandLine, number: signal.Signals, after_seconds: float
) -> None:
    process = up(command_line, free_port())
    wait_until(lambda: len(command_line.processes()) > 1 or process.poll() is not None)
    time.sleep(after_seconds)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode in (-number, 128 + number)
    wait_until(lambda: not command_line.processes())


def test_a_taken_port_is_named_before_anything_starts(command_line: CommandLine) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        process = up(command_line, port)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert (
        output == f"noisesweep: Port {port} of 127.0.0.1 cannot be had (Address already in use): name another --port.\n"
    )


def test_data_in_use_by_another_are_left_alone(command_line: CommandLine) -> None:
    port = free_port()
    up(command_line, port)
    wait_until(lambda: answers(port))
    second = up(command_line, free_port())
    output, _ = second.communicate(timeout=60)
    assert second.returncode == 1
    assert "noisesweep: the data is in use by another noisesweep: stop it, or name another --data." in output
    assert answers(port)


def test_when_a_part_ends_by_itself_the_rest_is_stopped_and_the_part_named(command_line: CommandLine) -> None:
    port = free_port()
    process = up(command_line, port)
    wait_until(lambda: answers(port))
    (store,) = (service for service in command_line.processes() if "-server" in service.name())
    store.kill()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "noisesweep: The store ended by itself, with exit code -9" in output
    assert command_line.processes() == []
