"""Training loop: results, stops and continuation."""

import math

from noisesweep.models import EpochMetrics
from tests.support.stacks import SEED, config, stack
from tests.support.trainer import stop_after
from worker.trainer.loop import DivergedError, Result, epochs
from worker.trainer.state import RunState

THREE_EPOCHS = config(epochs=3)


def never() -> bool:
    return False


def metrics_of(results: list[Result]) -> list[dict[str, float]]:
    return [result.model_dump(exclude={"seconds"}) for result in results if isinstance(result, EpochMetrics)]


def test_each_epoch_yields_the_metrics_of_every_run() -> None:
    ours, twin = stack(THREE_EPOCHS, [0.1, 1.0]), stack(THREE_EPOCHS, [0.1, 1.0])
    for epoch, results in enumerate(epochs(ours, never)):
        assert (ours.epoch, ours.step) == (epoch + 1, 0)
        twin.train(twin.steps)
        metrics = zip(*twin.training_metrics(), *twin.validation_metrics(), strict=True)
        twin.next_epoch()
        names = ("loss", "accuracy", "val_loss", "val_accuracy")
        assert metrics_of(results) == [{"epoch": epoch} | dict(zip(names, run, strict=True)) for run in metrics]
    assert ours.epoch == 3


def test_a_stopped_loop_can_be_continued_exactly() -> None:
    whole = [metrics_of(results) for results in epochs(stack(THREE_EPOCHS, [0.5]), never)]
    ours = stack(THREE_EPOCHS, [0.5])
    parts = [metrics_of(results) for results in epochs(ours, stop_after(4))]
    assert len(parts) < 3
    assert (ours.epoch, ours.step) > (0, 0)
    parts += [metrics_of(results) for results in epochs(ours, never)]
    assert parts == whole


def test_a_resumed_run_repeats_no_epoch() -> None:
    ours = stack(THREE_EPOCHS, [0.1])
    for _ in zip(range(2), epochs(ours, never), strict=False):
        pass
    assert (ours.epoch, ours.step) == (2, 0)
    ours.start(SEED, [0.1], [RunState.from_bytes(ours.state(0).to_bytes())])
    assert [result["epoch"] for results in epochs(ours, never) for result in metrics_of(results)] == [2]


def test_a_nonfinite_loss_is_reported_for_its_run_only() -> None:
    ours = stack(THREE_EPOCHS, [0.1, 0.5])
    states = [ours.state(run) for run in range(2)]
    states[1].weights[-1][0] = math.nan
    ours.start(SEED, [0.1, 0.5], states)
    healthy, diverged = next(epochs(ours, never))
    assert isinstance(healthy, EpochMetrics)
    assert isinstance(diverged, DivergedError)
    assert "in epoch 0 (training nan, validation nan)" in str(diverged)
