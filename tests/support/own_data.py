"""Small data sets as clients upload them: bright bars at a different place for each class."""

import io
import struct
import zipfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]


def bars(classes: int = 3, shape: tuple[int, int] = (12, 17), training: int = 240, test: int = 60) -> Arrays:
    """Return arrays of a data set that a network learns in an epoch."""
    draws = np.random.default_rng(classes)

    def part(count: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        labels = np.arange(count) % classes
        images = draws.integers(0, 60, (count, *shape), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[:, label * shape[1] // classes : (label + 1) * shape[1] // classes] += 180
        return images, labels.astype(np.uint8)

    return dict(zip(("x_train", "y_train", "x_test", "y_test"), (*part(training), *part(test)), strict=True))


def npz(arrays: Arrays) -> bytes:
    """Return an .npz archive, as from `numpy.savez_compressed`."""
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=True, **arrays)  # also what the service must refuse
    return content.getvalue()


def archive(members: dict[str, bytes]) -> bytes:
    """Return a zip archive of these files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        for name, member in members.items():
            file.writestr(name, member)
    return content.getvalue()


def idx(array: NDArray[np.uint8]) -> bytes:
    """Return an IDX file of unsigned bytes."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def npy(array: NDArray[Any]) -> bytes:
    """Return a .npy file."""
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()
