"""Reader of uploaded data sets: a zip archive from an unknown person, which may be anything.

The archive contains the arrays of Keras's `mnist.npz`, or the four IDX files of MNIST. The sizes in its headers are
checked before anything of that size is read.
"""

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from typing import IO, Any, NamedTuple, cast

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from noisesweep.models import MAX_CLASSES
from shared.datasets.arrays import Arrays
from shared.datasets.files import IDX_FILES
from shared.errors import InvalidDatasetError

SMALLEST_SIDE, LARGEST_SIDE = 8, 64
MAX_IMAGES = 200_000
MAX_NAME_LENGTH = 64
MIN_CLASSES = 2
ARRAYS = ("x_train", "y_train", "x_test", "y_test")
CLASS_NAMES = "class_names"
# Longest header of a .npy file that is read.
HEADER_BYTES = 10_000
UNSIGNED_BYTES = (0, 8)


class Upload(NamedTuple):
    """Arrays of an uploaded data set, and the names of its classes."""

    arrays: Arrays
    class_names: list[str]


def read_upload(content: bytes) -> Upload:
    """Read and check an uploaded data set.

    Raises:
        InvalidDatasetError: The content is something else. The message names the array, its shape and its type.
    """
    with _archive(content) as archive:
        members = {name.removesuffix(".npy"): name for name in archive.namelist()}
        if all(name in members for name in ARRAYS):
            arrays = [_read_npy(archive, members[name], name, _check_of(name)) for name in ARRAYS]
            names = _class_names(archive, members[CLASS_NAMES]) if CLASS_NAMES in members else None
        else:
            files = {name.rpartition("/")[2].removesuffix(".gz"): name for name in archive.namelist()}
            missing = [name for name in IDX_FILES if name not in files]
            if missing:
                raise InvalidDatasetError(
                    f"expected an archive with the arrays {', '.join(ARRAYS)}, or with the files "
                    f"{', '.join(IDX_FILES)}, received one with {_listed(archive.namelist())}"
                )
            arrays = [
                _read_idx(archive, files[file], _check_of(name)) for file, name in zip(IDX_FILES, ARRAYS, strict=True)
            ]
            names = None
    x_train, y_train, x_test, y_test = arrays
    _check_together(x_train, y_train, x_test, y_test)
    classes = int(y_train.max()) + 1
    return Upload((x_train, y_train, x_test, y_test), _checked_names(names, classes))


@contextmanager
def _archive(content: bytes) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, struct.error) as error:
        # RuntimeError: a member is encrypted.
        raise InvalidDatasetError(
            f"expected a zip archive such as an .npz file, received something else: {error}"
        ) from error


Check = Callable[[str, tuple[int, ...]], None]


def _check_of(name: str) -> Check:
    return _check_images_shape if name.startswith("x") else _check_labels_shape


def _check_images_shape(name: str, shape: tuple[int, ...]) -> None:
    sides = shape[1:]
    if len(shape) != 3 or not all(SMALLEST_SIDE <= side <= LARGEST_SIDE for side in sides):  # noqa: PLR2004 - n, h, w
        raise InvalidDatasetError(
            f"{name}: expected the shape (images, height, width) with {SMALLEST_SIDE} to {LARGEST_SIDE} pixels in "
            f"height and width, received {shape}"
        )
    _check_count(name, shape)


def _check_labels_shape(name: str, shape: tuple[int, ...]) -> None:
    if len(shape) != 1:
        raise InvalidDatasetError(f"{name}: expected the shape (images,), received {shape}")
    _check_count(name, shape)


def _check_count(name: str, shape: tuple[int, ...]) -> None:
    if not 1 <= shape[0] <= MAX_IMAGES:
        raise InvalidDatasetError(f"{name}: expected 1 to {MAX_IMAGES:,} images, received {shape[0]:,} (shape {shape})")


def _read_npy(archive: zipfile.ZipFile, member: str, name: str, check: Check) -> NDArray[np.uint8]:
    with archive.open(member) as file:
        shape, fortran_order, dtype = _npy_header(file, name)
        if dtype != np.uint8:
            hint = ". Convert it with astype('uint8'), with pixels from 0 to 255" if dtype.kind in "iufb" else ""
            raise InvalidDatasetError(f"{name}: expected the type uint8, received {dtype} with the shape {shape}{hint}")
        check(name, shape)
        array = np.frombuffer(_read_exactly(file, prod(shape), name), np.uint8)
    return np.ascontiguousarray(array.reshape(shape, order="F" if fortran_order else "C"))


def _npy_header(file: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = npy.read_magic(file)
        if version != (1, 0):  # the header of other versions can have gigabytes
            raise ValueError(f"received version {version[0]}")
        header: tuple[tuple[int, ...], bool, np.dtype[Any]] = npy.read_array_header_1_0(file, HEADER_BYTES)
    except (ValueError, TypeError) as error:
        raise InvalidDatasetError(f"{name}: expected an array in NumPy's format .npy, version 1: {error}") from error
    return header


def _read_idx(archive: zipfile.ZipFile, member: str, check: Check) -> NDArray[np.uint8]:
    with archive.open(member) as packed:
        file = cast("IO[bytes]", gzip.open(packed)) if member.endswith(".gz") else packed  # noqa: SIM115 - reads `packed`
        try:
            *kind, dimensions = struct.unpack(">HBB", file.read(4))
            if tuple(kind) != UNSIGNED_BYTES:
                raise InvalidDatasetError(f"{member}: expected an IDX file of unsigned bytes")
            shape = struct.unpack(f">{dimensions}I", file.read(4 * dimensions))
            check(member, shape)
            return np.frombuffer(_read_exactly(file, prod(shape), member), np.uint8).reshape(shape)
        except (OSError, struct.error) as error:
            raise InvalidDatasetError(f"{member}: expected an IDX file of unsigned bytes: {error}") from error


def _read_exactly(file: IO[bytes], size: int, name: str) -> bytes:
    """Read the content of an array, which ends there."""
    content = file.read(size + 1)
    if len(content) != size:
        more = "more" if len(content) > size else f"{len(content):,}"
        raise InvalidDatasetError(f"{name}: expected {size:,} bytes after the header, received {more}")
    return content


def _class_names(archive: zipfile.ZipFile, member: str) -> list[str]:
    with archive.open(member) as file:
        shape, _, dtype = _npy_header(file, CLASS_NAMES)
        if dtype.kind != "U" or len(shape) != 1 or shape[0] > MAX_CLASSES or dtype.itemsize > 4 * MAX_NAME_LENGTH:
            raise InvalidDatasetError(
                f"{CLASS_NAMES}: expected a list of up to {MAX_CLASSES} texts of up to {MAX_NAME_LENGTH} characters, "
                f"received {dtype} with the shape {shape}"
            )
        names: list[str] = np.frombuffer(_read_exactly(file, shape[0] * dtype.itemsize, CLASS_NAMES), dtype).tolist()
    return names


def _checked_names(names: list[str] | None, classes: int) -> list[str]:
    if names is None:
        return [str(label) for label in range(classes)]
    if len(names) != classes or len(set(names)) != classes or not all(name.strip() for name in names):
        raise InvalidDatasetError(
            f"{CLASS_NAMES}: expected {classes} different names, because the labels are 0 to {classes - 1}, received "
            f"{_listed(names)}"
        )
    return names


def _check_together(
    x_train: NDArray[np.uint8], y_train: NDArray[np.uint8], x_test: NDArray[np.uint8], y_test: NDArray[np.uint8]
) -> None:
    for images, labels, part in ((x_train, y_train, "train"), (x_test, y_test, "test")):
        if len(images) != len(labels):
            raise InvalidDatasetError(
                f"y_{part}: expected one label for each of the {len(images):,} images of x_{part}, received "
                f"{len(labels):,}"
            )
    if x_train.shape[1:] != x_test.shape[1:]:
        raise InvalidDatasetError(
            f"x_test: expected images of {x_train.shape[1]}x{x_train.shape[2]} pixels as in x_train, received the "
            f"shape {x_test.shape}"
        )
    if len(x_train) + len(x_test) > MAX_IMAGES:
        raise InvalidDatasetError(
            f"expected at most {MAX_IMAGES:,} images in x_train and x_test, received {len(x_train) + len(x_test):,}"
        )
    counts = np.bincount(y_train)
    if not MIN_CLASSES <= len(counts) <= MAX_CLASSES or np.count_nonzero(counts) == 1:
        raise InvalidDatasetError(
            f"y_train: expected {MIN_CLASSES} to {MAX_CLASSES} classes with labels from 0, received the labels "
            f"{_listed(np.unique(y_train).tolist())}"
        )
    if not counts.all():
        hint = ". Subtract 1" if not counts[0] and counts[1:].all() else ""
        raise InvalidDatasetError(
            f"y_train: expected images of every label from 0 to {len(counts) - 1}, received none of "
            f"{_listed(np.flatnonzero(counts == 0).tolist())}{hint}"
        )
    if y_test.max() >= len(counts):
        raise InvalidDatasetError(
            f"y_test: expected labels from 0 to {len(counts) - 1} as in y_train, received {y_test.max()}"
        )


def _listed(values: list[Any]) -> str:
    shown = ", ".join(str(value)[:MAX_NAME_LENGTH] for value in values[:5])
    return (f"{shown}, ..." if len(values) > 5 else shown) or "nothing"  # noqa: PLR2004 - enough to recognize it
