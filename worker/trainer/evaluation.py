"""Evaluation of trained networks at all scales of the sweep, and on training images."""

from collections.abc import Sequence
from typing import NamedTuple

from noisesweep.models import Evaluation, Gaps, OtherNoise
from shared.bits import pack_bits
from worker.trainer.loop import Stop
from worker.trainer.stack import Stack


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
    if stop():
        return None
    others = {}
    for kind, kind_scales in stack.config.test_noise.items():
        for scale in kind_scales:
            if stop():
                return None
            others[kind, scale] = stack.evaluate([scale] * stack.runs, kind=kind).accuracy
    training, fresh = stack.accuracies_on_training_images()
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
