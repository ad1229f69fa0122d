"""The commands on a service, as a person and a program meet them."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Thread

import httpx
import pytest

from noisesweep import NoiseSweep
from noisesweep.local.launcher import free_port
from shared.settings import Settings
from tests.api.conftest import PNG_MAGIC, Training
from tests.conftest import wait_until
from tests.noisesweep.conftest import Api, Terminal

Run = Callable[..., subprocess.CompletedProcess[str]]
SMALL = ["--dataset", "digits", "--epochs", "2", "--hidden-units", "8"]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "noisesweep", *arguments]


@pytest.fixture
def run(http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on the API, into a pipe."""
    monkeypatch.setenv("NOISESWEEP_URL", str(http.base_url))
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=60, check=False)

    return run


@pytest.fixture
def finished(service: NoiseSweep, training: Training) -> str:
    """A sweep that has ended."""
    sweep = service.submit(scales=[0.0, 0.5], dataset="digits", epochs=2, hidden_units=[8], name="week 3")
    training.epochs(sweep.record.links.self, runs=2, epochs=2, end=True)
    return sweep.id


def test_a_sweep_is_submitted_with_all_its_fields(run: Run, service: NoiseSweep) -> None:
    options = "--seeds 3 4 --batch-size 32 --dropout 0.1 --learning-rate 0.01 --precision mixed_bfloat16"
    options += " --noise-on train --clip --resample --keep-model --no-reuse --include-clean --tags a:b c:d --name x"
    submitted = run("submit", "--scales", "0.1", "1", *SMALL, *options.split(), "--json")
    assert submitted.returncode == 0, submitted.stderr
    record = json.loads(submitted.stdout)
    assert (record["scales"], record["seeds"], record["tags"]) == ([0, 0.1, 1], [3, 4], {"a": "b", "c": "d"})
    config = record["config"]
    assert (config["hidden_units"], config["batch_size"], config["noise_on"]) == ([8], 32, "train")
    assert (config["dropout"], config["learning_rate"], config["precision"]) == (0.1, 0.01, "mixed_bfloat16")
    assert (config["clip"], config["resample"], record["name"]) == (True, True, "x")
    assert all(each["keep_model"] for each in record["runs"])
    assert service.sweep(record["id"]).record.model_dump(mode="json") == record


def test_a_submission_says_how_to_go_on(run: Run) -> None:
    submitted = run("submit", "--scales", "0.1", *SMALL)
    assert submitted.returncode == 0
    sweep = re.match("Sweep ([0-9a-f]{16}): queued, 0 of 2 epochs; digits at scale 0.1\n", submitted.stdout)
    assert sweep
    assert "no worker is alive" in submitted.stdout
    assert f"`noisesweep watch {sweep[1]}`" in submitted.stdout


def test_a_dry_run_stores_nothing(run: Run) -> None:
    said = run("submit", "--scales", "0.1", "1", "--repeats", "3", "--dry-run").stdout
    assert said.startswith("6 runs; 0 to wait for before; until the end: unknown, ")
    assert json.loads(run("submit", "--scales", "0.1", "1", "--dry-run", "--json").stdout)["runs"] == 2
    assert run("list").stdout == "There is no sweep yet: `noisesweep submit` makes one.\n"
    assert json.loads(run("list", "--json").stdout) == []


def test_watching_in_a_pipe_prints_a_line_for_each_change_and_saves_the_plot(
    run: Run, service: NoiseSweep, training: Training, tmp_path: Path
) -> None:
    outcome: list[subprocess.CompletedProcess[str]] = []
    arguments = ["submit", "--scales", "0.1", "0.5", *SMALL, "--plot", str(tmp_path / "curve.svg")]
    watching = Thread(target=lambda: outcome.append(run(*arguments)))
    watching.start()
    wait_until(lambda: list(service.sweeps()))
    (sweep,) = service.sweeps()
    training.epochs(sweep.record.links.self, runs=2, epochs=2, end=True)
    watching.join()
    (watched,) = outcome
    assert watched.returncode == 0, watched.stderr
    assert "\x1b" not in watched.stdout
    lines = watched.stdout.splitlines()
    assert "scale 0.5   epoch 2/2  accuracy 0.9524  val_accuracy 0.6667  succeeded" in lines
    assert len(lines) == len(set(lines))
    assert (tmp_path / "curve.svg").read_text().startswith("<?xml")


def test_watching_on_a_terminal_shows_bars(
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


def test_a_terminal_with_less_lines_than_runs_shows_as_many_as_it_has(
    run: Run, terminal: Callable[..., Terminal], service: NoiseSweep
) -> None:
    sweep = service.submit(scales=[number / 10 for number in range(60)], dataset="digits", epochs=2)
    screen = terminal(*command("watch", sweep.id))
    wait_until(lambda: "0 of 60 runs ended" in screen.output)
    sweep.cancel()
    assert screen.process.wait(30) == 1
    screen.close()
    first_picture = screen.output.partition("0 of 60 runs ended")[0]
    assert first_picture.count("waiting for a worker") == 20


def test_ctrl_c_ends_the_watching_and_not_the_sweep(
    run: Run, terminal: Callable[..., Terminal], service: NoiseSweep
) -> None:
    sweep = service.submit(scales=[0.1], dataset="digits")
    screen = terminal(*command("watch", sweep.id))
    wait_until(lambda: "waiting for a worker" in screen.output)
    screen.process.send_signal(signal.SIGINT)
    assert screen.process.wait(30) == 130
    screen.close()
    assert f"noisesweep watch {sweep.id}" in screen.output
    assert "Traceback" not in screen.output
    assert not sweep.refresh().status.is_final


def test_events_are_json_lines(run: Run, finished: str) -> None:
    watched = run("watch", finished, "--json")
    assert watched.returncode == 0
    types = [json.loads(line)["type"] for line in watched.stdout.splitlines()]
    assert types == ["run.started"] * 2 + (["epoch"] * 2 + ["run.ended"]) * 2 + ["sweep.ended"]


def test_runs_that_did_not_succeed_are_told_by_the_exit_code(run: Run, service: NoiseSweep) -> None:
    service.submit(scales=[0.1], dataset="digits").cancel()
    assert run("watch", "last").returncode == 1
    assert run("watch", "last", "--json").returncode == 1
    assert run("show", "last").returncode == 0  # to show it went well


def test_what_came_out_is_printed_as_asked(run: Run, finished: str, service: NoiseSweep) -> None:
    table = run("results", finished).stdout
    assert "0.6667" in table
    assert service.sweep(finished).summary().sentence in table
    assert run("results", finished, "--format", "csv").stdout == service.sweep(finished).csv().decode().replace(
        "\r\n", "\n"
    )
    document = json.loads(run("results", finished, "--format", "json").stdout)
    assert document == json.loads(run("results", finished, "--json").stdout)
    assert document["sweep_id"] == finished


def test_pictures_are_saved_in_the_format_of_their_names(run: Run, finished: str, tmp_path: Path) -> None:
    curve, both, noise = (str(tmp_path / name) for name in ("a.png", "b.pdf", "c.png"))
    assert run("plot", finished, "--out", curve, "--theme", "dark", "--log").stdout == f"The picture: {curve}\n"
    assert json.loads(run("compare", finished, "--out", both, "--json").stdout) == {"picture": both}
    looked = run("noise", "--dataset", "digits", "--scales", "0.5", "1", "--indices", "0", "-1", "--out", noise)
    assert looked.stdout.endswith(f"The picture: {noise}\n"), looked.stderr
    assert "Noise on 2 training images of digits" in looked.stdout
    assert [Path(path).read_bytes()[:4] for path in (curve, both, noise)] == [PNG_MAGIC[:4], b"%PDF", PNG_MAGIC[:4]]


def test_a_sweep_is_cancelled_retried_and_extended(run: Run, service: NoiseSweep) -> None:
    sweep = service.submit(scales=[0.1], dataset="digits")
    assert "cancelled, 0 of 20 epochs" in run("cancel", "last").stdout
    assert json.loads(run("retry", sweep.id[:8], "--json").stdout)["status"] == "queued"
    extended = json.loads(run("extend", sweep.id, "--scales", "3", "6", "--seeds", "1", "--json").stdout)
    assert (extended["scales"], extended["seeds"], len(extended["runs"])) == ([0.1, 3, 6], [0, 1], 6)


def test_a_sweep_is_listed_and_shown(run: Run, finished: str, service: NoiseSweep) -> None:
    service.submit(scales=[4], dataset="digits", tags={"course": "ml-101"})
    assert finished in run("list", "--name", "week").stdout
    assert [each["scales"] for each in json.loads(run("list", "--tag", "course", "--json").stdout)] == [[4]]
    assert run("list", "--status", "failed").stdout == "There is no such sweep.\n"
    assert len(json.loads(run("list", "--limit", "1", "--json").stdout)) == 1
    shown = run("show", finished).stdout
    assert "4 of 4 epochs; digits at scale 0 0.5 (week 3)" in shown
    assert "queued, epoch 0/20" in run("show", "last").stdout
    assert json.loads(run("show", finished, "--json").stdout)["id"] == finished


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "last"], "there is no sweep yet: `noisesweep submit --scales 0.1 0.5 1` makes one"),
        (["show", "x"], "'x' names no sweep: an id has 16 hexadecimal digits; `noisesweep list` shows them"),
        (["show", "ab"], "no sweep's id begins with ab: `noisesweep list` shows them"),
        (["show", "0123456789abcdef"], 'No sweep has the id "0123456789abcdef".'),
        (["submit", "--scales", "-1"], "--scales: Input should be greater than or equal to 0. Received: -1.0"),
        (["submit", "--scales", "1", "--tags", "x"], "--tags: 'x' has no value: give it as key:value"),
        (["submit"], "Missing option '--scales'; `noisesweep submit --help` says what is possible"),
        (["submit", "--scales", "1", "--plot", "x.bmp"], "'x.bmp' names no format of a picture: let it end in"),
        (["plot", "last", "--out", "nowhere/x.png"], "there is no folder"),
        (["plot", "last", "--kind", "pie"], "'pie' is not one of 'accuracy', 'epochs', 'matrix', 'confusion'"),
        (["list", "--url", "here"], "'here' is no URL of a service: it should look like http://127.0.0.1:8000"),
    ],
)
def test_wrong_usage_is_told_in_one_line(run: Run, arguments: Sequence[str], said: str) -> None:
    refused = run(*arguments)
    assert refused.returncode == 2
    assert refused.stdout == ""
    (line,) = refused.stderr.splitlines()
    assert line.startswith("noisesweep: ")
    assert said in line


def test_an_extension_by_nothing_is_refused(run: Run, finished: str) -> None:
    refused = run("extend", finished)
    assert (refused.returncode, refused.stderr) == (2, "noisesweep: give scales or seeds to add, or both\n")


def test_every_wrong_option_has_a_line(run: Run) -> None:
    refused = run("submit", "--scales", "1", "--epochs", "0", "--dropout", "1")
    assert refused.returncode == 2
    assert [line.split()[1] for line in refused.stderr.splitlines()] == ["--epochs:", "--dropout:"]


def test_an_ambiguous_beginning_is_refused(run: Run, service: NoiseSweep) -> None:
    ids = [service.submit(scales=[0.1], dataset="digits").id for _ in range(17)]  # of 16 first digits
    first = next(one for one in "0123456789abcdef" if sum(each.startswith(one) for each in ids) > 1)
    refused = run("show", first)
    assert refused.returncode == 2
    assert f"sweeps begin with {first} (" in refused.stderr


def test_an_unreachable_service_is_told_in_one_line(run: Run) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    lost = run("list", "--url", url)
    assert lost.returncode == 3
    assert lost.stderr == (
        f"noisesweep: {url} does not answer (Connection refused): start the service with `noisesweep up`, or name "
        "another URL\n"
    )


def test_a_key_is_brought_and_never_shown(settings: Settings, run: Run) -> None:
    made = json.loads(run("key", "alice", "--json").stdout)
    secret, digest = made["key"], made["NOISESWEEP_API_KEYS"].partition(":")[2]
    api = Api(settings.model_copy(update={"api_keys": {"alice": digest}}))
    try:
        let_in = run("list", "--url", api.url, "--key", secret)
        turned_away = run("list", "--url", api.url, "--key", "ns_wrong")
    finally:
        api.stop()
    assert let_in.returncode == 0, let_in.stderr
    assert turned_away.returncode == 2
    assert "This API key is not known here" in turned_away.stderr
    assert secret not in let_in.stdout + let_in.stderr
    assert "ns_wrong" not in turned_away.stdout + turned_away.stderr


@pytest.mark.parametrize("answer", ["results", "show"])
def test_whoever_has_read_enough_may_close_the_pipe(run: Run, finished: str, answer: str) -> None:
    """However much it is: what fits into a buffer is written last of all."""
    listing = subprocess.Popen(command(answer, finished, "--json"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert listing.stdout
    listing.stdout.close()
    _, complaints = listing.communicate(timeout=60)
    assert complaints == b""


def test_the_shell_completes_commands(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_NOISESWEEP_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "noisesweep wat")
    monkeypatch.setenv("COMP_CWORD", "1")
    script = Path(sys.executable).with_name("noisesweep")
    completed = subprocess.run([script], capture_output=True, text=True, timeout=60, check=False)
    assert completed.stdout.strip() == "watch"
