"""Predictions of networks on a set of images."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.trainer.state import Array

Float64Array = NDArray[np.float64]


class Predictions(NamedTuple):
    """Predictions of K networks on n images.

    Attributes:
        loss: Mean loss in nats, (K,).
        predicted: Predicted class of each image, (K, n).
        labels: True class of each image, (n,).
        classes: Number of classes.
    """

    loss: Array
    predicted: NDArray[np.int32]
    labels: NDArray[np.int32]
    classes: int

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Return whether each image was classified correctly, (K, n)."""
        correct: NDArray[np.bool_] = self.predicted == self.labels
        return correct

    @property
    def accuracy(self) -> Float64Array:
        """Return the fraction of correctly classified images, (K,)."""
        accuracy: Float64Array = self.correct.mean(axis=1)
        return accuracy

    def confusion(self, run: int) -> NDArray[np.int64]:
        """Return a network's number of images by true and predicted class, (classes, classes)."""
        counts = np.bincount(self.classes * self.labels + self.predicted[run], minlength=self.classes**2)
        return counts.reshape(self.classes, self.classes)
