"""Evaluation of trained networks at all scales of the sweep, and on training images."""

from collections.abc import Sequence

from noisesweep.models import Evaluation, Gaps
from shared.bits import pack_bits
from worker.trainer.loop import Stop
from worker.trainer.stack import Stack


def evaluate(
    stack: Stack, scales: Sequence[float], test_scales: Sequence[float], stop: Stop
) -> list[Evaluation] | None:
    """Return the evaluation of each network of a stack that has trained all epochs.

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
    training, fresh = stack.accuracies_on_training_images()
    evaluations = []
    for run, scale in enumerate(scales):
        own = found[stack.config.validation_scale(scale)]
        evaluations.append(
            Evaluation(
                test_scales=list(test_scales),
                val_accuracy=[float(at.accuracy[run]) for at in found.values()],
                confusion=own.confusion(run).tolist(),
                correct=pack_bits(own.correct[run]),
                correct_clean=pack_bits(found[0.0].correct[run]),
                gaps=Gaps(training=float(training[run]), fresh=float(fresh[run])),
            )
        )
    return evaluations
