"""Noise options and evaluation at other scales, compared with NumPy and Keras."""

import numpy as np
import pytest
from numpy.typing import NDArray

from noisesweep.models import NoiseKind, NoiseOn
from shared.noise import Purpose, generator
from shared.noise_kinds import add_noise
from tests.support.stacks import (
    DIGITS,
    SEED,
    Array,
    config,
    keras_twin,
    noisy,
    order,
    relative_error,
    stack,
    trained,
)
from worker.trainer.images import NOISE_BUFFER_SIZE
from worker.trainer.stack import Stack


def train_with_keras(images: Array, labels: NDArray[np.uint8], steps: int) -> list[Array]:
    """Return the weights of a Keras model after `steps` training steps on these images."""
    twin = keras_twin(config())
    for step in range(steps):
        rows = order(0, len(images))[step * 128 : (step + 1) * 128]
        twin.train_on_batch(images[rows], labels[rows])
    weights: list[Array] = twin.get_weights()
    return weights


@pytest.mark.parametrize(
    ("noise_on", "training", "validation"), [("both", 0.7, 0.7), ("train", 0.7, 0), ("validation", 0, 0.7)]
)
def test_noise_on_selects_the_noisy_images(noise_on: str, training: float, validation: float) -> None:
    ours = stack(config(noise_on=noise_on), [0.7])
    ours.train(3)
    assert (
        relative_error(ours.state(0).weights, train_with_keras(*noisy(Purpose.TRAINING_NOISE, training), steps=3))
        < 1e-4
    )
    twin = keras_twin(config())
    twin.set_weights(ours.state(0).weights)
    loss, accuracy = ours.validation_metrics()
    expected = twin.evaluate(*noisy(Purpose.VALIDATION_NOISE, validation), verbose=0)
    assert [loss[0], accuracy[0]] == pytest.approx(expected, rel=1e-4)


def test_clipping_applies_to_training_and_validation() -> None:
    ours = stack(config(clip=True), [2.0])
    ours.train(3)
    images, labels = noisy(Purpose.TRAINING_NOISE, 2.0)
    assert (images.min(), images.max()) < (-1, 2)
    assert relative_error(ours.state(0).weights, train_with_keras(images.clip(0, 1), labels, steps=3)) < 1e-4
    twin = keras_twin(config())
    twin.set_weights(ours.state(0).weights)
    images, labels = noisy(Purpose.VALIDATION_NOISE, 2.0)
    expected = twin.evaluate(images.clip(0, 1), labels, verbose=0)
    loss, accuracy = ours.validation_metrics()
    assert [loss[0], accuracy[0]] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("kind", list(NoiseKind))
def test_networks_receive_the_noise_of_the_kind(kind: NoiseKind) -> None:
    ours = stack(config(noise=kind), [0.6, 0.0])
    ours.train(3)
    for run, scale in enumerate((0.6, 0.0)):
        images, labels = noisy(Purpose.TRAINING_NOISE, scale, kind=kind)
        assert relative_error(ours.state(run).weights, train_with_keras(images, labels, steps=3)) < 1e-4
    twin = keras_twin(config())
    twin.set_weights(ours.state(0).weights)
    expected = twin.evaluate(*noisy(Purpose.VALIDATION_NOISE, 0.3, kind=kind), verbose=0)
    found = ours.evaluate([0.3, 0.0])
    assert [found.loss[0], found.accuracy[0]] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("kind", list(NoiseKind))
def test_runs_with_any_kind_of_noise_do_not_depend_on_the_stack(kind: NoiseKind) -> None:
    together = trained([0.5, 0.9], [12], noise=kind, resample=True)
    alone = trained([0.9], [12], noise=kind, resample=True)
    assert relative_error(together.state(1).weights, alone.state(0).weights) == 0


def cut_noise(ours: Stack, step: int, images: int = 128) -> Array:
    """Compute the resampled noise of a step with NumPy."""
    size = images * 784
    buffer = generator(SEED, Purpose.RESAMPLED_NOISE).standard_normal(NOISE_BUFFER_SIZE + 128 * 784, dtype=np.float32)
    first, second = (buffer[offset : offset + size] for offset in ours.draws.noise_offsets[step].numpy())
    noise: Array = ((first + second) / np.float32(np.sqrt(2))).reshape(images, 784)
    return noise


def test_resampled_noise_is_independent_in_every_step() -> None:
    ours = stack(config(resample=True), [1.0])
    drawn = [cut_noise(ours, step) for step in (0, 1)]
    ours.next_epoch()
    drawn.append(cut_noise(ours, 0))
    for noise in drawn:
        assert noise.shape == (128, 784)
        assert noise.mean() == pytest.approx(0, abs=4 / np.sqrt(noise.size))
        assert noise.std() == pytest.approx(1, abs=4 / np.sqrt(2 * noise.size))
    correlations = np.corrcoef([noise.ravel() for noise in drawn]) - np.eye(3)
    assert np.abs(correlations).max() < 4 / np.sqrt(drawn[0].size)


def test_a_run_trains_on_the_resampled_noise() -> None:
    ours = stack(config(resample=True), [0.7])
    noise = [cut_noise(ours, step) for step in range(3)]
    ours.train(3)
    clean, labels = noisy(Purpose.TRAINING_NOISE, 0)
    twin = keras_twin(config())
    for step in range(3):
        rows = order(0, len(clean))[step * 128 : (step + 1) * 128]
        twin.train_on_batch(add_noise(clean[rows], 0.7, noise[step]), labels[rows])
    assert relative_error(ours.state(0).weights, twin.get_weights()) < 1e-4


def test_resampled_runs_do_not_depend_on_calls_of_train_or_stack() -> None:
    whole = trained([0.5, 2.0], [12], resample=True)
    parts = trained([2.0], [1, 4, 2, 5], resample=True)
    assert relative_error(whole.state(1).weights, parts.state(0).weights) == 0


@pytest.mark.parametrize("noise_on", list(NoiseOn))
def test_evaluation_at_the_validation_scale_equals_validation(noise_on: NoiseOn) -> None:
    ours = trained([0.1, 1.0], [12], noise_on=noise_on)
    accuracies = ours.validation_metrics()[1]
    for run, scale in enumerate((0.1, 1.0)):
        at_scale = ours.evaluate([ours.config.validation_scale(scale)] * 2)
        assert at_scale.accuracy[run] == accuracies[run]


def test_the_confusion_matrix_matches_keras() -> None:
    ours = trained([0.5], [12])
    twin = keras_twin(config())
    twin.set_weights(ours.state(0).weights)
    for scale in (0.0, 0.5, 2.0):
        confusion = ours.evaluate([scale]).confusion(0)
        images, labels = noisy(Purpose.VALIDATION_NOISE, scale)
        expected = np.zeros((10, 10), int)
        np.add.at(expected, (labels, twin.predict(images, verbose=0).argmax(axis=1)), 1)
        assert confusion.sum() == len(DIGITS.validation_labels)
        assert confusion.tolist() == expected.tolist()


def test_each_network_is_evaluated_at_its_own_scale() -> None:
    ours = trained([0.1, 1.0], [12])
    mixed = ours.evaluate([0.0, 2.0]).predicted
    assert mixed[0].tolist() == ours.evaluate([0.0, 0.0]).predicted[0].tolist()
    assert mixed[1].tolist() == ours.evaluate([2.0, 2.0]).predicted[1].tolist()
