"""The data sets: what is known of each, where MNIST is looked for, and the arrays themselves.

`python -m shared.datasets mnist` makes a data set ready on this machine (downloading it if need be) and says where
it came from, or why it cannot be had.
"""

import argparse
import gzip
import hashlib
import os
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pooch
import requests
from numpy.typing import NDArray

from shared.errors import DatasetNotFoundError, DatasetUnavailableError
from shared.models import DatasetInfo, DatasetName, TrainingConfig
from shared.settings import Settings

CLASSES = 10
IMAGE_SHAPE = (28, 28)
DOWNLOAD_TIMEOUT_SECONDS = 10.0

# The archive that Keras publishes, with the SHA-256 that Keras checks it by (keras/src/datasets/mnist.py).
MNIST_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
MNIST_ARCHIVE_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"

CATALOGUE = {
    DatasetName.MNIST: DatasetInfo(
        name=DatasetName.MNIST,
        description="Handwritten digits (LeCun, Cortes and Burges): 28x28 grey pixels, as published.",
        image_shape=IMAGE_SHAPE,
        classes=CLASSES,
        training_images=60_000,
        validation_images=10_000,
        sha256="06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16",
    ),
    DatasetName.DIGITS: DatasetInfo(
        name=DatasetName.DIGITS,
        description="Handwritten digits bundled with scikit-learn (UCI optdigits, 8x8): each pixel made a 3x3 block, "
        "framed to 28x28. Small, and there without a network; its figures do not compare with MNIST's.",
        image_shape=IMAGE_SHAPE,
        classes=CLASSES,
        training_images=1_442,
        validation_images=355,
        sha256="583ef91ef1ef9f3f05d3f157d28a4c11716af75a5ea4a0194e434cce17d750d5",
    ),
}


def epoch_work(config: TrainingConfig) -> int:
    """What an epoch costs, up to a factor: training images x parameters, the multiply-accumulates of a forward pass."""
    return CATALOGUE[config.dataset].training_images * config.parameters


@dataclass(frozen=True)
class Dataset:
    """The arrays of a data set, checked against its catalogue entry.

    Attributes:
        name: Which one it is.
        source: Where it was found: a path, a URL or a package.
        training_images: uint8, shape (n, 28, 28), 0 black to 255 white.
        training_labels: uint8, shape (n,), 0 to 9.
        validation_images: uint8, shape (m, 28, 28).
        validation_labels: uint8, shape (m,).
    """

    name: DatasetName
    source: str
    training_images: NDArray[np.uint8]
    training_labels: NDArray[np.uint8]
    validation_images: NDArray[np.uint8]
    validation_labels: NDArray[np.uint8]

    @property
    def sha256(self) -> str:
        """SHA-256 of the four arrays' bytes, in the order of the attributes."""
        digest = hashlib.sha256()
        for array in _arrays(self):
            digest.update(array.tobytes())
        return digest.hexdigest()


Arrays = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]


def _arrays(dataset: Dataset) -> Arrays:
    return (
        dataset.training_images,
        dataset.training_labels,
        dataset.validation_images,
        dataset.validation_labels,
    )


def to_pixels(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Images of shape (n, 28, 28), 0..255, as the network sees them: float32, shape (n, 784), in [0, 1]."""
    pixels = images.reshape(len(images), -1).astype(np.float32)
    pixels /= 255
    return pixels


def load(name: DatasetName, data_dir: Path | None, *, download: bool = True) -> Dataset:
    """The arrays of a data set, from the first place that has it.

    MNIST is looked for in `data_dir` (mnist.npz or the four IDX files), in Keras's cache, and in this project's
    own cache, into which it is downloaded last of all, unless `download` is False.

    Raises:
        DatasetNotFoundError: No place has it.
        DatasetUnavailableError: A place has something else under its name.
    """
    dataset = _load_digits() if name is DatasetName.DIGITS else _load_mnist(data_dir, download=download)
    expected = CATALOGUE[name].sha256
    if dataset.sha256 != expected:
        raise DatasetUnavailableError(
            f"What {dataset.source} holds is not {name}: SHA-256 of its arrays is {dataset.sha256}, "
            f"expected {expected}. Remove or replace it."
        )
    return dataset


def _load_digits() -> Dataset:
    from sklearn.datasets import load_digits  # noqa: PLC0415 - only who trains has scikit-learn

    bunch = load_digits()
    images = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    images = np.kron(images, np.ones((3, 3), np.uint8))
    images = np.pad(images, ((0, 0), (2, 2), (2, 2)))
    labels = bunch.target.astype(np.uint8)
    # Every fifth image of each digit validates, so that both sides hold all digits and all writers.
    validates = np.zeros(len(labels), dtype=bool)
    for digit in range(CLASSES):
        validates[np.flatnonzero(labels == digit)[4::5]] = True
    return Dataset(
        DatasetName.DIGITS,
        "scikit-learn",
        images[~validates],
        labels[~validates],
        images[validates],
        labels[validates],
    )


class _NotHereError(Exception):
    """A place does not have the data set; the message says what was looked for."""


def _load_mnist(data_dir: Path | None, *, download: bool) -> Dataset:
    places: list[Callable[[], Dataset]] = [
        lambda: _mnist_in_folder(data_dir),
        lambda: _mnist_archive(_keras_cache() / "mnist.npz"),
        _mnist_downloaded if download else _mnist_cached,
    ]
    looked = []
    for place in places:
        try:
            return place()
        except _NotHereError as absence:
            looked.append(str(absence))
    raise DatasetNotFoundError(
        f"MNIST was not found on this worker. Looked at: {'; '.join(looked)}. Put mnist.npz or the four IDX files "
        'into a folder and set NOISESWEEP_DATA_DIR to it, or use the dataset "digits", which needs no file.',
        looked,
    )


def _keras_cache() -> Path:
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "datasets"


def _mnist_in_folder(folder: Path | None) -> Dataset:
    if folder is None:
        raise _NotHereError("NOISESWEEP_DATA_DIR (not set)")
    if (folder / "mnist.npz").exists():
        return _mnist_archive(folder / "mnist.npz")
    files = [
        _first_existing(folder / f"{stem}-ubyte", folder / f"{stem}-ubyte.gz")
        for stem in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    ]
    if None in files:
        raise _NotHereError(
            f"NOISESWEEP_DATA_DIR={folder} (neither mnist.npz nor all four of train-images-idx3-ubyte[.gz], ...)"
        )
    return Dataset(DatasetName.MNIST, str(folder), *cast("Arrays", tuple(read_idx(file) for file in files if file)))


def _first_existing(*paths: Path) -> Path | None:
    return next((path for path in paths if path.exists()), None)


def _mnist_archive(path: Path) -> Dataset:
    if not path.exists():
        raise _NotHereError(f"{path} (not there)")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = tuple(archive[key] for key in ("x_train", "y_train", "x_test", "y_test"))
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise DatasetUnavailableError(f"{path} is not the archive of MNIST: {error}. Remove or replace it.") from error
    return Dataset(DatasetName.MNIST, str(path), *cast("Arrays", arrays))


def _mnist_cached() -> Dataset:
    archive = pooch.os_cache("noisesweep") / "mnist.npz"
    # One that is not what was downloaded would be downloaded anew.
    if not archive.exists() or pooch.file_hash(str(archive)) != MNIST_ARCHIVE_SHA256:
        raise _NotHereError(f"{archive} (not there)")
    return _mnist_archive(archive)


def _mnist_downloaded() -> Dataset:
    cache = pooch.os_cache("noisesweep")
    try:
        path = pooch.retrieve(
            MNIST_URL,
            known_hash=MNIST_ARCHIVE_SHA256,
            fname="mnist.npz",
            path=cache,
            downloader=pooch.HTTPDownloader(timeout=DOWNLOAD_TIMEOUT_SECONDS),
        )
    except (requests.RequestException, ValueError, OSError) as error:
        reason = type(error).__name__
        raise _NotHereError(f"{cache / 'mnist.npz'} (not there, and {MNIST_URL} gave {reason})") from error
    return _mnist_archive(Path(path))


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array of unsigned bytes in an IDX file, gzipped or not, in the shape that its header gives.

    The format is described on the MNIST page (LeCun, Cortes and Burges): two zero bytes, the type (8 is unsigned
    byte), the number of dimensions, each dimension as a big-endian 32-bit integer, then the data.

    Raises:
        DatasetUnavailableError: The file is not such a file, or is cut short.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        zero, kind, dimensions = struct.unpack_from(">HBB", content)
        shape = struct.unpack_from(f">{dimensions}I", content, offset=4)
        if (zero, kind) != (0, 8):
            raise ValueError("it does not begin as an IDX file of unsigned bytes does")
        return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
    except (OSError, EOFError, ValueError, struct.error, zlib.error) as error:
        raise DatasetUnavailableError(f"{path} cannot be read: {error}. Remove or replace it.") from error


def main() -> None:
    """Make the named data set ready; exit 1 with the reason where that cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m shared.datasets", description=main.__doc__)
    parser.add_argument("name", choices=list(DatasetName))
    name = DatasetName(parser.parse_args().name)
    try:
        dataset = load(name, Settings().data_dir)
    except DatasetUnavailableError as error:
        sys.exit(str(error))
    sys.stdout.write(f"{dataset.name}: {dataset.source}\n")


if __name__ == "__main__":
    main()
