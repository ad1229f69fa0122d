"""Tests of the commands that use a service, with text and JSON output."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Thread

import pytest

from noisesweep import NoiseSweep
from noisesweep.local.launcher import free_port
from shared.configured_keys import ConfiguredKey
from shared.settings import Settings
from tests.support.api import ApiThread
from tests.support.commands import SMALL, Run, command
from tests.support.pictures import PNG_MAGIC
from tests.support.terminal import Terminal
from tests.support.training import Training
from tests.support.waiting import wait_until


@pytest.fixture
def finished(service: NoiseSweep, training: Training) -> str:
    """Return the id of a finished sweep."""
    sweep = service.submit(scales=[0.0, 0.5], dataset="digits", epochs=2, hidden_units=[8], name="week 3")
    training.epochs(sweep.record.links.self, runs=2, epochs=2, end=True)
    return sweep.id


def test_progress_in_a_pipe_is_one_line_per_change(
    run: Run, service: NoiseSweep, training: Training, tmp_path: Path
) -> None:
    results: list[subprocess.CompletedProcess[str]] = []
    arguments = ["submit", "--scales", "0.1", "0.5", *SMALL, "--plot", str(tmp_path / "curve.svg")]
    submitting = Thread(target=lambda: results.append(run(*arguments)))
    submitting.start()
    wait_until(lambda: list(service.sweeps()))
    (sweep,) = service.sweeps()
    training.epochs(sweep.record.links.self, runs=2, epochs=2, end=True)
    submitting.join()
    (result,) = results
    assert result.returncode == 0, result.stderr
    assert "\x1b" not in result.stdout
    lines = result.stdout.splitlines()
    assert "scale 0.5   epoch 2/2  accuracy 0.9524  val_accuracy 0.6667  succeeded" in lines
    assert len(lines) == len(set(lines))
    assert (tmp_path / "curve.svg").read_text().startswith("<?xml")


def test_progress_on_a_terminal_shows_bars(
    run: Run, terminal: Callable[..., Terminal], service: NoiseSweep, training: Training
) -> None:
    sweep = service.submit(scales=[0.1, 0.5], dataset="digits", epochs=2, hidden_units=[8])
    screen = terminal(*command("watch", "last"))
    wait_until(lambda: "waiting for a worker" in screen.output)
    training.epochs(sweep.record.links.self, runs=2, epochs=2, end=True)
    assert screen.process.wait(30) == 0
    screen.close()
    assert "━━━━" in screen.output
    assert "2/2  accuracy 0.9524  val_accuracy 0.6667" in screen.output
    assert "2 of 2 runs ended" in screen.output


def test_small_terminal_shows_as_many_bars_as_fit(
    run: Run, terminal: Callable[..., Terminal], service: NoiseSweep
) -> None:
    sweep = service.submit(scales=[number / 10 for number in range(60)], dataset="digits", epochs=2)
    screen = terminal(*command("watch", sweep.id))
    wait_until(lambda: "0 of 60 runs ended" in screen.output)
    sweep.cancel()
    assert screen.process.wait(30) == 1
    screen.close()
    first_frame = screen.output.partition("0 of 60 runs ended")[0]
    assert first_frame.count("waiting for a worker") == 20


def test_ctrl_c_stops_watch_but_not_the_sweep(run: Run, terminal: Callable[..., Terminal], service: NoiseSweep) -> None:
    sweep = service.submit(scales=[0.1], dataset="digits")
    screen = terminal(*command("watch", sweep.id))
    wait_until(lambda: "waiting for a worker" in screen.output)
    screen.process.send_signal(signal.SIGINT)
    assert screen.process.wait(30) == 130
    screen.close()
    assert f"noisesweep watch {sweep.id}" in screen.output
    assert "Traceback" not in screen.output
    assert not sweep.refresh().status.is_final


def test_watch_json_prints_one_event_per_line(run: Run, finished: str) -> None:
    watched = run("watch", finished, "--json")
    assert watched.returncode == 0
    types = [json.loads(line)["type"] for line in watched.stdout.splitlines()]
    assert types == ["run.started"] * 2 + (["epoch"] * 2 + ["run.ended"]) * 2 + ["sweep.ended"]


def test_watch_exits_with_1_unless_all_runs_succeed(run: Run, service: NoiseSweep) -> None:
    service.submit(scales=[0.1], dataset="digits").cancel()
    assert run("watch", "last").returncode == 1
    assert run("watch", "last", "--json").returncode == 1
    assert run("show", "last").returncode == 0


def test_results_are_printed_in_the_requested_format(run: Run, finished: str, service: NoiseSweep) -> None:
    table = run("results", finished).stdout
    assert "0.6667" in table
    assert service.sweep(finished).summary().sentence in table
    assert run("results", finished, "--format", "csv").stdout == service.sweep(finished).csv().decode().replace(
        "\r\n", "\n"
    )
    document = json.loads(run("results", finished, "--format", "json").stdout)
    assert document == json.loads(run("results", finished, "--json").stdout)
    assert document["sweep_id"] == finished


def test_plots_are_saved_in_the_format_of_the_suffix(run: Run, finished: str, tmp_path: Path) -> None:
    curve, both, noise = (str(tmp_path / name) for name in ("a.png", "b.pdf", "c.png"))
    assert run("plot", finished, "--out", curve, "--theme", "dark", "--log").stdout == f"Plot saved to {curve}\n"
    assert json.loads(run("compare", finished, "--out", both, "--json").stdout) == {"picture": both, "warnings": []}
    kinds = ("--kinds", "gaussian", "shot")
    preview = run(
        "noise", "--dataset", "digits", "--scales", "0.5", "1", *kinds, "--indices", "0", "-1", "--out", noise
    )
    assert preview.stdout.endswith(f"Plot saved to {noise}\n"), preview.stderr
    assert "Noise on 2 training images of digits" in preview.stdout
    assert [Path(path).read_bytes()[:4] for path in (curve, both, noise)] == [PNG_MAGIC[:4], b"%PDF", PNG_MAGIC[:4]]


def test_two_sweeps_are_compared_in_numbers(
    run: Run, service: NoiseSweep, training: Training, finished: str, tmp_path: Path
) -> None:
    other = service.submit(scales=[0.5], dataset="digits", epochs=2, hidden_units=[8], clip=True)
    training.epochs(other.record.links.self, runs=1, epochs=2, end=True)
    picture = str(tmp_path / "both.png")
    comparison = service.comparison(finished, other.id)
    document = json.loads(run("compare", finished, other.id, "--out", picture, "--json").stdout)
    assert document == {"picture": picture, "warnings": [], "comparison": comparison.model_dump(mode="json")}
    lines = run("compare", finished, other.id, "--out", picture).stdout.splitlines()
    assert lines[-1] == f"Plot saved to {picture}"
    assert comparison.sentence in lines
    assert "Only sweep A has scale 0: it is not compared." in lines
    unlike = service.submit(scales=[0.7], dataset="digits")
    refused = run("compare", finished, unlike.id, "--out", picture)
    assert (refused.returncode, refused.stderr) == (0, "")
    assert "The sweeps have no run at the same scale with the same seed" in refused.stdout
    [warning] = service.comparison_warnings([finished, unlike.id])
    assert warning == f"Only runs that have succeeded are shown: {unlike.id} (queued)."
    assert warning in refused.stdout
    three = run("compare", finished, other.id, unlike.id, "--out", picture)
    assert three.stdout.splitlines() == [warning, f"Plot saved to {picture}"]
    refused = run("compare", finished, unlike.id, "--out", picture, "--json")
    assert json.loads(refused.stdout) == {"picture": picture, "warnings": [warning], "comparison": None}
    assert "The sweeps have no run" in refused.stderr


def test_sweep_is_cancelled_retried_and_extended(run: Run, service: NoiseSweep) -> None:
    sweep = service.submit(scales=[0.1], dataset="digits")
    assert "cancelled, 0 of 20 epochs" in run("cancel", "last").stdout
    assert json.loads(run("retry", sweep.id[:8], "--json").stdout)["status"] == "queued"
    extended = json.loads(run("extend", sweep.id, "--scales", "3", "6", "--seeds", "1", "--json").stdout)
    assert (extended["scales"], extended["seeds"], len(extended["runs"])) == ([0.1, 3, 6], [0, 1], 6)


def test_sweep_is_repeated_with_fresh_noise(run: Run, service: NoiseSweep) -> None:
    sweep = service.submit(scales=[0.1], dataset="digits")
    fresh = json.loads(run("fresh-noise", sweep.id, "--json").stdout)
    assert fresh["config"]["resample"] is True
    assert f"noisesweep compare {sweep.id} {fresh['id']}" in run("fresh-noise", sweep.id).stdout


def test_sweep_is_listed_and_shown(run: Run, finished: str, service: NoiseSweep) -> None:
    service.submit(scales=[4], dataset="digits", tags={"course": "ml-101"})
    assert finished in run("list", "--name", "week").stdout
    assert [each["scales"] for each in json.loads(run("list", "--tag", "course", "--json").stdout)] == [[4]]
    assert run("list", "--status", "failed").stdout == "No sweeps match.\n"
    assert len(json.loads(run("list", "--limit", "1", "--json").stdout)) == 1
    shown = run("show", finished).stdout
    assert "4 of 4 epochs; digits at scale 0 0.5 (week 3)" in shown
    assert "queued, epoch 0/20" in run("show", "last").stdout
    assert json.loads(run("show", finished, "--json").stdout)["id"] == finished


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "last"], "there are no sweeps yet: submit one with `noisesweep submit --scales 0.1 0.5 1`"),
        (["show", "x"], "expected a sweep id of up to 16 hexadecimal digits or `last`, received 'x'"),
        (["show", "ab"], "no sweep id begins with ab: `noisesweep list` shows the ids"),
        (["show", "0123456789abcdef"], 'No sweep has the id "0123456789abcdef".'),
        (["submit", "--scales", "-1"], "--scales: expected a number of at least 0. Received: -1.0"),
        (["submit", "--scales", "1", "--tags", "x"], "--tags: expected key:value, received 'x'"),
        (["submit", "--scales", "1", "--test-noise", "shot"], "expected kind:scale,scale, received 'shot'"),
        (["submit", "--scales", "1", "--test-noise", "gaussian:1"], "expected other kinds than the noise of the sweep"),
        (
            ["submit", "--scales", "1", "--hidden-units", "0"],
            "--hidden-units: expected a number of at least 1. Received: 0",
        ),
        (["submit", "--scales", "1", "--tags", "A:b"], "--tags: expected 1 to 32 characters of a-z 0-9 _ . -"),
        (["submit"], "expected --scales or --imagenet-c, received neither"),
        (["submit", "--imagenet-c", "--noise", "uniform"], "speckle, received uniform"),
        (["submit", "--scales", "2", "--noise", "salt_and_pepper"], "a scale from 0 to 1 with salt-and-pepper noise"),
        (
            ["submit", "--scales", "1", "--plot", "x.bmp"],
            "expected a file name that ends in .png, .svg or .pdf, received 'x.bmp'",
        ),
        (["plot", "last", "--out", "nowhere/x.png"], "does not exist: create it, or choose another"),
        (
            ["plot", "last", "--kind", "pie"],
            "expected one of accuracy, epochs, matrix, confusion, received 'pie'",
        ),
        (
            ["submit", "--scale", "1", "--dataset", "mnits"],
            "noisesweep: --dataset: expected one of mnist, fashion_mnist",
        ),
        (["list", "--status", "done"], "--status: expected one of queued, running, succeeded, failed, cancelled, rec"),
        (["list", "--url", "here"], "expected a URL like http://127.0.0.1:8000, received 'here'"),
        (["list", "--url", "http://a/b?c"], "expected a URL without ? and #, received 'http://a/b?c'"),
        (["list", "--url", "http://a/b#c"], "expected a URL without ? and #, received 'http://a/b#c'"),
    ],
)
def test_wrong_usage_is_reported_in_one_line(run: Run, arguments: Sequence[str], message: str) -> None:
    result = run(*arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("noisesweep: ")
    assert message in line


def test_empty_extension_is_rejected(run: Run, finished: str) -> None:
    result = run("extend", finished)
    assert result.returncode == 2
    assert result.stderr == "noisesweep: expected scales or seeds to add, received neither\n"


def test_every_invalid_option_gets_a_line(run: Run) -> None:
    result = run("submit", "--scales", "1", "--epochs", "0", "--dropout", "1")
    assert result.returncode == 2
    assert [line.split()[1] for line in result.stderr.splitlines()] == ["--epochs:", "--dropout:"]


def test_ambiguous_id_prefix_is_rejected(run: Run, service: NoiseSweep) -> None:
    ids = [service.submit(scales=[0.1], dataset="digits").id for _ in range(17)]  # two must share the first digit
    digit = next(digit for digit in "0123456789abcdef" if sum(each.startswith(digit) for each in ids) > 1)
    result = run("show", digit)
    assert result.returncode == 2
    assert f"sweep ids begin with {digit} (" in result.stderr


def test_unreachable_service_is_reported_in_one_line(run: Run) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    result = run("list", "--url", url)
    assert result.returncode == 3
    assert result.stderr == (
        f"noisesweep: no answer from {url} (Connection refused): start the service with `noisesweep up`, or check the "
        "URL\n"
    )


def test_key_is_sent_but_never_printed(settings: Settings, run: Run) -> None:
    made = json.loads(run("key", "alice", "--json").stdout)
    secret, digest = made["key"], made["NOISESWEEP_API_KEYS"].partition(":")[2]
    api = ApiThread(settings.model_copy(update={"api_keys": {"alice": ConfiguredKey(digest)}}))
    try:
        accepted = run("list", "--url", api.url, "--key", secret)
        rejected = run("list", "--url", api.url, "--key", "ns_wrong")
    finally:
        api.stop()
    assert accepted.returncode == 0, accepted.stderr
    assert rejected.returncode == 2
    assert "Unknown API key" in rejected.stderr
    assert secret not in accepted.stdout + accepted.stderr
    assert "ns_wrong" not in rejected.stdout + rejected.stderr


@pytest.mark.parametrize("name", ["results", "show"])
def test_closed_pipe_causes_no_error_message(run: Run, finished: str, name: str) -> None:
    process = subprocess.Popen(command(name, finished, "--json"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    process.stdout.close()
    _, errors = process.communicate(timeout=60)
    assert errors == b""


def test_shell_completes_commands(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_NOISESWEEP_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "noisesweep wat")
    monkeypatch.setenv("COMP_CWORD", "1")
    script = Path(sys.executable).with_name("noisesweep")
    completed = subprocess.run([script], capture_output=True, text=True, timeout=60, check=False)
    assert completed.stdout.strip() == "watch"
