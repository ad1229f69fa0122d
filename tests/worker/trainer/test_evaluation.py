"""Evaluation of trained networks at all scales of their sweep."""

import numpy as np
import pytest
import tensorflow as tf

from noisesweep.models import Gaps, NoiseKind, NoiseOn, Precision
from shared.bits import unpack_bits
from shared.noise import Purpose, base_noise
from tests.support.networks import mlp
from tests.support.stacks import XLA, config, keras_twin, noisy, stack, trained
from tests.support.trainer import REQUEST, Interruption, Trainer
from worker.trainer.evaluation import evaluate
from worker.trainer.images import NoiseBuffer


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
        assert evaluation.correct
        assert unpack_bits(evaluation.correct, 355).mean() == val_accuracy
        assert evaluation.correct_clean
        assert unpack_bits(evaluation.correct_clean, 355).mean() == evaluation.val_accuracy[0]
        assert evaluation.gaps


def test_networks_are_tested_with_other_kinds_of_noise(trainer: Trainer) -> None:
    tests = {NoiseKind.SHOT: [0.5, 2.0], NoiseKind.SALT_AND_PEPPER: [0.3]}
    claim = trainer.create_claim(REQUEST.model_copy(update={"scales": [0.2, 1.0], "test_noise": tests}), limit=2)
    trainer.train(claim)
    found = [trainer.sweeps.evaluation(claim.sweep_id, run.index).other_noise for run in claim.runs]
    pairs = [(kind, scale) for kind, scales in tests.items() for scale in scales]
    assert [[(at.noise, at.scale) for at in of_run] for of_run in found] == [pairs, pairs]


@pytest.mark.parametrize("kind", list(NoiseKind))
def test_accuracy_with_another_kind_of_noise_matches_keras(kind: NoiseKind) -> None:
    ours = trained([0.1, 0.9], [12], clip=True)
    for run in range(2):
        twin = keras_twin(config())
        twin.set_weights(ours.state(run).weights)
        images, labels = noisy(Purpose.VALIDATION_NOISE, 0.4, kind=kind)
        _, accuracy = twin.evaluate(images.clip(0, 1), labels, verbose=0)
        assert ours.evaluate([0.4, 0.4], kind=kind).accuracy[run] == pytest.approx(accuracy, abs=1 / 355)


class DrawnNoise(NoiseBuffer):
    """Noise that is drawn in each step instead of cut from a buffer."""

    def noise(self, images: int, offsets: tf.Tensor) -> tf.Tensor:
        return tf.random.stateless_normal([images, 784], offsets)


def gaps_of(scale: float, images: int = 1442, *, drawn: bool = False, **fields: object) -> Gaps:
    """Return the accuracies on training images after 20 epochs on the first images."""
    ours = stack(config(model=mlp(256), epochs=20, batch_size=32, **fields), [scale], images)
    if drawn:
        ours.noise_buffer = DrawnNoise(32, 784)
    while ours.epoch < ours.config.epochs:
        ours.train(ours.steps)
        ours.next_epoch()
    [tested] = evaluate(ours, [scale], [0.0, scale], lambda: False) or []
    assert tested.evaluation.gaps
    return tested.evaluation.gaps


def noise_gap(gaps: Gaps) -> float:
    return gaps.training - gaps.fresh


def test_noise_gap_is_the_noise_learned_by_heart() -> None:
    fixed, few, fresh = gaps_of(2.0), gaps_of(2.0, images=200), gaps_of(2.0, resample=True)
    assert noise_gap(fixed) > 0.5
    assert noise_gap(few) > noise_gap(fixed)
    assert noise_gap(fresh) < 0.2
    assert fresh.fresh > fixed.fresh + 0.1
    assert noise_gap(gaps_of(0.0)) == 0


@pytest.mark.skipif(XLA, reason="the test draws other numbers in a program compiled by XLA than outside it")
def test_noise_from_the_buffer_is_learned_no_more_than_drawn_noise() -> None:
    buffer, drawn = (gaps_of(2.0, resample=True, drawn=drawn) for drawn in (False, True))
    assert noise_gap(buffer) == pytest.approx(noise_gap(drawn), abs=0.05)
    assert buffer.fresh == pytest.approx(drawn.fresh, abs=0.05)


def test_trained_noise_of_resample_is_that_of_the_first_epoch() -> None:
    ours = stack(config(resample=True, batch_size=100), [2.0])
    noise = ours.first_noise(ours.order(epoch=0)[:250])
    assert ours.noise_buffer
    assert noise is not None
    for step, rows in enumerate((slice(0, 100), slice(100, 200), slice(200, 250))):
        expected = ours.noise_buffer.noise(rows.stop - rows.start, ours.draws.noise_offsets[step])
        np.testing.assert_array_equal(noise[rows], expected)


def test_fresh_noise_differs_from_training_noise() -> None:
    assert Purpose.FRESH_NOISE not in {Purpose.TRAINING_NOISE, Purpose.VALIDATION_NOISE, Purpose.RESAMPLED_NOISE}
    fresh, own = (base_noise(0, purpose, (50, 784)) for purpose in (Purpose.FRESH_NOISE, Purpose.TRAINING_NOISE))
    assert abs(np.corrcoef(fresh.ravel(), own.ravel())[0, 1]) < 0.02


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
    again = trainer.leases.claim(limit=1)
    assert again
    assert again.runs == claim.runs
    trainer.train(again)
    assert trainer.sweeps.run(claim.sweep_id, 0)["outcome"] == "succeeded"
    evaluations = [trainer.sweeps.evaluation(of.sweep_id, 0) for of in (claim, uninterrupted)]
    assert evaluations[0] == evaluations[1]
