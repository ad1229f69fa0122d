"""Text from other people in the output of the command line."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from noisesweep import NoiseSweep
from noisesweep.local.launcher import LOOPBACK
from noisesweep.models import RunStatus
from tests.support.commands import SERVICE_COMMANDS
from tests.support.records import SWEEP_ID, run_summary, sweep_of
from tests.support.terminal import Terminal

# Writes to the clipboard, changes the colour (8-bit form), changes the direction, forges a line; rich would replace the
# rest by an emoji and a style.
HOSTILE = "\x1b]52;c;cm0gLXJm\x07\x9b31m\u202e\u2028x\r\nforged\x7f :skull: [red]"
SHOWN = r"\x1b]52;c;cm0gLXJm\x07\x9b31m\u202e\u2028x\r\nforged\x7f :skull: [red]"
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e]")
ARGUMENTS = {
    "submit": ["--scales", "1"], "noise": ["--out", "noise.svg"], "extend": [SWEEP_ID, "--seeds", "1"],
    "rename": [SWEEP_ID, "week 4"], "tag": [SWEEP_ID, "b:c"], "delete": [SWEEP_ID, "--yes"],
    "transfer": [SWEEP_ID, SWEEP_ID], "run": [f"{SWEEP_ID}-0"], "model": [f"{SWEEP_ID}-0"],
    "list": [], "workers": [], "queue": [],
}  # fmt: skip


class HostileService(BaseHTTPRequestHandler):
    """Service that puts the same text into every field that may contain foreign text."""

    def __init__(self, text: str, *arguments: Any) -> None:
        self.text = text
        super().__init__(*arguments)

    def sweep(self) -> dict[str, Any]:
        sweep = sweep_of([run_summary(0, 1.0, RunStatus.FAILED)]).model_dump(mode="json")
        sweep["runs"][0] |= {"worker": self.text, "error": {"code": "failed", "message": self.text}}
        return sweep | {"name": self.text, "tags": {"a": self.text}, "status_detail": self.text}

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        answers = {
            "/sweeps": {"sweeps": [self.sweep()], "next": None},
            f"/sweeps/{SWEEP_ID}": self.sweep(),
            f"/sweeps/{SWEEP_ID}/summary": {
                "sweep_id": SWEEP_ID, "sentence": self.text, "scales": [], "area": None, "half_way": None,
                "efficiency": None, "method": self.text, "remarks": [self.text],
            },
        }  # fmt: skip
        run = self.sweep()["runs"][0]
        answers[f"/runs/{SWEEP_ID}-0"] = run | {
            "sweep_id": SWEEP_ID, "sweep_version": 1, "config": self.sweep()["config"], "status_detail": self.text,
            "epochs": [], "evaluation": None,
        }  # fmt: skip
        profile = dict.fromkeys(("name", "host", "version", "device", "device_reason"), self.text)
        times = dict.fromkeys(("started_at", "last_seen_at"), "2026-01-01T00:00:00Z")
        answers["/workers"] = {
            "workers": [{**profile, **times, "processes": 1, "stack": 1, "alive": True, "current_runs": []}]
        }
        waiting = {"id": SWEEP_ID, "name": self.text, "queued_runs": 1, "runs_before": 0, "expected_wait_seconds": None}
        counts = {"queued_runs": 1, "running_runs": 0, "oldest_wait_seconds": 1.0, "runs_per_minute": 0.0}
        answers["/queue"] = counts | {"own": [waiting | {"link": f"/sweeps/{SWEEP_ID}"}]}
        if path in answers:
            self.answer(200, answers[path])
        else:
            self.refuse()

    def do_POST(self) -> None:
        if self.path.endswith(("/cancel", "/retry")):
            self.answer(200, self.sweep())
        else:
            self.refuse()

    def do_PATCH(self) -> None:
        self.answer(200, self.sweep())

    def do_DELETE(self) -> None:
        self.refuse(409)

    def refuse(self, status: int = 404) -> None:
        self.answer(
            status, {"type": "/problems/x", "title": "x", "status": status, "detail": self.text, "instance": "/"}
        )

    def answer(self, status: int, document: dict[str, Any]) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", '"1"')
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *_: Any) -> None:  # noqa: A002 - the signature of the base class
        pass


@pytest.fixture
def service_with() -> Iterator[Callable[[str], str]]:
    """Yield a function that starts a service with this text and returns its URL."""
    servers: list[ThreadingHTTPServer] = []

    def start(text: str) -> str:
        server = ThreadingHTTPServer((LOOPBACK, 0), partial(HostileService, text))
        servers.append(server)
        threading.Thread(target=server.serve_forever).start()
        return f"http://{LOOPBACK}:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def run(url: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "noisesweep", *arguments, "--url", url]
    return subprocess.run(command, capture_output=True, env=os.environ | environment, timeout=60, check=False)


@pytest.mark.parametrize("name", [name for name in SERVICE_COMMANDS if name != "open"])  # it prints no foreign text
def test_no_command_prints_control_characters(service_with: Callable[[str], str], name: str) -> None:
    result = run(service_with(HOSTILE), name, *ARGUMENTS.get(name, [SWEEP_ID]), COLUMNS="600")
    output = (result.stdout + result.stderr).decode()
    assert not CONTROL.search(output)
    assert SHOWN in output
    assert b"Traceback" not in result.stderr


@pytest.mark.parametrize("name", ["list", "show", "watch", "cancel"])
def test_json_contains_the_text_without_control_characters(service_with: Callable[[str], str], name: str) -> None:
    result = run(service_with(HOSTILE), name, *([] if name == "list" else [SWEEP_ID]), "--json")
    output = (result.stdout + result.stderr).decode("ascii")
    assert not CONTROL.search(output)
    if name != "watch":
        assert SHOWN.encode("unicode_escape").decode() in output


@pytest.mark.parametrize("name", ["list", "show", "watch", "results"])
def test_terminal_receives_no_escape_sequence_of_other_people(
    service_with: Callable[[str], str], terminal: Callable[..., Terminal], name: str
) -> None:
    url = service_with(HOSTILE)
    command = [name, *([] if name == "list" else [SWEEP_ID]), "--url", url]
    screen = terminal(sys.executable, "-m", "noisesweep", *command)
    screen.process.wait(60)
    screen.close()
    for forbidden in ("\x1b]52", "\x07", "\x9b", "\u202e", "\u2028", "\x7f"):
        assert forbidden not in screen.output
    assert ":skull:" in screen.output
    assert "[red]" in screen.output


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize("name", ["list", "watch", "results"])
def test_missing_characters_of_the_encoding_are_replaced(
    service_with: Callable[[str], str], encoding: str, name: str
) -> None:
    arguments = [name, *([] if name == "list" else [SWEEP_ID])]
    result = run(service_with("漢字 😀"), *arguments, PYTHONIOENCODING=encoding)
    assert b"?? ?" in result.stdout + result.stderr
    assert b"Traceback" not in result.stderr


def test_json_is_complete_in_every_encoding(service_with: Callable[[str], str]) -> None:
    result = run(service_with("漢字 😀"), "show", SWEEP_ID, "--json", PYTHONIOENCODING="ascii")
    assert json.loads(result.stdout)["name"] == "漢字 😀"


@pytest.mark.parametrize("arguments", [["--help"], ["doctor"], ["key", "alice"]])
def test_other_commands_print_in_ascii(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "noisesweep", *arguments]
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "FORCE_COLOR": "1", "TERM": "xterm"}
    result = subprocess.run(command, capture_output=True, env=environment, timeout=60, check=False)
    assert b"Traceback" not in result.stderr
    assert result.stdout.isascii()
    assert result.stdout


def test_representation_of_a_sweep_has_no_control_characters(service_with: Callable[[str], str]) -> None:
    with NoiseSweep(service_with(HOSTILE)) as service:
        assert not CONTROL.search(repr(service.sweep(SWEEP_ID)))
        assert SHOWN in repr(service.sweep(SWEEP_ID))


def test_path_that_is_not_unicode_is_printed(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/\xff\x1b"
    command = [os.fsencode(sys.executable), b"-m", b"noisesweep", b"plot", b"last", b"--out", folder + b"/x.png"]
    result = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert b"Traceback" not in result.stderr
    assert rb"\udcff\x1b does not exist" in result.stderr
