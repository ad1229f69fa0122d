import os
import re
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest

from noisesweep.local.launcher import free_port, halve_if_long
from tests.support.command_line import CommandLine
from tests.support.commands import command
from tests.support.old_redis import write_redis_server_double
from tests.support.old_store import write_schema_1
from tests.support.redis_server import RedisServer
from tests.support.terminal import Terminal
from tests.support.waiting import wait_until

LONG_SWEEP = {"scales": [0.5], "epochs": 200, "dataset": "digits", "batch_size": 8, "hidden_units": [64]}
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


def wait_until_ready(port: int) -> None:
    wait_until(lambda: is_ready(port), seconds=60)


def test_up_stops_all_processes_on_ctrl_c(command_line: CommandLine, tmp_path: Path) -> None:
    write_conflicting_modules(tmp_path)
    port = free_port()
    process = start_up(command_line, port)
    assert process.stdout
    assert process.stdout.readline() == "noisesweep is running. Press Ctrl-C to stop it.\n"
    assert process.stdout.readline() == f"Log: the data/{port}.log\n"
    assert process.stdout.readline() == f"http://127.0.0.1:{port}/ui\n"
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
    assert output == "noisesweep has stopped.\n"
    assert command_line.processes() == []
    log = tmp_path / "the data" / f"{port}.log"
    assert "Started server process" in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_verbose_up_prints_the_log(command_line: CommandLine, tmp_path: Path) -> None:
    port = free_port()
    up = command_line.start("up", "--port", str(port), "--data", "the data", "--workers", "1", "--verbose")
    wait_until_ready(port)
    up.send_signal(signal.SIGINT)
    output, _ = up.communicate(timeout=60)
    assert "Started server process" in output
    assert not list((tmp_path / "the data").glob("*.log"))


def test_enter_opens_the_page_on_a_terminal(tmp_path: Path, terminal: Callable[..., Terminal]) -> None:
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f"#!/bin/sh\necho $1 >> '{opened}'\n")
    browser.chmod(0o700)
    port = free_port()
    arguments = ["up", "--port", str(port), "--data", str(tmp_path / "data"), "--workers", "1"]
    screen = terminal(*command(*arguments), BROWSER=f"{browser} %s")
    wait_until(lambda: "/ui" in screen.output, seconds=60)
    lines = screen.output.split("\r\n")
    assert lines[-3:] == ["Press Enter to open this page in the browser:", f"http://127.0.0.1:{port}/ui", ""]
    assert not opened.exists()
    screen.type("\n")
    wait_until(opened.exists)
    screen.process.send_signal(signal.SIGINT)
    assert screen.process.wait(60) == 0
    assert opened.read_text() == f"http://127.0.0.1:{port}/ui\n"


def test_long_log_loses_its_first_half(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("ab") as file:
        file.writelines(b"line %03d\n" % number for number in range(100))
        file.flush()
        halve_if_long(log, max_bytes=900)
        assert len(log.read_bytes().splitlines()) == 100
        halve_if_long(log, max_bytes=899)
        file.write(b"the end\n")
    assert log.read_bytes().splitlines() == [*(b"line %03d" % number for number in range(51, 100)), b"the end"]


def test_sweeps_survive_a_restart(command_line: CommandLine) -> None:
    port = free_port()
    process = start_up(command_line, port)
    wait_until_ready(port)
    body = {"scales": [0.1], "epochs": 1, "dataset": "digits", "hidden_units": [8]}
    location = httpx.post(f"http://127.0.0.1:{port}/sweeps", json=body).headers["Location"]
    process.kill()
    process.wait()
    wait_until(lambda: not command_line.processes())
    start_up(command_line, port)
    wait_until_ready(port)
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
    wait_until_ready(port)
    second = start_up(command_line, free_port())
    output, _ = second.communicate(timeout=60)
    assert second.returncode == 1
    assert "The data folder the data is in use by another noisesweep process" in " ".join(output.split())
    assert is_ready(port)


def find(command_line: CommandLine, command: str) -> psutil.Process:
    """Return the process whose command line contains a text; of a parent and its children, return the parent."""
    found = [process for process in command_line.processes() if command in " ".join(process.cmdline())]
    return next(process for process in found if process.ppid() not in {other.pid for other in found})


PARTS = {"store": "-server 127.0.0.1", "API": "-m api", "worker": "-m worker"}


@pytest.mark.parametrize("name", PARTS)
def test_killed_part_is_started_again_and_the_sweep_continues(command_line: CommandLine, name: str) -> None:
    port = free_port()
    up = start_up(command_line, port)
    wait_until_ready(port)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
        sweep = http.post("/sweeps", json=LONG_SWEEP).headers["Location"]

        def epochs_done() -> int:
            try:
                answer = http.get(sweep)
            except httpx.TransportError:
                return 0
            return int(answer.json()["progress"]["epochs_done"]) if answer.is_success else 0

        wait_until(lambda: epochs_done() > 0, seconds=60)
        killed = find(command_line, PARTS[name])
        children = killed.children()
        before = epochs_done()
        killed.kill()
        wait_until(lambda: not any(child.is_running() for child in children), seconds=60)
        wait_until(lambda: epochs_done() > before, seconds=60)
        assert http.get(sweep).json()["status"] == "running"
    assert find(command_line, PARTS[name]).pid != killed.pid
    up.send_signal(signal.SIGINT)
    output, _ = up.communicate(timeout=60)
    assert f"noisesweep: The {name} stopped unexpectedly: killed by SIGKILL. It starts again in" in output
    assert up.returncode == 0
    assert command_line.processes() == []


def test_part_that_cannot_be_started_again_ends_the_service(command_line: CommandLine, tmp_path: Path) -> None:
    port = free_port()
    up = start_up(command_line, port)
    wait_until_ready(port)
    (tmp_path / "the data" / "store.conf").write_text("not a setting\n")
    find(command_line, PARTS["store"]).kill()
    output, _ = up.communicate(timeout=120)
    assert up.returncode == 1
    # Fewer starts are tried if the launcher has not noticed yet that the service is ready. test_parts.py counts them.
    assert "noisesweep: The store could not be started: exit code 1. Failed starts: " in output
    assert command_line.processes() == []


def test_part_that_does_not_start_is_reported_at_once(command_line: CommandLine) -> None:
    up = command_line.start("up", "--port", str(free_port()), "--data", "the data", NOISESWEEP_LEASE_SECONDS="-1")
    output, _ = up.communicate(timeout=60)
    assert up.returncode == 1
    assert "NOISESWEEP_LEASE_SECONDS" in output
    assert "could not be started: exit code 1. Failed starts: 1." in output
    assert command_line.processes() == []


def test_data_folder_of_an_older_version_is_refused_and_kept(command_line: CommandLine, tmp_path: Path) -> None:
    (folder := tmp_path / "the data").mkdir()
    old = RedisServer(folder, durable=True)
    write_schema_1(old.client)
    keys = set(old.client.keys())
    old.close()
    up = start_up(command_line, free_port())
    output, _ = up.communicate(timeout=60)
    assert up.returncode == 1
    *_, last = output.splitlines()
    assert last.startswith("noisesweep: The data folder the data contains sweeps of an older version of noisesweep")
    assert "choose another --data, or move this folder away" in last
    assert command_line.processes() == []
    old = RedisServer(folder, durable=True)
    assert set(old.client.keys()) == keys
    old.close()


@pytest.mark.parametrize("also_launcher", [False, True])
def test_killed_leader_of_the_process_group_leaves_no_processes(
    command_line: CommandLine,
    also_launcher: bool,
) -> None:
    port = free_port()
    up = start_up(command_line, port)
    wait_until_ready(port)
    store = find(command_line, PARTS["store"])
    find(command_line, "noisesweep.local.process_group").kill()
    if also_launcher:
        wait_until(lambda: not store.is_running())  # the launcher has noticed
        up.kill()
    output, _ = up.communicate(timeout=60)
    if not also_launcher:
        assert up.returncode == 1
        assert "The leader of the service's process group was killed" in output
    wait_until(lambda: not command_line.processes())


def test_old_redis_server_on_the_path_is_skipped(command_line: CommandLine, tmp_path: Path) -> None:
    port = free_port()
    program = write_redis_server_double(tmp_path / "bin")
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    up = command_line.start("up", "--port", str(port), "--data", "the data", "--workers", "1", PATH=path)
    wait_until_ready(port)
    assert "valkey" in find(command_line, PARTS["store"]).exe()
    up.send_signal(signal.SIGINT)
    output, _ = up.communicate(timeout=60)
    expected = f"Skipped {program}: expected Redis 7.0 or newer, or Valkey, received Redis 6.2.14. Using /"
    assert f"noisesweep: {expected}" in output
