"""The digits that come with scikit-learn, brought to the shape of MNIST."""

import numpy as np

from shared.datasets.arrays import Arrays
from shared.datasets.catalogue import CLASSES

SOURCE = "scikit-learn"


def read_digits() -> Arrays:
    """The bundled 8x8 digits, 0..16, as 28x28 images, 0..255: each pixel a 3x3 block, framed by two black pixels."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 - only who asks for them waits for the import

    bunch = load_digits()
    images = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    images = np.kron(images, np.ones((3, 3), np.uint8))
    images = np.pad(images, ((0, 0), (2, 2), (2, 2)))
    labels = bunch.target.astype(np.uint8)
    # Every fifth image of each digit validates, so that both sides hold all digits and all writers.
    validates = np.zeros(len(labels), dtype=bool)
    for digit in range(CLASSES):
        validates[np.flatnonzero(labels == digit)[4::5]] = True
    return images[~validates], labels[~validates], images[validates], labels[validates]
