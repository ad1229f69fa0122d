"""Small data sets, and writers for their files."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from shared.datasets import CATALOGUE, Dataset
from shared.datasets.files import IDX_FILES
from shared.datasets.search_paths import PUBLISHED


def write_idx(path: Path, array: np.ndarray, magic: bytes = b"\x00\x00\x08") -> Path:
    content = magic + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def write_archive(path: Path, dataset: Dataset) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path,
        x_train=dataset.training_images,
        y_train=dataset.training_labels,
        x_test=dataset.validation_images,
        y_test=dataset.validation_labels,
    )
    return path


def write_files(folder: Path, dataset: Dataset) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    arrays = (
        dataset.training_images,
        dataset.training_labels,
        dataset.validation_images,
        dataset.validation_labels,
    )
    for name, array in zip(IDX_FILES, arrays, strict=True):
        write_idx(folder / name, array)
    return folder


def hide_data_sets(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redirect all search paths except NOISESWEEP_DATA_DIR to a folder, and make downloads fail."""
    monkeypatch.setenv("XDG_DATA_DIRS", str(folder / "system"))
    monkeypatch.setenv("KERAS_HOME", str(folder / "keras"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # no server listens there
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


def shrink_catalogue(monkeypatch: pytest.MonkeyPatch) -> dict[str, Dataset]:
    """Replace each published data set with ten images, because reading the real ones takes half a second."""
    draws = np.random.default_rng(0)
    small = {}
    for name in PUBLISHED:
        images, labels = draws.integers(256, size=(10, 28, 28), dtype=np.uint8), np.arange(10, dtype=np.uint8)
        small[name] = Dataset(CATALOGUE[name], "", images, labels, images[::-1], labels[::-1])
        monkeypatch.setitem(CATALOGUE, name, CATALOGUE[name].model_copy(update={"sha256": small[name].sha256}))
    return small
