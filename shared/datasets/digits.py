"""Digits bundled with scikit-learn, converted to the shape of MNIST."""

import numpy as np

from shared.datasets.arrays import Arrays
from shared.datasets.catalogue import CLASSES

SOURCE = "scikit-learn"


def read_digits() -> Arrays:
    """Return the 8x8 digits as 28x28 images, 0 to 255: each pixel a 3x3 block, with a black border of two pixels."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 - a slow import, rarely needed

    bunch = load_digits()
    images = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    images = np.kron(images, np.ones((3, 3), np.uint8))
    images = np.pad(images, ((0, 0), (2, 2), (2, 2)))
    labels = bunch.target.astype(np.uint8)
    # Every fifth image of each digit is for validation, so that both parts contain all digits and writers.
    is_validation = np.zeros(len(labels), dtype=bool)
    for digit in range(CLASSES):
        is_validation[np.flatnonzero(labels == digit)[4::5]] = True
    return images[~is_validation], labels[~is_validation], images[is_validation], labels[is_validation]
