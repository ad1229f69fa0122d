"""The ideal observer for Gaussian noise: the classifier that knows the noise and has the training images as templates.

For a noisy image y, noise of scale s and templates x_i of classes c_i, it computes the posterior

    p(c | y) = (sum of p(y | x_i) over the templates of class c) / (sum of p(y | x_i) over all templates)

and answers with the class of the largest. p(y | x) is the normal density exp(-|y - x|^2 / (2 s^2)), up to a factor. If
noisy pixels are clipped to [0, 1], a pixel of value 0 has the likelihood Phi(-x / s), one of value 1 has
Phi((x - 1) / s), and the others have the normal density (censored data: Tobin 1958).

It trains nothing, and gives two ends for the best possible accuracy on images drawn like the templates:

- the lower end is the accuracy on images that are not among its templates: no classifier is better than Bayes' rule;
- the upper end is the mean of its largest posterior on its own templates with fresh noise. In expectation, this is the
  best accuracy for images drawn from the templates themselves, which is at least the best accuracy for the
  distribution that they were drawn from (Fukunaga and Hummels 1987, "Bayes error estimation using Parzen and k-NN
  procedures", IEEE TPAMI 9, 634-643).

In shapes, n is the number of templates, m that of noisy images, P that of pixels and C that of classes.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

Array = NDArray[np.float32]
# Function of images and noise, both (m, P), that yields log-likelihoods, (m, n), for each scale.
LogLikelihoods = Callable[[Array, Array], Iterator[Array]]
# Elements of the largest array, the log-likelihoods of a block of images: 96 MB.
BLOCK_ELEMENTS = 24_000_000


class Sample(NamedTuple):
    """Images and the noise to add to them.

    Attributes:
        images: float32, (m, P): clean images, pixels in [0, 1].
        labels: integers, (m,): their classes.
        noise: float32, (m, P): standard normal noise.
        own: integers, (m,): the index of each image among the templates; None if the images are no templates.
    """

    images: Array
    labels: NDArray[np.integer]
    noise: Array
    own: NDArray[np.integer] | None = None

    def rows(self, start: int, stop: int) -> "Sample":
        """Return a part of the sample."""
        return Sample(*(None if values is None else values[start:stop] for values in self))  # type: ignore[arg-type]


class Answers(NamedTuple):
    """Answers of the ideal observer to m noisy images.

    Attributes:
        correct: bool, (m,): whether the class of the largest posterior is the label. For images that are templates, the
            template of the same image is left out.
        largest: float64, (m,): the largest posterior, with all templates, in [1 / C, 1].
    """

    correct: NDArray[np.bool_]
    largest: NDArray[np.float64]


class IdealObserver:
    """The ideal observer of a set of templates."""

    def __init__(self, images: Array, labels: NDArray[np.integer], block_elements: int = BLOCK_ELEMENTS) -> None:
        """Take the templates.

        Args:
            images: float32, (n, P): the templates, pixels in [0, 1].
            labels: integers, (n,): their classes. Each class from 0 to C - 1 has at least one template.
            block_elements: Elements of the largest array. Answers do not depend on it.
        """
        self._block_elements = block_elements
        self._order = np.argsort(labels, kind="stable")
        self._position = np.argsort(self._order)  # of each template in the sorted ones
        self._templates = np.ascontiguousarray(images[self._order])
        self._starts = np.flatnonzero(np.diff(labels[self._order], prepend=-1))
        self._half_squares = np.square(self._templates).sum(axis=1) / 2

    def answer(self, sample: Sample, scales: Sequence[float], *, clip: bool = False) -> list[Answers]:
        """Return the answers to images + scale * noise, for each scale.

        Args:
            sample: The images, their labels and the noise.
            scales: Positive standard deviations of the noise.
            clip: Whether noisy pixels are clipped to [0, 1].
        """
        if not clip:
            return self._answer(sample, partial(self._unclipped, scales=scales))
        return [answers for scale in scales for answers in self._answer(sample, self._clipped(scale))]

    def _answer(self, sample: Sample, log_likelihoods: LogLikelihoods) -> list[Answers]:
        """Return the answers for each scale that the log-likelihoods are for."""
        rows = max(1, self._block_elements // len(self._templates))
        starts = range(0, len(sample.labels), rows)
        blocks = [self._answer_block(sample.rows(start, start + rows), log_likelihoods) for start in starts]
        return [
            Answers(*(np.concatenate(parts) for parts in zip(*answers, strict=True)))
            for answers in zip(*blocks, strict=True)
        ]

    def _answer_block(self, sample: Sample, log_likelihoods: LogLikelihoods) -> list[Answers]:
        rows = np.arange(len(sample.labels))
        own = None if sample.own is None else self._position[sample.own]
        answers = []
        for logs in log_likelihoods(sample.images, sample.noise):
            own_logs = -np.inf if own is None else logs[rows, own].astype(np.float64)
            if own is not None:
                logs[rows, own] = -np.inf
            of_classes = self._sum_by_class(logs)
            correct = of_classes.argmax(axis=1) == sample.labels
            of_classes[rows, sample.labels] = np.logaddexp(of_classes[rows, sample.labels], own_logs)
            total = np.logaddexp.reduce(of_classes, axis=1)
            answers.append(Answers(correct, np.exp(of_classes.max(axis=1) - total)))
        return answers

    def _unclipped(self, images: Array, noise: Array, scales: Sequence[float]) -> Iterator[Array]:
        """Yield the log-likelihoods, (m, n), up to a term for each image.

        |y - x|^2 / 2 = |y|^2 / 2 - y.x + |x|^2 / 2, where y.x = c.x + s (noise.x): two products serve all scales.
        """
        of_images, of_noise = images @ self._templates.T, noise @ self._templates.T
        for scale in scales:
            logs = of_noise * np.float32(scale)
            logs += of_images
            logs -= self._half_squares
            logs -= logs.max(axis=1, keepdims=True)  # before the division, which would magnify its rounding
            logs /= np.float32(scale) ** 2
            yield logs

    def _clipped(self, scale: float) -> LogLikelihoods:
        """Return the function that yields the log-likelihoods, (m, n), of clipped images, up to a term for each image.

        The likelihoods of clipped pixels take longer than the products of a block, so all blocks share them.
        """
        # The term -x^2 / (2 s^2) of all pixels is subtracted in one step, so it is added for the clipped ones.
        squares = np.square(self._templates) / (2 * scale**2)
        at_black = (log_ndtr(-self._templates / scale) + squares).astype(np.float32)
        at_white = (log_ndtr((self._templates - 1) / scale) + squares).astype(np.float32)

        def log_likelihoods(images: Array, noise: Array) -> Iterator[Array]:
            noisy = np.clip(images + np.float32(scale) * noise, 0, 1)
            black, white = (noisy == 0).astype(np.float32), (noisy == 1).astype(np.float32)
            logs = (noisy * (1 - black - white) / np.float32(scale**2)) @ self._templates.T
            logs += black @ at_black.T
            logs += white @ at_white.T
            logs -= self._half_squares / np.float32(scale**2)
            logs -= logs.max(axis=1, keepdims=True)
            yield logs

        return log_likelihoods

    def _sum_by_class(self, logs: Array) -> NDArray[np.float64]:
        """Return the logarithm of the sum of the likelihoods of each class, (m, C)."""
        largest = np.maximum.reduceat(logs, self._starts, axis=1)
        counts = np.diff([*self._starts, logs.shape[1]])
        # A class may have lost its only template.
        finite = np.where(np.isfinite(largest), largest, 0)
        sums = np.add.reduceat(np.exp(logs - np.repeat(finite, counts, axis=1)), self._starts, axis=1)
        with np.errstate(divide="ignore"):
            return finite.astype(np.float64) + np.log(sums.astype(np.float64))
