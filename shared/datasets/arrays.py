"""Arrays of a data set, and their conversion to network inputs."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from noisesweep.models import DatasetFacts

# Training images, training labels, validation images, validation labels.
Arrays = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]


@dataclass(frozen=True)
class Dataset:
    """Arrays of a data set.

    Attributes:
        facts: Its content, in numbers and names.
        source: Where the arrays were read from.
        training_images: uint8, shape (n, height, width), 0 black to 255 white.
        training_labels: uint8, shape (n,), from 0.
        validation_images: uint8, shape (m, height, width).
        validation_labels: uint8, shape (m,).
    """

    facts: DatasetFacts
    source: str
    training_images: NDArray[np.uint8]
    training_labels: NDArray[np.uint8]
    validation_images: NDArray[np.uint8]
    validation_labels: NDArray[np.uint8]

    @property
    def sha256(self) -> str:
        """Return the SHA-256 of the four arrays' bytes, in the order of the attributes."""
        return hash_arrays((self.training_images, self.training_labels, self.validation_images, self.validation_labels))

    @property
    def name(self) -> str:
        """Return its name."""
        return self.facts.name


def hash_arrays(arrays: Iterable[NDArray[np.uint8]]) -> str:
    """Return the SHA-256 of the arrays' bytes, one after another in row-major order."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def to_pixels(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the network inputs for uint8 images (n, height, width): float32, (n, height * width), in [0, 1]."""
    pixels = images.reshape(len(images), -1).astype(np.float32)
    pixels /= 255
    return pixels
