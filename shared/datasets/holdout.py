"""Choice of the training images that are held out of the training, to validate on them."""

import numpy as np
from numpy.typing import NDArray

from shared.noise import Purpose, generator

# The choice is part of the experiment, not of a repetition of it, so all seeds share it.
SEED = 0


def holdout_rows(labels: NDArray[np.uint8], count: int) -> NDArray[np.int64]:
    """Return the ascending rows of the held-out images: `count` of all rows, with the same share of each class.

    The number of a class is its share of `count`, rounded down, or up for the classes with the largest remainders.
    """
    order = generator(SEED, Purpose.HOLDOUT).permutation(len(labels))
    by_class = np.bincount(labels)
    shares = by_class * count / len(labels)
    counts = np.floor(shares).astype(np.int64)
    largest_remainders = np.argsort(counts - shares, kind="stable")
    counts[largest_remainders[: count - counts.sum()]] += 1
    chosen = [order[labels[order] == label][: counts[label]] for label in range(len(by_class))]
    return np.sort(np.concatenate(chosen))
