"""The commands `datasets list | show | add | delete`."""

import json
from pathlib import Path

import numpy as np
import pytest

from noisesweep import NoiseSweep
from tests.support.commands import Run
from tests.support.own_data import bars, idx, npz

BARS = bars()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "bars.npz"
    path.write_bytes(npz(BARS | {"class_names": np.array(["left", "middle", "right"])}))
    return path


def test_a_data_set_is_added_described_and_deleted(run: Run, service: NoiseSweep, archive: Path) -> None:
    added = run("datasets", "add", "bars", str(archive), "--description", "Bright bars")
    assert added.returncode == 0, added.stderr
    lines = added.stdout.splitlines()
    assert lines[0] == "Data set bars: 240 training and 60 validation images of 12x17 pixels in 3 classes"
    assert lines[1] == "Training images: left 80, middle 80, right 80"
    assert lines[-1] == "Next: noisesweep submit --dataset bars --scales 0.1 0.5 1"
    picture = archive.with_suffix(".png")
    assert f"Plot saved to {picture}" in run("datasets", "show", "bars", "--out", str(picture)).stdout
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "bars" in run("datasets", "list").stdout
    assert json.loads(run("datasets", "list", "--json").stdout)[-1] == service.dataset("bars").model_dump(mode="json")
    assert run("datasets", "delete", "bars").stdout == "Data set bars deleted.\n"
    missing = run("datasets", "show", "bars")
    assert (missing.returncode, "expected one of mnist" in missing.stderr) == (2, True)


def test_a_folder_of_idx_files_is_added(run: Run, tmp_path: Path) -> None:
    names = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
    for name, array in zip(names, BARS.values(), strict=True):
        (tmp_path / name).write_bytes(idx(array))
    added = json.loads(run("datasets", "add", "bars", str(tmp_path), "--json").stdout)
    assert (added["training_images"], added["class_names"]) == (240, ["0", "1", "2"])


def test_wrong_files_are_named(run: Run, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.npz"
    wrong.write_bytes(npz(BARS | {"x_train": BARS["x_train"] / 255}))
    for path, message in (
        (tmp_path / "none.npz", "none.npz does not exist: expected an .npz file, or a folder with four IDX files"),
        (tmp_path, "has no IDX files: expected names like train-images-idx3-ubyte"),
        (wrong, "x_train: expected the type uint8, received float64 with the shape (240, 12, 17)"),
    ):
        refused = run("datasets", "add", "bars", str(path))
        assert refused.returncode == 2
        assert message in refused.stderr
