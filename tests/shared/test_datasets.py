import http.server
import io
import os
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pooch
import pytest

from shared.datasets import CATALOGUE, Dataset, DatasetName, load, read_idx, to_pixels
from shared.datasets.files import IDX_FILES, idx_files
from shared.datasets.search_paths import PUBLISHED
from shared.errors import DatasetNotFoundError, DatasetUnavailableError
from tests.support.dataset_files import hide_data_sets, shrink_catalogue, write_archive, write_files, write_idx

MNIST = os.environ.get("NOISESWEEP_DATA_DIR")
FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
with_mnist = pytest.mark.skipif(not MNIST, reason="set NOISESWEEP_DATA_DIR to a folder with MNIST")
with_fashion_mnist = pytest.mark.skipif(
    not idx_files(FASHION_MNIST), reason="install Debian's package dataset-fashion-mnist"
)


@pytest.fixture
def no_other_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide all data sets outside the folder of the test."""
    hide_data_sets(tmp_path, monkeypatch)


@pytest.fixture
def small_catalogue(monkeypatch: pytest.MonkeyPatch) -> dict[str, Dataset]:
    return shrink_catalogue(monkeypatch)


@pytest.mark.parametrize(
    "name",
    [
        DatasetName.DIGITS,
        pytest.param(DatasetName.MNIST, marks=with_mnist),
        pytest.param(DatasetName.FASHION_MNIST, marks=with_fashion_mnist),
    ],
)
def test_arrays_match_the_catalogue(name: DatasetName) -> None:
    dataset = load(name, Path(MNIST) if MNIST else None, download=False)
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


def test_each_data_set_has_class_names_licence_and_citation() -> None:
    assert CATALOGUE.keys() == set(DatasetName)
    for entry in CATALOGUE.values():
        assert len(set(entry.class_names)) == entry.classes
        assert entry.licence
        assert entry.citation


@with_mnist
def test_first_mnist_labels_match_the_notebook() -> None:
    assert load(DatasetName.MNIST, Path(MNIST or "")).training_labels[:5].tolist() == [5, 0, 4, 1, 9]


@with_fashion_mnist
def test_first_fashion_mnist_image_is_an_ankle_boot() -> None:
    label = load(DatasetName.FASHION_MNIST, None, download=False).training_labels[0]
    assert CATALOGUE[DatasetName.FASHION_MNIST].class_names[label] == "Ankle boot"


@pytest.mark.usefixtures("no_other_datasets")
@pytest.mark.parametrize(
    ("name", "path"),
    [
        (DatasetName.MNIST, "data/mnist.npz"),
        (DatasetName.MNIST, "data"),
        (DatasetName.MNIST, "data/mnist"),
        (DatasetName.MNIST, "system/datasets/mnist"),
        (DatasetName.MNIST, "keras/datasets/mnist.npz"),
        (DatasetName.FASHION_MNIST, "data/fashion_mnist.npz"),
        (DatasetName.FASHION_MNIST, "data"),
        (DatasetName.FASHION_MNIST, "data/fashion-mnist"),
        (DatasetName.FASHION_MNIST, "data/fashion_mnist"),
        (DatasetName.FASHION_MNIST, "system/datasets/fashion-mnist"),
        (DatasetName.FASHION_MNIST, "keras/datasets/fashion-mnist"),
    ],
)
def test_data_set_is_found_in_every_search_path(
    tmp_path: Path, small_catalogue: dict[str, Dataset], name: DatasetName, path: str
) -> None:
    write = write_archive if path.endswith(".npz") else write_files
    written = write(tmp_path / path, small_catalogue[name])
    dataset = load(name, tmp_path / "data")
    assert (dataset.name, dataset.source) == (name, str(written))
    np.testing.assert_array_equal(dataset.training_images, small_catalogue[name].training_images)
    np.testing.assert_array_equal(dataset.validation_labels, small_catalogue[name].validation_labels)


@pytest.mark.usefixtures("no_other_datasets")
@pytest.mark.parametrize("name", PUBLISHED)
def test_data_sets_with_equal_file_names_are_not_confused(
    tmp_path: Path, small_catalogue: dict[str, Dataset], name: DatasetName
) -> None:
    other = next(one for one in PUBLISHED if one is not name)
    folder = write_files(tmp_path / "data", small_catalogue[other])
    assert load(other, folder).source == str(folder)
    with pytest.raises(DatasetNotFoundError) as not_found:
        load(name, folder)
    assert f"{folder} (contains {other})" in not_found.value.searched
    found = write_files(tmp_path / "keras" / "datasets" / PUBLISHED[name].subfolders[0], small_catalogue[name])
    assert load(name, folder).source == str(found)


@pytest.mark.usefixtures("no_other_datasets")
@pytest.mark.parametrize("name", PUBLISHED)
def test_cached_download_is_used_only_if_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_catalogue: dict[str, Dataset], name: DatasetName
) -> None:
    cache = pooch.os_cache("noisesweep")
    path = write_archive(cache / PUBLISHED[name].archive, small_catalogue[name])
    downloads = {path.name: f"sha256:{pooch.file_hash(str(path))}"}
    monkeypatch.setitem(PUBLISHED, name, replace(PUBLISHED[name], downloads=downloads))
    assert load(name, None, download=False).source == str(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DatasetNotFoundError) as not_found:
        load(name, None, download=False)
    assert f"{cache} (not found)" in not_found.value.searched


class Mirror(http.server.SimpleHTTPRequestHandler):
    """File server that logs nothing."""

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.mark.usefixtures("no_other_datasets")
def test_files_are_downloaded_once_and_checked_by_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_catalogue: dict[str, Dataset]
) -> None:
    name = DatasetName.FASHION_MNIST
    origin = write_files(tmp_path / "origin", small_catalogue[name])
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Mirror, directory=str(origin))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        published = replace(PUBLISHED[name], origin=f"http://127.0.0.1:{server.server_port}")
        try:
            wrong = {f"fashion-mnist/{file}": "md5:" + "0" * 32 for file in IDX_FILES}
            monkeypatch.setitem(PUBLISHED, name, replace(published, downloads=wrong))
            with pytest.raises(DatasetNotFoundError, match="train-images-idx3-ubyte failed with ValueError"):
                load(name, None)
            hashes = {
                f"fashion-mnist/{file}": f"md5:{pooch.file_hash(str(origin / file), alg='md5')}" for file in IDX_FILES
            }
            monkeypatch.setitem(PUBLISHED, name, replace(published, downloads=hashes))
            cache = pooch.os_cache("noisesweep") / "fashion-mnist"
            assert load(name, None).source == str(cache)
        finally:
            server.shutdown()
            thread.join()
    assert load(name, None).source == str(cache)


@pytest.mark.usefixtures("no_other_datasets")
def test_unknown_images_are_rejected_by_hash(tmp_path: Path) -> None:
    images, labels = np.zeros((10, 28, 28), np.uint8), np.zeros(10, np.uint8)
    np.savez(tmp_path / "mnist.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    with pytest.raises(DatasetUnavailableError, match=r"is not mnist: expected SHA-256 06b0d1f1"):
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
def test_invalid_archive_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mnist.npz").write_bytes(content)
    with pytest.raises(
        DatasetUnavailableError, match=r"mnist\.npz: expected an \.npz archive of x_train.*Remove or replace"
    ):
        load(DatasetName.MNIST, tmp_path)


@pytest.mark.usefixtures("no_other_datasets")
@pytest.mark.parametrize(
    ("name", "title"), [(DatasetName.MNIST, "MNIST"), (DatasetName.FASHION_MNIST, "Fashion-MNIST")]
)
def test_missing_data_set_error_lists_search_paths_and_remedy(tmp_path: Path, name: DatasetName, title: str) -> None:
    with pytest.raises(DatasetUnavailableError, match=f"^{title} was not found on this host") as not_found:
        load(name, tmp_path)
    message = str(not_found.value)
    for part in (
        f"NOISESWEEP_DATA_DIR={tmp_path} (neither {name}.npz nor all four of train-images-idx3-ubyte",
        f"{tmp_path / 'system' / 'datasets'} (not found)",
        f"{tmp_path / 'keras' / 'datasets'} (not found)",
        "tf-keras-datasets",
        f"put {name}.npz",
        "set NOISESWEEP_DATA_DIR",
        '"digits"',
    ):
        assert part in message


@pytest.mark.parametrize("name", ["images-idx3-ubyte", "images-idx3-ubyte.gz"])
def test_idx_file_round_trip(tmp_path: Path, name: str) -> None:
    array = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    np.testing.assert_array_equal(read_idx(write_idx(tmp_path / name, array)), array)


def test_invalid_or_truncated_idx_file_is_rejected(tmp_path: Path) -> None:
    array = np.arange(24, dtype=np.uint8).reshape(2, 12)
    with pytest.raises(DatasetUnavailableError, match="unsigned bytes"):
        read_idx(write_idx(tmp_path / "floats", array, magic=b"\x00\x00\x0d"))
    whole = write_idx(tmp_path / "whole", array)
    for length in (0, 3, 11, 30):
        whole.write_bytes(whole.read_bytes()[:length] if length else b"")
        with pytest.raises(DatasetUnavailableError, match="cannot be read"):
            read_idx(whole)
        write_idx(whole, array)
    corrupt = write_idx(tmp_path / "corrupt.gz", array)
    corrupt.write_bytes(corrupt.read_bytes()[:20] + b"\0" * 20)
    with pytest.raises(DatasetUnavailableError, match="cannot be read"):
        read_idx(corrupt)


def test_pixels_are_rows_of_784_from_0_to_1() -> None:
    images = np.array([0, 51, 255] * 28 * 28, np.uint8).reshape(3, 28, 28)
    pixels = to_pixels(images)
    assert pixels.shape == (3, 784)
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(np.unique(pixels), [0, 0.2, 1])


def test_unreadable_folder_is_an_error_with_reason() -> None:
    folder = Path("/", "x" * 300)
    with pytest.raises(DatasetUnavailableError, match=r"Cannot read NOISESWEEP_DATA_DIR=/x+: File name too long"):
        load(DatasetName.MNIST, folder, download=False)
