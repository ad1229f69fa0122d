"""Where the noise is, how it is made, and what the trained networks make of other noise: against NumPy and Keras."""

import numpy as np
import pytest
from numpy.typing import NDArray

from noisesweep.models import NoiseOn
from shared.noise import Purpose, add_noise
from tests.support.stacks import (
    DIGITS,
    XLA,
    Array,
    config,
    keras_twin,
    noisy,
    order,
    relative_error,
    stack,
    trained,
)
from worker.trainer.network import accuracy_of, fresh_noise
from worker.trainer.stack import Stack


def keras_steps(images: Array, labels: NDArray[np.uint8], steps: int) -> list[Array]:
    """The weights after some steps of Keras on images as they are."""
    twin = keras_twin(config())
    for step in range(steps):
        rows = order(0, len(images))[step * 128 : (step + 1) * 128]
        twin.train_on_batch(images[rows], labels[rows])
    weights: list[Array] = twin.get_weights()
    return weights


@pytest.mark.parametrize(
    ("noise_on", "training", "validation"), [("both", 0.7, 0.7), ("train", 0.7, 0), ("validation", 0, 0.7)]
)
def test_only_the_images_that_are_asked_for_get_noise(noise_on: str, training: float, validation: float) -> None:
    ours = stack(config(noise_on=noise_on), [0.7])
    ours.train(3)
    assert relative_error(ours.state(0).weights, keras_steps(*noisy(Purpose.TRAINING_NOISE, training), steps=3)) < 1e-4
    twin = keras_twin(config())
    twin.set_weights(ours.state(0).weights)
    loss, accuracy = ours.validation_figures()
    expected = twin.evaluate(*noisy(Purpose.VALIDATION_NOISE, validation), verbose=0)
    assert [loss[0], accuracy[0]] == pytest.approx(expected, rel=1e-4)


def test_clipped_pixels_stay_in_zero_to_one_in_training_and_validation() -> None:
    ours = stack(config(clip=True), [2.0])
    ours.train(3)
    images, labels = noisy(Purpose.TRAINING_NOISE, 2.0)
    assert (images.min(), images.max()) < (-1, 2)
    assert relative_error(ours.state(0).weights, keras_steps(images.clip(0, 1), labels, steps=3)) < 1e-4
    twin = keras_twin(config())
    twin.set_weights(ours.state(0).weights)
    images, labels = noisy(Purpose.VALIDATION_NOISE, 2.0)
    expected = twin.evaluate(images.clip(0, 1), labels, verbose=0)
    loss, accuracy = ours.validation_figures()
    assert [loss[0], accuracy[0]] == pytest.approx(expected, rel=1e-4)


def new_noise(ours: Stack, step: int) -> Array:
    noise: Array = fresh_noise(128, 784, ours.draws.noise_keys[step]).numpy()
    return noise


def test_resampled_noise_is_standard_normal_and_new_in_every_step_and_epoch() -> None:
    ours = stack(config(resample=True), [1.0])
    drawn = [new_noise(ours, step) for step in (0, 1)]
    ours.next_epoch()
    drawn.append(new_noise(ours, 0))
    for noise in drawn:
        assert noise.shape == (128, 784)
        assert noise.mean() == pytest.approx(0, abs=4 / np.sqrt(noise.size))
        assert noise.std() == pytest.approx(1, abs=4 / np.sqrt(2 * noise.size))
    correlations = np.corrcoef([noise.ravel() for noise in drawn]) - np.eye(3)
    assert np.abs(correlations).max() < 4 / np.sqrt(drawn[0].size)


@pytest.mark.skipif(XLA, reason="what XLA draws inside the program is not what it draws outside")
def test_a_run_trains_on_the_noise_that_was_drawn_anew() -> None:
    ours = stack(config(resample=True), [0.7])
    noise = [new_noise(ours, step) for step in range(3)]
    ours.train(3)
    clean, labels = noisy(Purpose.TRAINING_NOISE, 0)
    twin = keras_twin(config())
    for step in range(3):
        rows = order(0, len(clean))[step * 128 : (step + 1) * 128]
        twin.train_on_batch(add_noise(clean[rows], 0.7, noise[step]), labels[rows])
    assert relative_error(ours.state(0).weights, twin.get_weights()) < 1e-4


def test_resampled_runs_are_the_same_bits_in_any_chunks_and_anywhere_in_a_stack() -> None:
    whole = trained([0.5, 2.0], [12], resample=True)
    parts = trained([2.0], [1, 4, 2, 5], resample=True)
    assert relative_error(whole.state(1).weights, parts.state(0).weights) == 0


@pytest.mark.parametrize("noise_on", list(NoiseOn))
def test_an_evaluation_at_the_noise_that_a_run_validates_with_is_its_validation(noise_on: NoiseOn) -> None:
    ours = trained([0.1, 1.0], [12], noise_on=noise_on)
    accuracies = ours.validation_figures()[1]
    for run, scale in enumerate((0.1, 1.0)):
        at_scale = accuracy_of(ours.evaluate([ours.config.validation_scale(scale)] * 2)[1])
        assert at_scale[run] == accuracies[run]


def test_the_confusion_counts_every_image_by_true_and_predicted_class_as_keras_predicts() -> None:
    ours = trained([0.5], [12])
    twin = keras_twin(config())
    twin.set_weights(ours.state(0).weights)
    for scale in (0.0, 0.5, 2.0):
        _, (confusion,) = ours.evaluate([scale])
        images, labels = noisy(Purpose.VALIDATION_NOISE, scale)
        expected = np.zeros((10, 10), int)
        np.add.at(expected, (labels, twin.predict(images, verbose=0).argmax(axis=1)), 1)
        assert confusion.sum() == len(DIGITS.validation_labels)
        assert confusion.tolist() == expected.tolist()


def test_networks_of_a_stack_are_evaluated_each_at_a_scale_of_its_own() -> None:
    ours = trained([0.1, 1.0], [12])
    _, mixed = ours.evaluate([0.0, 2.0])
    assert mixed[0].tolist() == ours.evaluate([0.0, 0.0])[1][0].tolist()
    assert mixed[1].tolist() == ours.evaluate([2.0, 2.0])[1][1].tolist()
