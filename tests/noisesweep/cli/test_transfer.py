"""The command `transfer` and its methods of the client."""

import json
from pathlib import Path

import pytest

from noisesweep import NoiseSweep
from noisesweep.client.errors import RefusedError
from tests.support.commands import Run
from tests.support.pictures import PNG_MAGIC
from tests.support.training import Training


def test_table_of_training_and_test_noise_is_printed_and_plotted(
    run: Run, service: NoiseSweep, training: Training, tmp_path: Path
) -> None:
    first = service.submit(scales=[0.5], dataset="digits", epochs=1, test_noise={"shot": [0.3]})
    second = service.submit(scales=[0.3], dataset="digits", epochs=1, noise="shot")
    for sweep in (first, second):
        training.epochs(sweep.record.links.self, runs=1, epochs=1, end=True)
    with pytest.raises(RefusedError, match="has no half-way scale"):
        service.transfer([first, second])
    found = service.transfer([first, second.id], [0.5, 0.3])
    assert [(row.sweep_id, row.noise, row.scale) for row in found.rows] == [
        (first.id, "gaussian", 0.5),
        (second.id, "shot", 0.3),
    ]
    arguments = ("transfer", first.id, second.id, "--scales", "0.5", "0.3")
    assert json.loads(run(*arguments, "--json").stdout) == found.model_dump(mode="json")
    picture = tmp_path / "transfer.png"
    printed = run(*arguments, "--out", str(picture)).stdout
    assert "Gaussian 0.5" in printed
    assert "0.7692" in printed  # shot noise at scale 0.3
    assert printed.endswith(f"Plot saved to {picture}\n")
    assert picture.read_bytes().startswith(PNG_MAGIC)
    refused = run(*arguments[:-1])
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "expected 2, received 1" in refused.stderr
    assert run("transfer", first.id).stderr == "noisesweep: expected 2 or more sweeps, received 1\n"
