"""Arrays of a data set, and their conversion to network inputs."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Training images, training labels, validation images, validation labels.
Arrays = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]


@dataclass(frozen=True)
class Dataset:
    """Arrays of a data set.

    Attributes:
        name: Its name in the catalogue.
        source: The path or package that the arrays were read from.
        training_images: uint8, shape (n, 28, 28), 0 black to 255 white.
        training_labels: uint8, shape (n,), 0 to 9.
        validation_images: uint8, shape (m, 28, 28).
        validation_labels: uint8, shape (m,).
    """

    name: str
    source: str
    training_images: NDArray[np.uint8]
    training_labels: NDArray[np.uint8]
    validation_images: NDArray[np.uint8]
    validation_labels: NDArray[np.uint8]

    @property
    def sha256(self) -> str:
        """Return the SHA-256 of the four arrays' bytes, in the order of the attributes."""
        digest = hashlib.sha256()
        for array in (self.training_images, self.training_labels, self.validation_images, self.validation_labels):
            digest.update(array.tobytes())
        return digest.hexdigest()


def to_pixels(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the network inputs for uint8 images of shape (n, 28, 28): float32, shape (n, 784), in [0, 1]."""
    pixels = images.reshape(len(images), -1).astype(np.float32)
    pixels /= 255
    return pixels
