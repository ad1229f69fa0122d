"""Evaluation of trained networks at all scales of their sweep."""

import pytest

from noisesweep.models import NoiseOn, Precision
from tests.support.trainer import REQUEST, Interruption, Trainer


@pytest.mark.parametrize("noise_on", list(NoiseOn))
@pytest.mark.parametrize("precision", list(Precision))
def test_runs_are_evaluated_at_zero_and_every_scale(trainer: Trainer, precision: Precision, noise_on: NoiseOn) -> None:
    update = {"scales": [1.0, 0.1, 0.5], "precision": precision, "noise_on": noise_on, "epochs": 1}
    claim = trainer.create_claim(REQUEST.model_copy(update=update), limit=3)
    trainer.train(claim)
    for run in claim.runs:
        evaluation = trainer.sweeps.evaluation(claim.sweep_id, run.index)
        val_accuracy = trainer.metrics(claim.sweep_id, run.index)[-1]["val_accuracy"]
        assert evaluation.test_scales == [0.0, 0.1, 0.5, 1.0]
        own = evaluation.test_scales.index(claim.config.validation_scale(run.scale))
        assert evaluation.val_accuracy[own] == val_accuracy
        assert sum(row[label] for label, row in enumerate(evaluation.confusion)) / 355 == val_accuracy


def test_scales_added_during_training_are_evaluated(trainer: Trainer) -> None:
    claim = trainer.create_claim(REQUEST)
    trainer.train(claim, Interruption(4, lambda: trainer.sweeps.extend(claim.sweep_id, 7.0)))
    assert trainer.sweeps.evaluation(claim.sweep_id, 0).test_scales == [0.0, 0.1, 0.5, 1.0, 7.0]


def test_an_interrupted_evaluation_is_repeated_by_the_next_owner(trainer: Trainer) -> None:
    uninterrupted = trainer.create_claim(REQUEST)
    trainer.train(uninterrupted)
    claim = trainer.create_claim(REQUEST)

    def three_epochs_are_stored() -> bool:
        return len(trainer.sweeps.epochs(claim.sweep_id, 0)) == 3

    assert trainer.train(claim, stop=three_epochs_are_stored) == 1
    again = trainer.leases.claim(claim.sweep_id, limit=1)
    assert again
    assert again.runs == claim.runs
    trainer.train(again)
    assert trainer.sweeps.run(claim.sweep_id, 0)["outcome"] == "succeeded"
    evaluations = [trainer.sweeps.evaluation(of.sweep_id, 0) for of in (claim, uninterrupted)]
    assert evaluations[0] == evaluations[1]
