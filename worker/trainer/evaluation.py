"""Evaluation of trained networks at all scales of the sweep, and on training images."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from noisesweep.models import Evaluation, Gaps, OtherNoise
from shared.bits import pack_bits
from shared.noise import Purpose, base_noise
from worker.trainer.images import Batch
from worker.trainer.loop import Stop
from worker.trainer.predictions import Float64Array
from worker.trainer.stack import Stack
from worker.trainer.state import Array

# Largest number of training images on which the accuracies with trained and with fresh noise are measured. It is the
# number of test images of MNIST.
GAP_IMAGES = 10_000


class Tested(NamedTuple):
    """Evaluation of a network, and its loss (nats) and accuracy on the test images at its own validation scale."""

    evaluation: Evaluation
    loss: float
    accuracy: float


def evaluate(stack: Stack, scales: Sequence[float], test_scales: Sequence[float], stop: Stop) -> list[Tested] | None:
    """Return the evaluation of each network of a stack on the test images, with its present weights.

    Args:
        stack: The stack.
        scales: Scale of each run.
        test_scales: Scales to evaluate at, ascending. They contain 0 and the scales of the runs.
        stop: Called between two scales. If it returns true, the evaluation ends, and the result is None.
    """
    found = {}
    for test_scale in test_scales:
        if stop():
            return None
        found[test_scale] = stack.evaluate([test_scale] * stack.runs)
    others = {}
    for kind, kind_scales in stack.config.test_noise.items():
        for scale in kind_scales:
            if stop():
                return None
            others[kind, scale] = stack.evaluate([scale] * stack.runs, kind=kind).accuracy
    if stop():
        return None
    training, fresh = accuracies_on_training_images(stack, scales)
    tested = []
    for run, scale in enumerate(scales):
        own = found[stack.config.validation_scale(scale)]
        evaluation = Evaluation(
            test_scales=list(test_scales),
            val_accuracy=[float(at.accuracy[run]) for at in found.values()],
            other_noise=[
                OtherNoise(noise=kind, scale=at, val_accuracy=float(accuracy[run]))
                for (kind, at), accuracy in others.items()
            ],
            confusion=own.confusion(run).tolist(),
            correct=pack_bits(own.correct[run]),
            correct_clean=pack_bits(found[0.0].correct[run]),
            gaps=Gaps(training=float(training[run]), fresh=float(fresh[run])),
        )
        tested.append(Tested(evaluation, float(own.loss[run]), float(own.accuracy[run])))
    return tested


def accuracies_on_training_images(stack: Stack, scales: Sequence[float]) -> tuple[Float64Array, Float64Array]:
    """Return accuracies without dropout on training images, with the noise of the first epoch and with fresh noise.

    The images are the first GAP_IMAGES of the first epoch, in its order. With `resample`, the noise of the last epochs
    would also show what the networks remember of their last steps. The noise has each run's training scale in the first
    accuracy, and its validation scale in the second.

    Args:
        stack: The stack.
        scales: Scale of each run.

    Returns:
        Two arrays, each (K,).
    """
    order = stack.order(epoch=0)[:GAP_IMAGES]
    fresh = base_noise(stack.seed, Purpose.FRESH_NOISE, (len(order), stack.pixels))
    trained_at, validated_at = (
        list(map(scale_of, scales)) for scale_of in (stack.config.training_scale, stack.config.validation_scale)
    )
    return (
        stack.evaluate(trained_at, _training_batches(stack, order, stack.first_noise(order))).accuracy,
        stack.evaluate(validated_at, _training_batches(stack, order, fresh)).accuracy,
    )


def _training_batches(stack: Stack, order: NDArray[np.int64], noise: Array | tf.Tensor | None) -> Iterator[Batch]:
    """Yield training images in this order with the noise (n, P), or with their own if it is None."""
    training = stack.training
    for first in range(0, len(order), stack.evaluation_batch):
        some = slice(first, first + stack.evaluation_batch)
        rows = tf.constant(order[some], tf.int32)
        own = tf.gather(training.noise, rows) if noise is None else tf.constant(noise[some])
        yield Batch(tf.gather(training.images, rows), own, tf.gather(training.labels, rows))
