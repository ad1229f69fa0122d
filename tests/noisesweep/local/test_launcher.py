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

PACKAGES = ("api", "client", "shared", "worker")


def write_conflicting_modules(folder: Path) -> None:
    """Write modules with the names of our present and former packages, which must not be imported."""
    for package in PACKAGES:
        (folder / f"{package}.py").write_text("raise SystemExit(f'imported {__file__}')")


def start_up(command_line: CommandLine, port: int, data: str = "the data") -> subprocess.Popen[str]:
    """Start `noisesweep up`."""
    return command_line.start("up", "--port", str(port), "--data", data, "--workers", "1")


def is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").is_success
    except httpx.TransportError:
        return False


def test_up_stops_all_processes_on_ctrl_c(command_line: CommandLine, tmp_path: Path) -> None:
    write_conflicting_modules(tmp_path)
    port = free_port()
    process = start_up(command_line, port)
    assert process.stdout
    assert any("noisesweep is running at" in line for line in iter(process.stdout.readline, ""))
    assert is_ready(port)
    commands = [" ".join(service.cmdline()) for service in command_line.processes()]
    for expected in ("-server 127.0.0.1", "-m api", "-m worker", "noisesweep.local.process_group"):
        assert any(expected in command for command in commands), commands
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


def test_sweeps_survive_a_restart(command_line: CommandLine) -> None:
    port = free_port()
    process = start_up(command_line, port)
    wait_until(lambda: is_ready(port))
    body = {"scales": [0.1], "epochs": 1, "dataset": "digits", "hidden_units": [8]}
    location = httpx.post(f"http://127.0.0.1:{port}/sweeps", json=body).headers["Location"]
    process.kill()
    process.wait()
    wait_until(lambda: not command_line.processes())
    start_up(command_line, port)
    wait_until(lambda: is_ready(port))
    assert httpx.get(f"http://127.0.0.1:{port}{location}").is_success


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
@pytest.mark.parametrize("after_seconds", [0.0, 0.6, 1.2])
def test_killed_launcher_leaves_no_processes(
    command_line: CommandLine, number: signal.Signals, after_seconds: float
) -> None:
    process = start_up(command_line, free_port())
    wait_until(lambda: len(command_line.processes()) > 1 or process.poll() is not None)
    time.sleep(after_seconds)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode in (-number, 128 + number)
    wait_until(lambda: not command_line.processes())


def test_port_in_use_is_reported_before_anything_starts(command_line: CommandLine) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        process = start_up(command_line, port)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert (
        output == f"noisesweep: Port {port} on 127.0.0.1 is not available (Address already in use): "
        "choose another --port.\n"
    )


def test_data_folder_in_use_is_rejected(command_line: CommandLine) -> None:
    port = free_port()
    start_up(command_line, port)
    wait_until(lambda: is_ready(port))
    second = start_up(command_line, free_port())
    output, _ = second.communicate(timeout=60)
    assert second.returncode == 1
    assert "The data folder the data is in use by another noisesweep process" in " ".join(output.split())
    assert is_ready(port)


def test_crash_of_one_process_stops_the_service(command_line: CommandLine) -> None:
    port = free_port()
    process = start_up(command_line, port)
    wait_until(lambda: is_ready(port))
    (store,) = (service for service in command_line.processes() if "-server" in service.name())
    store.kill()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "noisesweep: The store stopped unexpectedly with exit code -9" in output
    assert command_line.processes() == []
