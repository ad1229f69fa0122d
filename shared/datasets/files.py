"""Readers for files of MNIST-like data sets: Keras's .npz archive, and the four published IDX files."""

import gzip
import struct
import zipfile
import zlib
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from shared.datasets.arrays import Arrays
from shared.errors import DatasetUnavailableError

IDX_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def idx_files(folder: Path) -> list[Path] | None:
    """Return the four IDX files of a folder, plain or gzipped, in the order of `Arrays`; None if one is missing."""
    files = [
        next((path for path in (folder / name, folder / f"{name}.gz") if path.exists()), None) for name in IDX_FILES
    ]
    return None if None in files else cast("list[Path]", files)


def read(path: Path) -> Arrays:
    """Read a data set from an .npz archive, or from a folder with the four IDX files.

    Raises:
        DatasetUnavailableError: A file cannot be read, or has the wrong format.
    """
    if path.suffix == ".npz":
        return _read_archive(path)
    return cast("Arrays", tuple(read_idx(file) for file in idx_files(path) or ()))


def _read_archive(path: Path) -> Arrays:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return cast("Arrays", tuple(archive[key] for key in ("x_train", "y_train", "x_test", "y_test")))
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise DatasetUnavailableError(
            f"{path}: expected an .npz archive of x_train, y_train, x_test and y_test: {error}. Remove or replace it."
        ) from error


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, plain or gzipped, as an array with the shape given in its header.

    The format is described on the MNIST page (LeCun, Cortes and Burges): two zero bytes, the type (8 is unsigned
    byte), the number of dimensions, each dimension as a big-endian 32-bit integer, then the data.

    Raises:
        DatasetUnavailableError: The file is not an IDX file of unsigned bytes, or is truncated.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        zero, kind, dimensions = struct.unpack_from(">HBB", content)
        shape = struct.unpack_from(f">{dimensions}I", content, offset=4)
        if (zero, kind) != (0, 8):
            raise ValueError("expected an IDX file of unsigned bytes")
        return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
    except (OSError, EOFError, ValueError, struct.error, zlib.error) as error:
        raise DatasetUnavailableError(f"{path} cannot be read: {error}. Remove or replace it.") from error
