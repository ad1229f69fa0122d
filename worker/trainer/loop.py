"""The loop over epochs, in chunks short enough to stop between two of them."""

import math
import time
from collections.abc import Callable, Iterator

from noisesweep.models import EpochMetrics
from shared.errors import NoiseSweepError
from worker.trainer.stack import Stack

# The stop flag is read between chunks, so a chunk should take a fraction of a second whatever the config.
CHUNK_SECONDS = 0.25


class DivergedError(NoiseSweepError):
    """The loss of a run became NaN or infinite."""

    code = "diverged"


Stop = Callable[[], bool]
Result = EpochMetrics | DivergedError


def epochs(stack: Stack, stop: Stop) -> Iterator[list[Result]]:
    """Train from the stack's position; yield the result of each epoch, one entry for each run.

    At each yield, the stack is at the beginning of the next epoch. The iterator ends after the config's last epoch, or
    early, between two chunks, when `stop` returns true.
    """
    chunk = 1
    while stack.epoch < stack.config.epochs:
        begun = time.perf_counter()
        while stack.step < stack.steps:
            if stop():
                return
            first, chunk_begun = stack.step, time.perf_counter()
            stack.train(chunk)
            pace = CHUNK_SECONDS / (time.perf_counter() - chunk_begun)
            chunk = max(1, round((stack.step - first) * min(pace, 4)))
        figures = zip(*stack.training_figures(), *stack.validation_figures(), strict=True)
        seconds, epoch = time.perf_counter() - begun, stack.epoch
        stack.next_epoch()
        yield [_result(epoch, seconds, *map(float, run)) for run in figures]


def _result(epoch: int, seconds: float, *figures: float) -> Result:
    loss, accuracy, val_loss, val_accuracy = figures
    if not (math.isfinite(loss) and math.isfinite(val_loss)):
        return DivergedError(
            f"The loss became NaN or infinite in epoch {epoch} (training {loss}, validation {val_loss}). "
            "Try a smaller learning_rate."
        )
    return EpochMetrics(
        epoch=epoch, loss=loss, accuracy=accuracy, val_loss=val_loss, val_accuracy=val_accuracy, seconds=seconds
    )
