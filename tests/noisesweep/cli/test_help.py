"""Tests of the help of each command."""

import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from noisesweep.cli.main import app
from tests.support.commands import command

ROOT = typer.main.get_command(app)


def commands(group: Any, *names: str) -> Iterator[tuple[str, Any]]:
    """Yield each command and each group below a group, with its words."""
    for name, found in group.commands.items():
        yield " ".join([*names, name]), found
        if hasattr(found, "commands"):
            yield from commands(found, *names, name)


COMMANDS = dict(commands(ROOT))


def help_of(words: str) -> str:
    with COMMANDS[words].make_context(f"noisesweep {words}", [], resilient_parsing=True) as context:
        return str(context.get_help())


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize("words", COMMANDS)
def test_help_fits_in_the_terminal(words: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = help_of(words).splitlines()
    assert lines[0].startswith(f"Usage: noisesweep {words} ")
    assert max(map(len, lines)) <= columns
    assert not any(line.endswith(" ") for line in lines)


@pytest.mark.parametrize("words", COMMANDS)
def test_help_has_the_words_of_the_command_line(words: str) -> None:
    text = help_of(words)
    for name in ("GET /", "null", "{id}", "[default", "(env var", "<", "Default: None", ". ."):
        assert name not in text
    fields = ("keep_model", "include_clean", "batch_size", "noise_on", "test_noise", "hidden_units", "`seeds`")
    assert not [field for field in fields if field in text]


@pytest.mark.parametrize("words", [words for words, found in COMMANDS.items() if not hasattr(found, "commands")])
def test_help_has_every_option_and_argument(words: str) -> None:
    text = help_of(words)
    for parameter in COMMANDS[words].params:
        if not getattr(parameter, "hidden", False):
            names = parameter.opts if parameter.param_type_name == "option" else [parameter.metavar or parameter.name]
            for name in names:
                label = re.escape(name.removesuffix("..."))
                assert re.search(rf"^  (--[a-z-]+, )?{label}(?![a-z-])", text, re.MULTILINE), name


def test_help_says_defaults_choices_and_variables() -> None:
    text = " ".join(help_of("submit").split())
    for sentence in (
        "Default: 512 512.",
        "One of gaussian, uniform, salt_and_pepper, speckle, shot. Default: gaussian.",
        "--scales, --scale NUMBER...",
        "--keep-model Keep the trained network",
        "Environment variable: NOISESWEEP_URL.",
    ):
        assert sentence in text


@pytest.mark.parametrize("group", [words for words, found in COMMANDS.items() if hasattr(found, "commands")])
def test_group_without_a_command_prints_its_help(group: str) -> None:
    bare, asked = (
        subprocess.run(command(group, *more), capture_output=True, text=True, check=False) for more in ([], ["-h"])
    )
    assert (bare.returncode, bare.stderr) == (0, "")
    assert bare.stdout == asked.stdout
