"""Reader of uploaded data sets. The content is untrusted.

The archive contains the arrays of Keras's `mnist.npz`, or the four IDX files of MNIST. All headers are checked before
any data is read.
"""

import gzip
import io
import struct
import zipfile
from collections.abc import Iterator, Sequence
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
MAX_IMAGES, MAX_PIXELS = 200_000, 400_000_000
MAX_NAME_LENGTH = 64
MIN_CLASSES = 2
ARRAYS = ("x_train", "y_train", "x_test", "y_test")
CLASS_NAMES = "class_names"
# Longest header of a .npy file that is read.
HEADER_BYTES = 10_000
UNSIGNED_BYTES = (0, 8)
# Mark of an entry in the directory of a zip archive.
DIRECTORY_ENTRY, MAX_MEMBERS = b"PK\x01\x02", 100


class Upload(NamedTuple):
    """Arrays of an uploaded data set, and the names of its classes."""

    arrays: Arrays
    class_names: list[str]


def read_upload(content: bytes) -> Upload:
    """Read and check an uploaded data set.

    Raises:
        InvalidDatasetError: The archive is not a valid data set. The message names the array, its shape and its type.
    """
    try:
        return _read_archive(content)
    except InvalidDatasetError:
        raise
    except Exception as error:  # a damaged archive can raise any error, in zipfile, zlib, struct, tokenize or NumPy
        reason = str(error) or type(error).__name__
        raise InvalidDatasetError(f"expected a zip archive, for example an .npz file: {reason}") from error


def _read_archive(content: bytes) -> Upload:
    if content.count(DIRECTORY_ENTRY) > MAX_MEMBERS:  # ZipFile would make an object for each
        raise InvalidDatasetError(f"expected an archive with up to {MAX_MEMBERS} files, received more")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for member in archive.infolist():
            # The others are decompressed without a limit.
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise InvalidDatasetError(
                    f"{member.filename}: expected no compression or deflate, received another one"
                )
        members = {name.removesuffix(".npy"): name for name in archive.namelist()}
        files = {name.rpartition("/")[2].removesuffix(".gz"): name for name in archive.namelist()}
        if all(name in members for name in ARRAYS):
            sources: list[Source] = [Npy(archive, members[name], name) for name in ARRAYS]
        elif all(name in files for name in IDX_FILES):
            sources = [Idx(archive, files[name], name) for name in IDX_FILES]
        else:
            raise InvalidDatasetError(
                f"expected an archive with the arrays {', '.join(ARRAYS)}, or with the files {', '.join(IDX_FILES)}, "
                f"received one with {_listed(archive.namelist())}"
            )
        _check_shapes(sources, [source.read_shape() for source in sources])
        x_train, y_train, x_test, y_test = (source.read_array() for source in sources)
        names = _class_names(archive, members[CLASS_NAMES]) if CLASS_NAMES in members else None
    classes = _check_labels(y_train, y_test)
    return Upload((x_train, y_train, x_test, y_test), _checked_names(names, classes))


class Npy(NamedTuple):
    """Array in a .npy file."""

    archive: zipfile.ZipFile
    member: str
    name: str

    def read_shape(self) -> tuple[int, ...]:
        """Read the shape from the header. Raise InvalidDatasetError if the type is not uint8."""
        with self.archive.open(self.member) as file:
            shape, _, dtype = _npy_header(file, self.name)
        if dtype != np.uint8:
            hint = ". Convert it with astype('uint8'), with pixels from 0 to 255" if dtype.kind in "iufb" else ""
            raise InvalidDatasetError(
                f"{self.name}: expected the type uint8, received {dtype} with the shape {shape}{hint}"
            )
        return shape

    def read_array(self) -> NDArray[np.uint8]:
        """Read the array, whose shape has been checked."""
        with self.archive.open(self.member) as file:
            shape, fortran_order, _ = _npy_header(file, self.name)
            array = np.frombuffer(_read_exactly(file, prod(shape), self.name), np.uint8)
        return np.ascontiguousarray(array.reshape(shape, order="F" if fortran_order else "C"))


class Idx(NamedTuple):
    """Array in an IDX file, which may be gzipped."""

    archive: zipfile.ZipFile
    member: str
    name: str

    def read_shape(self) -> tuple[int, ...]:
        """Read the shape from the header. Raise InvalidDatasetError if the type is not unsigned bytes."""
        with self._open() as file:
            return self._header(file)

    def read_array(self) -> NDArray[np.uint8]:
        """Read the array, whose shape has been checked."""
        with self._open() as file:
            shape = self._header(file)
            return np.frombuffer(_read_exactly(file, prod(shape), self.name), np.uint8).reshape(shape)

    @contextmanager
    def _open(self) -> Iterator[IO[bytes]]:
        with self.archive.open(self.member) as packed:
            if self.member.endswith(".gz"):
                with gzip.open(packed) as file:
                    yield cast("IO[bytes]", file)
            else:
                yield packed

    def _header(self, file: IO[bytes]) -> tuple[int, ...]:
        try:
            *kind, dimensions = struct.unpack(">HBB", file.read(4))
            shape: tuple[int, ...] = struct.unpack(f">{dimensions}I", file.read(4 * dimensions))
        except (OSError, struct.error) as error:
            raise InvalidDatasetError(f"{self.name}: expected an IDX file of unsigned bytes: {error}") from error
        if tuple(kind) != UNSIGNED_BYTES:
            raise InvalidDatasetError(f"{self.name}: expected an IDX file of unsigned bytes")
        return shape


Source = Npy | Idx


def _check_shapes(sources: Sequence[Source], shapes: Sequence[tuple[int, ...]]) -> None:
    names = [source.name for source in sources]
    for name, shape, dimensions in zip(names, shapes, (3, 1, 3, 1), strict=True):
        if len(shape) != dimensions or not all(SMALLEST_SIDE <= side <= LARGEST_SIDE for side in shape[1:]):
            expected = (
                f"(images, height, width) with {SMALLEST_SIDE} to {LARGEST_SIDE} pixels in height and width"
                if dimensions > 1
                else "(images,)"
            )
            raise InvalidDatasetError(f"{name}: expected the shape {expected}, received {shape}")
        if not 1 <= shape[0] <= MAX_IMAGES:
            raise InvalidDatasetError(
                f"{name}: expected 1 to {MAX_IMAGES:,} images, received {shape[0]:,} (shape {shape})"
            )
    x_train, y_train, x_test, y_test = shapes
    for index, images, labels in ((1, x_train, y_train), (3, x_test, y_test)):
        if images[0] != labels[0]:
            raise InvalidDatasetError(
                f"{names[index]}: expected one label for each of the {images[0]:,} images of {names[index - 1]}, "
                f"received {labels[0]:,}"
            )
    if x_train[1:] != x_test[1:]:
        raise InvalidDatasetError(
            f"{names[2]}: expected images of {x_train[1]}x{x_train[2]} pixels as in {names[0]}, received the shape "
            f"{x_test}"
        )
    count, size = x_train[0] + x_test[0], prod(x_train) + prod(x_test)
    if count > MAX_IMAGES or size > MAX_PIXELS:
        raise InvalidDatasetError(
            f"expected at most {MAX_IMAGES:,} images and {MAX_PIXELS:,} pixels in {names[0]} and {names[2]}, received "
            f"{count:,} images and {size:,} pixels"
        )


def _npy_header(file: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = npy.read_magic(file)
        if version != (1, 0):  # the header of other versions can have gigabytes
            raise ValueError(f"received version {version[0]}")
        header: tuple[tuple[int, ...], bool, np.dtype[Any]] = npy.read_array_header_1_0(file, HEADER_BYTES)
    except (ValueError, TypeError) as error:
        raise InvalidDatasetError(f"{name}: expected an array in NumPy's format .npy, version 1: {error}") from error
    return header


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
        fits = len(shape) == 1 and 1 <= shape[0] <= MAX_CLASSES and 0 < dtype.itemsize <= 4 * MAX_NAME_LENGTH
        if dtype.kind != "U" or not fits:
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


def _check_labels(y_train: NDArray[np.uint8], y_test: NDArray[np.uint8]) -> int:
    """Return the number of classes."""
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
    return len(counts)


def _listed(values: list[Any]) -> str:
    shown = ", ".join(str(value)[:MAX_NAME_LENGTH] for value in values[:5])
    return (f"{shown}, ..." if len(values) > 5 else shown) or "nothing"  # noqa: PLR2004 - enough to recognize it
