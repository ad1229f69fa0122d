"""Tests of the commands that rename, tag and delete a sweep."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from noisesweep import NoiseSweep
from tests.support.commands import Run, command
from tests.support.terminal import Terminal
from tests.support.waiting import wait_until


def test_sweep_is_renamed(run: Run, service: NoiseSweep) -> None:
    sweep = service.submit(scales=[0.1], dataset="digits", name="week 3")
    assert "(week 4)" in run("rename", "last", "week 4").stdout
    assert sweep.refresh().record.name == "week 4"
    assert json.loads(run("rename", sweep.id[:8], "--clear", "--json").stdout)["name"] is None
    assert sweep.refresh().record.name is None


def test_tags_are_added_and_removed(run: Run, service: NoiseSweep) -> None:
    sweep = service.submit(scales=[0.1], dataset="digits", tags={"course": "ml", "group": "a", "week": "3"})
    result = run("tag", "last", "group:b", "room:1:2", "--remove", "course", "week")
    assert result.stdout == f"Tags of sweep {sweep.id}: group:b room:1:2\n", result.stderr
    assert sweep.refresh().record.tags == {"group": "b", "room": "1:2"}
    assert json.loads(run("tag", "last", "--remove", "group", "room", "--json").stdout)["tags"] == {}


def test_simultaneous_changes_of_tags_are_all_made(run: Run, service: NoiseSweep) -> None:
    sweep = service.submit(scales=[0.1], dataset="digits", tags={"course": "ml"})
    changes = [["a:1"], ["b:2"], ["c:3"], ["--remove", "course"]]
    with ThreadPoolExecutor(len(changes)) as threads:
        results = list(threads.map(lambda change: run("tag", sweep.id, *change), changes))
    assert [result.returncode for result in results] == [0] * len(changes)
    assert sweep.refresh().record.tags == {"a": "1", "b": "2", "c": "3"}


@pytest.mark.parametrize(("arguments", "message"), [
    (["rename", "last"], "expected NAME or --clear, received neither"),
    (["rename", "last", "x", "--clear"], "expected NAME or --clear, received both"),
    (["rename", "last", ""], "noisesweep: name: expected text with 1 or more characters."),
    (["tag", "last"], "expected KEY:VALUE to add or --remove KEY, received neither"),
    (["tag", "last", "course"], "tag: expected key:value, received 'course'"),
    (["tag", "last", "--remove", "course"], "--remove: the sweep has no tag with the key 'course'"),
    (["delete", "last"], "nobody can confirm the deletion here: add --yes"),
    (["delete", "last", "--yes"], "To delete it, cancel it first"),
])  # fmt: skip
def test_wrong_usage_changes_nothing(run: Run, service: NoiseSweep, arguments: Sequence[str], message: str) -> None:
    sweep = service.submit(scales=[0.1], dataset="digits")
    result = run(*arguments)
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert message in line
    assert service.sweep(sweep.id).record == sweep.record


def test_sweep_is_deleted_without_a_question(run: Run, service: NoiseSweep) -> None:
    sweep = service.submit(scales=[0.1], dataset="digits").cancel()
    assert run("delete", "last", "--yes").stdout == f"Sweep {sweep.id} deleted.\n"
    assert list(service.sweeps()) == []


@pytest.mark.parametrize(("answer", "remaining"), [("y", 0), ("n", 1), ("", 1)])
def test_terminal_asks_before_a_sweep_is_deleted(
    run: Run, terminal: Callable[..., Terminal], service: NoiseSweep, answer: str, remaining: int
) -> None:
    service.submit(scales=[0.1], dataset="digits", name="Week 3").cancel()
    screen = terminal(*command("delete", "last"))
    wait_until(lambda: "Delete it?" in screen.output)
    assert "(Week 3). Its results cannot be restored." in " ".join(screen.output.split())
    screen.type(f"{answer}\n")
    assert screen.process.wait(30) == (1 if remaining else 0)
    assert len(list(service.sweeps())) == remaining
