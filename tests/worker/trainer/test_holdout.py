"""Training with a holdout: which images are used, which epoch is kept, and when a run ends."""

from collections.abc import Callable

import numpy as np
import pytest

from noisesweep.models import EpochMetrics, Keep, SweepRequest
from shared.datasets import holdout_rows
from shared.noise import Purpose, base_noise
from tests.support.networks import mlp
from tests.support.stacks import DIGITS
from tests.support.trainer import Trainer, stop_after

HOLDOUT = 300
# At this scale, the loss on the holdout is smallest after some epochs.
LAST = SweepRequest(scales=[1.0, 0.5, 2.0], epochs=12, model=mlp(64), batch_size=16, dataset="digits", holdout=HOLDOUT)
BEST = LAST.model_copy(update={"keep": Keep.BEST})
PATIENT = BEST.model_copy(update={"patience": 2})

# Epochs without their times, kept epoch, test_loss, test_accuracy and weights_sha256 of a run.
Result = tuple[list[dict[str, float]], int, str, str, str]


def result(trainer: Trainer, sweep_id: str, index: int = 0) -> Result:
    run = trainer.sweeps.run(sweep_id, index)
    assert run["outcome"] == "succeeded"
    kept = EpochMetrics.model_validate_json(run["kept_metrics"]).epoch
    return trainer.metrics(sweep_id, index), kept, run["test_loss"], run["test_accuracy"], run["weights_sha256"]


def train(trainer: Trainer, request: SweepRequest) -> Result:
    claim = trainer.create_claim(request)
    assert trainer.train(claim) == 0
    return result(trainer, claim.sweep_id)


def test_run_is_validated_on_held_out_images_and_tested_on_the_test_images(trainer: Trainer) -> None:
    claim = trainer.create_claim(LAST)
    trainer.train(claim)
    epochs, kept, _, test_accuracy, _ = result(trainer, claim.sweep_id)
    evaluation = trainer.sweeps.evaluation(claim.sweep_id, 0)
    assert kept == 11
    assert np.sum(evaluation.confusion) == 355
    assert np.trace(evaluation.confusion) / 355 == float(test_accuracy)
    right = epochs[-1]["val_accuracy"] * HOLDOUT
    assert right == pytest.approx(round(right))


def test_other_images_keep_their_noise(trainer: Trainer) -> None:
    stack = trainer.stack_cache.get(LAST.config, 1)
    stack.start(0, [1.0])
    rows = holdout_rows(DIGITS.training_labels, HOLDOUT)
    others = np.setdiff1d(np.arange(1442), rows)
    np.testing.assert_array_equal(stack.training.images, DIGITS.training_images.reshape(1442, -1)[others])
    np.testing.assert_array_equal(stack.training.labels, DIGITS.training_labels[others])
    np.testing.assert_array_equal(stack.training.noise, base_noise(0, Purpose.TRAINING_NOISE, (1442, 784))[others])
    np.testing.assert_array_equal(stack.validation.images, DIGITS.training_images.reshape(1442, -1)[rows])
    np.testing.assert_array_equal(stack.test.labels, DIGITS.validation_labels)


def test_best_epoch_has_the_weights_of_a_run_that_ends_with_it(trainer: Trainer) -> None:
    epochs, kept, *tested = train(trainer, BEST)
    losses = [epoch["val_loss"] for epoch in epochs]
    assert kept == losses.index(min(losses)) < 11
    assert tested == list(train(trainer, LAST.model_copy(update={"epochs": kept + 1}))[2:])
    assert tested != list(train(trainer, LAST)[2:])


def test_run_ends_after_some_epochs_without_a_smaller_loss(trainer: Trainer) -> None:
    epochs, kept, *tested = train(trainer, PATIENT)
    everything, best, *others = train(trainer, BEST)
    assert len(epochs) == kept + 3 < 12
    assert epochs == everything[: len(epochs)]
    assert (kept, tested) == (best, others)
    last = train(trainer, LAST.model_copy(update={"patience": 2}))
    assert (last[0], last[1]) == (epochs, len(epochs) - 1)


def test_runs_that_end_at_different_epochs_have_the_bits_of_single_runs(trainer: Trainer) -> None:
    claim = trainer.create_claim(PATIENT, limit=3)
    trainer.train(claim)
    together = [result(trainer, claim.sweep_id, index) for index in range(3)]
    assert len({len(epochs) for epochs, *_ in together}) > 1
    for scale, each in zip(PATIENT.scales, together, strict=True):
        assert each == train(trainer, PATIENT.model_copy(update={"scales": [scale]}))


def epochs_are_stored(trainer: Trainer, sweep_id: str, count: int) -> Callable[[], bool]:
    """Return a stop check that is true while the run is evaluated after this number of epochs, and later."""
    return lambda: len(trainer.sweeps.epochs(sweep_id, 0)) == count


@pytest.mark.parametrize("request_", [BEST, PATIENT])
def test_interrupted_runs_end_with_the_same_bits(trainer: Trainer, request_: SweepRequest) -> None:
    expected = train(trainer, request_)
    stops: list[Callable[[str], Callable[[], bool]]] = [
        lambda _: stop_after(7),
        lambda sweep_id: epochs_are_stored(trainer, sweep_id, 3),
        lambda sweep_id: epochs_are_stored(trainer, sweep_id, len(expected[0])),
    ]
    for stop in stops:
        claim = trainer.create_claim(request_)
        assert trainer.train(claim, stop=stop(claim.sweep_id)) == 1
        again = trainer.leases.claim(limit=1)
        assert again
        assert again.runs == claim.runs
        trainer.train(again)
        assert result(trainer, claim.sweep_id) == expected
