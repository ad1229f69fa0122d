"""The command `class` and its methods of the client."""

import json
from pathlib import Path

import pytest

from noisesweep import NoiseSweep
from noisesweep.client.errors import RefusedError
from tests.support.commands import Run
from tests.support.pictures import PNG_MAGIC
from tests.support.training import Training


def test_members_and_means_of_a_class_are_printed_and_plotted(
    run: Run, service: NoiseSweep, training: Training, tmp_path: Path
) -> None:
    for seed in (1, 2):
        sweep = service.submit(scales=[0.25], dataset="digits", epochs=1, seeds=[seed], tags={"course": "ml-101"})
        training.epochs(sweep.record.links.self, runs=1, epochs=1, end=True)
    found = service.class_results("course:ml-101")
    assert [(at.scale, at.networks) for at in found.scales] == [(0.25, 2)]
    assert json.loads(run("class", "course:ml-101", "--json").stdout) == found.model_dump(mode="json")
    picture = tmp_path / "class.png"
    printed = run("class", "course:ml-101", "--out", str(picture)).stdout
    assert "0.8000" in printed  # 1 / (1 + scale)
    assert "2 of 2 sweeps have succeeded." in printed
    assert "Members" not in printed  # without keys, nobody has a name
    assert printed.endswith(f"Plot saved to {picture}\n")
    assert picture.read_bytes().startswith(PNG_MAGIC)
    drawn = service.class_plot("course", tmp_path / "again.svg", theme="dark")
    assert b"<svg" in drawn.read_bytes()


def test_text_that_is_not_a_tag_is_refused(run: Run, service: NoiseSweep) -> None:
    with pytest.raises(RefusedError, match="expected a tag"):
        service.class_results("Course")
    refused = run("class", "Course")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "expected a tag, key or key:value" in refused.stderr


def test_class_without_sweeps_says_so(run: Run) -> None:
    assert run("class", "course:ml-101").stdout == "No sweep has the tag course:ml-101 yet.\n"
