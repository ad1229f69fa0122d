"""Tests of the commands about runs, workers and pages, and of the completion of ids."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from redis import Redis

from noisesweep import NoiseSweep
from noisesweep.models import WorkerProfile
from tests.support.commands import Run, command
from tests.support.terminal import Terminal
from tests.support.training import Training

PROFILE = WorkerProfile(
    name="7@here",
    host="here",
    version="1.2.3",
    device="cpu",
    device_reason="none",
    processes=2,
    stack=1,
    started_at=datetime(2026, 1, 1, tzinfo=UTC),
)


@pytest.fixture
def finished(service: NoiseSweep, training: Training) -> str:
    """Return the id of a finished sweep with models."""
    sweep = service.submit(scales=[0.1, 0.5], dataset="digits", epochs=2, hidden_units=[8], keep_model=True)
    training.epochs(sweep.record.links.self, runs=2, epochs=2, end=True, model=b"PK a model")
    return sweep.id


def test_run_shows_its_epochs_hash_and_links(run: Run, service: NoiseSweep, finished: str) -> None:
    found = service.run(f"{finished}-1")
    shown = run("run", "last-1").stdout
    assert f"Run {finished}-1: succeeded, digits with Gaussian noise of scale 0.5, seed 0" in shown
    rows = [line.split("│")[1:-1] for line in shown.splitlines() if line.startswith("│")]
    assert [[cell.strip() for cell in row[:5]] for row in rows] == [
        [str(at.epoch), *(f"{value:.4f}" for value in (at.loss, at.accuracy, at.val_loss, at.val_accuracy))]
        for at in found.epochs
    ]
    for text in (f"SHA-256 of the weights: {found.weights_sha256}", f"Model: noisesweep model {finished}-1"):
        assert text in shown.splitlines()
    assert f"Page: {service.url}/ui/runs/{finished}-1" in shown
    assert json.loads(run("run", f"{finished[:6]}-1", "--json").stdout) == found.model_dump(mode="json")


def test_queued_run_has_no_table(run: Run, service: NoiseSweep) -> None:
    service.submit(scales=[0.1], dataset="digits")
    shown = run("run", "last-0").stdout
    assert "queued" in shown
    assert "val_loss" not in shown
    assert "Worker:" not in shown


def test_model_is_downloaded(run: Run, finished: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = f"{finished}-0.keras"
    assert run("model", "last-0").stdout.splitlines()[0] == f"Model saved to {path}"
    assert (tmp_path / path).read_bytes() == b"PK a model"
    assert json.loads(run("model", "last-1", "--out", "b.keras", "--json").stdout) == {"model": "b.keras"}
    assert (tmp_path / "b.keras").read_bytes() == b"PK a model"


@pytest.mark.parametrize(("arguments", "message"), [
    (["run", "last"], "expected a run like last-0 or 5f0c6a1e9b3d2748-2, received 'last'"),
    (["run", "last-01"], "expected a run like last-0"),
    (["run", "last-9"], "No run has the id"),
    (["model", "last-0"], "This run's model was not stored"),
])  # fmt: skip
def test_missing_runs_and_models_are_reported(
    run: Run, service: NoiseSweep, arguments: Sequence[str], message: str
) -> None:
    service.submit(scales=[0.1], dataset="digits")
    result = run(*arguments)
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert message in line


def test_page_is_opened_and_its_address_printed(
    run: Run, service: NoiseSweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f"#!/bin/sh\necho $1 >> '{opened}'\n")
    browser.chmod(0o700)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    sweep = service.submit(scales=[0.1], dataset="digits")
    addresses = [f"{service.url}/ui", f"{service.url}/ui/sweeps/{sweep.id}"]
    assert run("open").stdout == f"{addresses[0]}\n"
    assert json.loads(run("open", "last", "--json").stdout) == {"page": addresses[1]}
    assert opened.read_text().splitlines() == addresses


def test_address_is_printed_without_a_browser(run: Run, service: NoiseSweep, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(variable, raising=False)
    opened = run("open")
    assert (opened.returncode, opened.stdout) == (0, f"{service.url}/ui\n")


def test_workers_are_listed(run: Run, redis: Redis) -> None:
    assert run("workers").stdout == "No worker is alive: start one with `noisesweep worker`.\n"
    redis.zadd("ns:workers", {"7@here": 9e15})
    redis.set("ns:worker:7@here", PROFILE.model_dump_json())
    shown = run("workers").stdout
    assert [cell.strip() for cell in shown.splitlines()[4].split("│")[1:-1]] == [
        "7@here", "alive", "cpu", "2", "1.2.3", "",
    ]  # fmt: skip
    assert json.loads(run("workers", "--json").stdout)[0]["name"] == "7@here"


@pytest.mark.parametrize("columns", [80, 120])
def test_list_fits_the_terminal(run: Run, service: NoiseSweep, terminal: Callable[..., Terminal], columns: int) -> None:
    scales = [0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0]
    sweep = service.submit(scales=scales, include_clean=True, repeats=3, dataset="digits", name="week 3, group B")
    screen = terminal(*command("list"), columns=columns)
    screen.process.wait(60)
    screen.close()
    lines = screen.output.replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines()
    assert max(map(len, lines)) <= columns
    text = " ".join(screen.output.split())
    for part in (sweep.id[: 16 if columns == 120 else 8], "queued", "0/600", "week 3,", "3 seeds"):
        assert part in text


@pytest.mark.parametrize(("words", "expected"), [
    ("show {begin}", ["{id}"]), ("plot la", ["last"]), ("compare last {begin}", ["{id}"]), ("delete zz", []),
    ("run {begin}", ["{id}-"]), ("model {id}-", ["{id}-0", "{id}-1"]), ("run {id}-1", ["{id}-1"]),
])  # fmt: skip
def test_shell_completes_ids(
    run: Run, service: NoiseSweep, monkeypatch: pytest.MonkeyPatch, words: str, expected: list[str]
) -> None:
    sweep_id = service.submit(scales=[0.1, 0.5], dataset="digits").id
    names = {"id": sweep_id, "begin": sweep_id[:5]}
    assert complete(words.format(**names), monkeypatch) == [each.format(**names) for each in expected]


def test_completion_without_a_service_prints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOISESWEEP_URL", "http://127.0.0.1:9")
    assert complete("show 5f", monkeypatch) == []


def complete(words: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the completions of the last of these words, after `noisesweep`."""
    monkeypatch.setenv("_NOISESWEEP_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", f"noisesweep {words}")
    monkeypatch.setenv("COMP_CWORD", str(len(words.split())))
    script = Path(sys.executable).with_name("noisesweep")
    completed = subprocess.run([script], capture_output=True, text=True, timeout=60, check=False)
    assert completed.stderr == ""
    return completed.stdout.split()
