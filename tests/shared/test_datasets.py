import gzip
import io
import os
import struct
from pathlib import Path

import numpy as np
import pooch
import pytest

from shared import datasets
from shared.datasets import CATALOGUE, load, read_idx, to_pixels
from shared.errors import DatasetNotFoundError, DatasetUnavailableError
from shared.models import DatasetName

MNIST = os.environ.get("NOISESWEEP_DATA_DIR")
with_mnist = pytest.mark.skipif(not MNIST, reason="set NOISESWEEP_DATA_DIR to a folder with MNIST")


def write_idx(path: Path, array: np.ndarray, magic: bytes = b"\x00\x00\x08") -> Path:
    content = magic + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.fixture
def no_keras_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


@pytest.mark.parametrize("name", [DatasetName.DIGITS, pytest.param(DatasetName.MNIST, marks=with_mnist)])
def test_the_arrays_are_those_of_the_catalogue(name: DatasetName) -> None:
    dataset = load(name, Path(MNIST) if MNIST else None)
    entry = CATALOGUE[name]
    assert dataset.sha256 == entry.sha256
    assert dataset.training_images.shape == (entry.training_images, *entry.image_shape)
    assert dataset.validation_images.shape == (entry.validation_images, *entry.image_shape)
    for images, labels in (
        (dataset.training_images, dataset.training_labels),
        (dataset.validation_images, dataset.validation_labels),
    ):
        assert images.dtype == labels.dtype == np.uint8
        assert len(images) == len(labels)
        assert set(labels) == set(range(entry.classes))


@with_mnist
def test_the_first_labels_of_mnist_are_those_the_notebook_printed() -> None:
    assert load(DatasetName.MNIST, Path(MNIST or "")).training_labels[:5].tolist() == [5, 0, 4, 1, 9]


@with_mnist
def test_mnist_as_an_archive_is_the_same_mnist(tmp_path: Path) -> None:
    files = load(DatasetName.MNIST, Path(MNIST or ""))
    np.savez(
        tmp_path / "mnist.npz",
        x_train=files.training_images,
        y_train=files.training_labels,
        x_test=files.validation_images,
        y_test=files.validation_labels,
    )
    assert load(DatasetName.MNIST, tmp_path).sha256 == files.sha256


@with_mnist
def test_mnist_is_found_in_the_cache_of_keras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = load(DatasetName.MNIST, Path(MNIST or ""))
    (tmp_path / "datasets").mkdir()
    np.savez(
        tmp_path / "datasets" / "mnist.npz",
        x_train=files.training_images,
        y_train=files.training_labels,
        x_test=files.validation_images,
        y_test=files.validation_labels,
    )
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert load(DatasetName.MNIST, None).source == str(tmp_path / "datasets" / "mnist.npz")


@with_mnist
@pytest.mark.usefixtures("no_keras_cache")
def test_mnist_that_was_downloaded_before_is_found_without_a_download_and_only_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    files = load(DatasetName.MNIST, Path(MNIST or ""))
    archive = pooch.os_cache("noisesweep") / "mnist.npz"
    archive.parent.mkdir(parents=True)
    np.savez(
        archive,
        x_train=files.training_images,
        y_train=files.training_labels,
        x_test=files.validation_images,
        y_test=files.validation_labels,
    )
    monkeypatch.setattr(datasets, "MNIST_ARCHIVE_SHA256", pooch.file_hash(str(archive)))
    assert load(DatasetName.MNIST, None, download=False).source == str(archive)
    archive.write_bytes(archive.read_bytes()[:1000])
    with pytest.raises(DatasetNotFoundError) as absence:
        load(DatasetName.MNIST, None, download=False)
    assert f"{archive} (not there)" in absence.value.looked_at


@pytest.mark.usefixtures("no_keras_cache")
def test_images_that_are_not_mnist_are_refused_by_their_hash(tmp_path: Path) -> None:
    images, labels = np.zeros((10, 28, 28), np.uint8), np.zeros(10, np.uint8)
    np.savez(tmp_path / "mnist.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    with pytest.raises(DatasetUnavailableError, match=r"is not mnist: SHA-256 .* expected 06b0d1f1"):
        load(DatasetName.MNIST, tmp_path)


def archive() -> bytes:
    content = io.BytesIO()
    np.savez(content, x_train=np.zeros((10, 28, 28), np.uint8))
    return content.getvalue()


def single_array() -> bytes:
    content = io.BytesIO()
    np.save(content, np.zeros(10, np.uint8))
    return content.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"", b"not an archive", archive(), archive()[:500], single_array()],
    ids=lambda content: f"{len(content)} bytes",
)
def test_a_file_that_is_no_archive_of_mnist_is_named_and_not_passed_over(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mnist.npz").write_bytes(content)
    with pytest.raises(DatasetUnavailableError, match=r"mnist\.npz is not the archive of MNIST.*Remove or replace"):
        load(DatasetName.MNIST, tmp_path)


@pytest.mark.usefixtures("no_keras_cache")
def test_mnist_nowhere_says_where_it_was_looked_for_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there: no test downloads
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(DatasetUnavailableError) as refusal:
        load(DatasetName.MNIST, tmp_path)
    message = str(refusal.value)
    for part in (str(tmp_path), "keras", "tf-keras-datasets", "set NOISESWEEP_DATA_DIR", '"digits"'):
        assert part in message


@pytest.mark.parametrize("name", ["images-idx3-ubyte", "images-idx3-ubyte.gz"])
def test_an_idx_file_reads_back_as_the_array_it_holds(tmp_path: Path, name: str) -> None:
    array = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    np.testing.assert_array_equal(read_idx(write_idx(tmp_path / name, array)), array)


def test_an_idx_file_of_another_kind_or_cut_short_is_refused(tmp_path: Path) -> None:
    array = np.arange(24, dtype=np.uint8).reshape(2, 12)
    with pytest.raises(DatasetUnavailableError, match="unsigned bytes"):
        read_idx(write_idx(tmp_path / "floats", array, magic=b"\x00\x00\x0d"))
    whole = write_idx(tmp_path / "whole", array)
    for length in (0, 3, 11, 30):
        whole.write_bytes(whole.read_bytes()[:length] if length else b"")
        with pytest.raises(DatasetUnavailableError, match="cannot be read"):
            read_idx(whole)
        write_idx(whole, array)
    spoilt = write_idx(tmp_path / "spoilt.gz", array)
    spoilt.write_bytes(spoilt.read_bytes()[:20] + b"\0" * 20)
    with pytest.raises(DatasetUnavailableError, match="cannot be read"):
        read_idx(spoilt)


def test_pixels_are_rows_of_784_in_zero_to_one() -> None:
    images = np.array([0, 51, 255] * 28 * 28, np.uint8).reshape(3, 28, 28)
    pixels = to_pixels(images)
    assert pixels.shape == (3, 784)
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(np.unique(pixels), [0, 0.2, 1])
