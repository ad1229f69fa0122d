"""Training loop over epochs. It works in short chunks, so that it can stop between two chunks."""

import math
import time
from collections.abc import Callable, Iterator

from noisesweep.models import EpochMetrics
from shared.errors import NoiseSweepError
from worker.trainer.stack import Stack

# The stop flag is read between chunks, so a chunk should take a fraction of a second for every config.
CHUNK_SECONDS = 0.25


class DivergedError(NoiseSweepError):
    """The loss of a run became NaN or infinite."""

    code = "diverged"


Stop = Callable[[], bool]
Result = EpochMetrics | DivergedError


def epochs(stack: Stack, stop: Stop) -> Iterator[list[Result]]:
    """Train from the stack's current step; yield the results of each epoch, one per run.

    At each yield, the stack is at the beginning of the next epoch. Iteration ends after the config's last epoch, or
    between two chunks when `stop` returns true.
    """
    chunk = 1
    while stack.epoch < stack.config.epochs:
        epoch_started = time.perf_counter()
        while stack.step < stack.steps:
            if stop():
                return
            first, chunk_started = stack.step, time.perf_counter()
            stack.train(chunk)
            pace = CHUNK_SECONDS / (time.perf_counter() - chunk_started)
            chunk = max(1, round((stack.step - first) * min(pace, 4)))
        losses, accuracies = stack.validation_metrics()
        stack.select(losses)
        metrics = zip(*stack.training_metrics(), losses, accuracies, strict=True)
        seconds, epoch = time.perf_counter() - epoch_started, stack.epoch
        stack.next_epoch()
        yield [_result(epoch, seconds, *map(float, run)) for run in metrics]


def _result(epoch: int, seconds: float, *metrics: float) -> Result:
    loss, accuracy, val_loss, val_accuracy = metrics
    if not (math.isfinite(loss) and math.isfinite(val_loss)):
        return DivergedError(
            f"The loss became NaN or infinite in epoch {epoch} (training {loss}, validation {val_loss}). "
            "Try a smaller learning_rate."
        )
    return EpochMetrics(
        epoch=epoch, loss=loss, accuracy=accuracy, val_loss=val_loss, val_accuracy=val_accuracy, seconds=seconds
    )
