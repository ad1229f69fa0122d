import inspect
import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisesweep import __version__
from noisesweep.cli.main import GROUPS, MACHINE, expand_lists
from noisesweep.cli.overview import SENTENCE_WIDTH, first_sentence
from noisesweep.local.launcher import store_binary
from noisesweep.models import hash_api_key
from shared.settings import Settings
from tests.support.commands import SERVICE_COMMANDS


def noisesweep(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "noisesweep", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@given(
    st.lists(st.floats(0, 1000).map(str), min_size=1),
    st.lists(st.sampled_from(["--epochs=3", "--dataset=digits", "-o", "--clip"])),
)
def test_list_option_is_repeated_before_each_value(values: list[str], others: list[str]) -> None:
    repeated = [part for value in values for part in ("--scales", value)]
    assert expand_lists(["demo", "--scales", *values, *others]) == ["demo", *repeated, *others]


def test_lists_accept_equals_signs_and_negative_numbers() -> None:
    assert expand_lists(["--scales=0.5", "2"]) == ["--scales=0.5", "--scales", "2"]
    assert expand_lists(["--indices", "-1", "4", "-o", "n.png"]) == ["--indices", "-1", "--indices", "4", "-o", "n.png"]


def test_other_options_are_unchanged() -> None:
    arguments = ["up", "--port", "8001", "--data", "folder"]
    assert expand_lists(arguments) == arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["demo", "--scales", "-1"], "--scales: expected a number of at least 0"),
        (["demo", "--scales", "nan"], "finite number"),
        (["demo", "--scales", "1", "1.0"], "received 1.0 more than once"),
        (["demo", "--epochs", "0"], "--epochs: expected a number of at least 1"),
        (["demo", "--dataset", "cifar10"], "digits"),
        (["demo", "--scales"], "requires an argument"),
        (
            ["submit", "--scales", "0.1,0.5,1"],
            "--scales: expected a number, received '0.1,0.5,1'. Separate values with spaces: --scales 0.1 0.5 1; see",
        ),
        (["demo", "--scales", "[0.5,", "1]"], "received '[0.5,'. Separate values with spaces: --scales 1 2; see"),
        (
            ["noise", "--seed", "1", "2"],
            "Got unexpected extra argument",
        ),
        (
            ["noise", "--indices=-1,2"],
            "expected an integer, received '-1,2'. Separate values with spaces: --indices -1 2",
        ),
        (["submit", "--scales", "1", "--hidden-units", "64,32"], "with spaces: --hidden-units 64 32; see"),
        (["up", "--port", "http"], "--port: expected an integer, received 'http'; see `noisesweep up --help`"),
        (["up", "--port", "0"], "noisesweep: --port: expected a number of at least 1, received 0; see"),
        (["key", "a b"], "key name: expected 1 to 32 characters"),
        (["fly"], "No such command"),
    ],
)
def test_wrong_usage_is_rejected_before_anything_starts(arguments: list[str], message: str) -> None:
    result = noisesweep(*arguments)
    assert result.returncode == 2
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr


def test_key_is_printed_with_the_setting_that_accepts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOISESWEEP_API_KEYS", raising=False)
    secret, line = (text.strip() for text in noisesweep("key", "alice").stdout.splitlines() if text.startswith("    "))
    variable, entries = line.split("=")
    monkeypatch.setenv(variable, entries)
    assert Settings().api_keys == {"alice": (hash_api_key(secret), "member")}
    both = noisesweep("key", "bob", "--role", "admin").stdout.splitlines()[-2].strip()
    monkeypatch.setenv(*both.split("="))
    assert {name: key.role for name, key in Settings().api_keys.items()} == {"alice": "member", "bob": "admin"}
    assert noisesweep("key", "ob").returncode == 0  # the end of an existing name, but not the same name
    again = noisesweep("key", "alice")
    assert (again.returncode, again.stdout) == (2, "")


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], []])
def test_help_is_one_screen_with_a_line_for_each_command(arguments: list[str]) -> None:
    listing = noisesweep(*arguments)
    assert (listing.returncode, listing.stderr) == (0, "")
    lines = listing.stdout.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80
    names = [name for group in GROUPS.values() for name in group]
    assert sorted(line[9:].split()[0] for line in lines[3 : 3 + len(names)]) == sorted(names)
    assert [line.split()[0] for line in lines[3:] if line[:1].isupper()] == [*GROUPS, "Options:"]


def test_first_sentences_fit_on_the_screen_of_help() -> None:
    assert first_sentence("Do this\nand that. Then more.\n\nMore.") == "Do this and that"
    for name, command in (SERVICE_COMMANDS | MACHINE).items():
        assert len(first_sentence(command.__doc__)) <= SENTENCE_WIDTH, name


@pytest.mark.parametrize("command", ["list", "up", "api", "worker", "keys", "datasets add"])
def test_short_help_option_works_everywhere(command: str) -> None:
    short, long = noisesweep(*command.split(), "-h"), noisesweep(*command.split(), "--help")
    assert short.stdout == long.stdout
    assert f"Usage: noisesweep {command}" in short.stdout


def test_version_option_prints_the_version() -> None:
    result = noisesweep("--version")
    assert (result.returncode, result.stdout, result.stderr) == (0, f"{__version__}\n", "")


def test_every_command_has_the_json_option() -> None:
    for function in (SERVICE_COMMANDS | MACHINE).values():
        assert "as_json" in inspect.signature(function).parameters


def test_doctor_checks_this_host_and_its_redis_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOISESWEEP_REDIS_URL", raising=False)
    result = noisesweep("doctor", "--json")
    findings = {finding["check"]: finding for finding in json.loads(result.stdout)}
    assert set(findings) == {"Python", "TensorFlow", "memory", "mnist", "fashion_mnist", "digits", "store"}
    assert store_binary() in findings["store"]["found"]
    assert result.returncode == any(finding["verdict"] == "problem" for finding in findings.values())
    assert result.stderr == ""


@pytest.mark.parametrize("name", ["up", "demo"])
def test_command_of_the_whole_service_names_the_extra_that_installs_it(name: str) -> None:
    without = f"import sys; sys.modules['tensorflow'] = None; sys.argv = ['noisesweep', '{name}']"
    program = f"{without}; from noisesweep.cli.main import main; main()"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    missing = "noisesweep: the service is not installed (tensorflow missing): run `pip install 'noisesweep[local]'`"
    assert (result.returncode, result.stderr.strip()) == (2, missing)
