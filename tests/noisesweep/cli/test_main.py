import inspect
import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.auth import hash_of
from noisesweep.cli.main import MACHINE, SERVICE, spread
from noisesweep.local.launcher import store_binary
from shared.settings import Settings


def noisesweep(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "noisesweep", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@given(
    st.lists(st.floats(0, 1000).map(str), min_size=1),
    st.lists(st.sampled_from(["--epochs=3", "--dataset=digits", "-o", "--clip"])),
)
def test_a_list_after_one_option_is_the_option_before_each_value(values: list[str], others: list[str]) -> None:
    one_by_one = [part for value in values for part in ("--scales", value)]
    assert spread(["demo", "--scales", *values, *others]) == ["demo", *one_by_one, *others]


def test_a_list_may_begin_behind_an_equals_sign_and_hold_negative_numbers() -> None:
    assert spread(["--scales=0.5", "2"]) == ["--scales=0.5", "--scales", "2"]
    assert spread(["--indices", "-1", "4", "-o", "n.png"]) == ["--indices", "-1", "--indices", "4", "-o", "n.png"]


def test_other_options_keep_their_values() -> None:
    arguments = ["up", "--port", "8001", "--data", "folder"]
    assert spread(arguments) == arguments


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["demo", "--scales", "-1"], "--scales: Input should be greater than or equal to 0"),
        (["demo", "--scales", "nan"], "finite number"),
        (["demo", "--scales", "1", "1.0"], "1.0 is repeated"),
        (["demo", "--epochs", "0"], "--epochs: Input should be greater than or equal to 1"),
        (["demo", "--dataset", "cifar10"], "digits"),
        (["demo", "--scales"], "requires an argument"),
        (["up", "--port", "0"], "--port"),
        (["key", "a b"], "cannot name a key"),
        (["fly"], "No such command"),
    ],
)
def test_wrong_usage_is_refused_before_anything_starts(arguments: list[str], said: str) -> None:
    refusal = noisesweep(*arguments)
    assert refusal.returncode == 2
    assert said in " ".join(refusal.stderr.split())
    assert "Traceback" not in refusal.stderr


def test_a_key_is_shown_once_with_the_line_that_lets_it_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOISESWEEP_API_KEYS", raising=False)
    secret, line = (text.strip() for text in noisesweep("key", "alice").stdout.splitlines() if text.startswith("    "))
    variable, entries = line.split("=")
    monkeypatch.setenv(variable, entries)
    assert Settings().api_keys == {"alice": hash_of(secret)}
    both = noisesweep("key", "bob").stdout.splitlines()[-2].strip()
    monkeypatch.setenv(*both.split("="))
    assert list(Settings().api_keys) == ["alice", "bob"]
    assert noisesweep("key", "ob").returncode == 0  # which bob's ends with
    again = noisesweep("key", "alice")
    assert (again.returncode, again.stdout) == (2, "")


def test_help_lists_the_commands() -> None:
    listing = noisesweep("--help")
    assert listing.returncode == 0
    for command in (*SERVICE, *MACHINE):
        assert f" {command} " in listing.stdout


def test_every_command_can_speak_json() -> None:
    for function in (SERVICE | MACHINE).values():
        assert "as_json" in inspect.signature(function).parameters


def test_the_doctor_looks_at_this_host_and_at_the_store_that_up_would_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOISESWEEP_REDIS_URL", raising=False)
    examination = noisesweep("doctor", "--json")
    findings = {finding["check"]: finding for finding in json.loads(examination.stdout)}
    assert set(findings) == {"Python", "TensorFlow", "memory", "mnist", "fashion_mnist", "digits", "store"}
    assert store_binary() in findings["store"]["found"]
    assert examination.returncode == any(finding["verdict"] == "problem" for finding in findings.values())
    assert examination.stderr == ""
