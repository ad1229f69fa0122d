"""The trainer against NumPy: what Keras reports and does is computed a second time, by hand."""

import math

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import log_softmax

from shared import datasets
from shared.datasets import Dataset, to_pixels
from shared.errors import DivergedError
from shared.models import DatasetName, EpochMetrics, TrainingConfig
from shared.noise import Purpose, add_noise, base_noise, generator
from worker.training import ReportEpochs, build_model, train

Array = NDArray[np.float32]


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return datasets.load(DatasetName.DIGITS, None)


def config(**settings: object) -> TrainingConfig:
    return TrainingConfig.model_validate({"dataset": "digits", "epochs": 1, "hidden_units": [32, 16], **settings})


def trained(config: TrainingConfig, scale: float, seed: int, dataset: Dataset) -> list[EpochMetrics]:
    epochs: list[EpochMetrics] = []
    train(config, scale, seed, dataset, epochs.append)
    return epochs


def figures(epochs: list[EpochMetrics]) -> list[dict[str, float]]:
    return [metrics.model_dump(exclude={"seconds"}) for metrics in epochs]


def initial_weights(config: TrainingConfig, seed: int) -> list[Array]:
    """The weights that `train` starts from."""
    keras.utils.set_random_seed(int(generator(seed, Purpose.WEIGHTS).integers(2**31)))
    weights: list[Array] = build_model(config, inputs=784).get_weights()
    return weights


def forward(weights: list[Array], images: Array) -> tuple[list[Array], Array]:
    """What each layer takes in, and the logits, of a ReLU network without dropout."""
    inputs = [images]
    for kernel, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        inputs.append(np.maximum(inputs[-1] @ kernel + bias, 0))
    return inputs, inputs[-1] @ weights[-2] + weights[-1]


def loss_and_accuracy(weights: list[Array], images: Array, labels: NDArray[np.uint8]) -> tuple[float, float]:
    _, logits = forward(weights, images)
    losses = -log_softmax(logits, axis=1)[np.arange(len(labels)), labels]
    return float(losses.mean()), float((logits.argmax(axis=1) == labels).mean())


def gradients(weights: list[Array], images: Array, labels: NDArray[np.uint8]) -> list[Array]:
    """Of the mean cross-entropy, by backpropagation."""
    inputs, logits = forward(weights, images)
    error = (np.exp(log_softmax(logits, axis=1)) - np.eye(10, dtype=np.float32)[labels]) / len(labels)
    backwards: list[Array] = []
    for kernel, layer_input in zip(weights[-2::-2], reversed(inputs), strict=True):
        backwards += [error.sum(axis=0), layer_input.T @ error]
        error = (error @ kernel.T) * (layer_input > 0)
    return backwards[::-1]


def noisy_validation_images(dataset: Dataset, scale: float, seed: int) -> Array:
    clean = to_pixels(dataset.validation_images)
    return add_noise(clean, scale, base_noise(seed, Purpose.VALIDATION_NOISE, clean.shape))


def test_the_notebooks_network_has_669706_parameters() -> None:
    assert build_model(TrainingConfig(), inputs=784).count_params() == 669_706


def test_validation_figures_are_those_of_the_noisy_validation_images_without_dropout(digits: Dataset) -> None:
    still = config(learning_rate=1e-30, dropout=0.5)  # the weights stay where they start
    (metrics,) = trained(still, scale=0.7, seed=3, dataset=digits)
    loss, accuracy = loss_and_accuracy(
        initial_weights(still, seed=3), noisy_validation_images(digits, 0.7, seed=3), digits.validation_labels
    )
    assert metrics.val_loss == pytest.approx(loss, rel=1e-5)
    assert metrics.val_accuracy == pytest.approx(accuracy, abs=1e-6)


def test_training_figures_are_the_means_over_all_images_the_short_last_minibatch_included(digits: Dataset) -> None:
    still = config(learning_rate=1e-30, dropout=0.0, batch_size=1000)
    (metrics,) = trained(still, scale=0.7, seed=3, dataset=digits)
    clean = to_pixels(digits.training_images)
    noisy = add_noise(clean, 0.7, base_noise(3, Purpose.TRAINING_NOISE, clean.shape))
    loss, accuracy = loss_and_accuracy(initial_weights(still, seed=3), noisy, digits.training_labels)
    assert metrics.loss == pytest.approx(loss, rel=1e-5)
    assert metrics.accuracy == pytest.approx(accuracy, abs=1e-6)


def test_a_step_is_backpropagation_and_the_formula_of_rmsprop(digits: Dataset) -> None:
    """Mean square v = rho v + (1 - rho) g^2 from v = 0, then w -= learning_rate g / sqrt(v + epsilon), as in Keras."""
    plain = config(dropout=0.0)
    model = build_model(plain, inputs=784)
    images, labels = to_pixels(digits.training_images[:128]), digits.training_labels[:128]
    before = model.get_weights()
    model.train_on_batch(images, keras.utils.to_categorical(labels, 10))
    for weight, gradient, after in zip(before, gradients(before, images, labels), model.get_weights(), strict=True):
        expected = weight - 0.001 * gradient / np.sqrt((1 - 0.9) * gradient**2 + 1e-7)
        np.testing.assert_allclose(after, expected, rtol=1e-4, atol=1e-6)


def test_equal_arguments_give_equal_figures(digits: Dataset) -> None:
    first, second = (figures(trained(config(), 0.5, seed=1, dataset=digits)) for _ in range(2))
    assert first == second


def test_another_seed_gives_other_figures(digits: Dataset) -> None:
    first, second = (figures(trained(config(), 0.5, seed, digits)) for seed in (1, 2))
    assert first != second


def test_runs_of_one_seed_start_from_the_same_weights_whatever_their_scale(digits: Dataset) -> None:
    still = config(learning_rate=1e-30, dropout=0.0)
    nearly_clean, cleaner = (trained(still, scale, seed=5, dataset=digits)[0].loss for scale in (1e-6, 0.0))
    assert nearly_clean == pytest.approx(cleaner, rel=1e-4)


def test_it_learns_and_more_noise_makes_it_harder(digits: Dataset) -> None:
    learning = config(epochs=5, hidden_units=[128])
    little, much = (trained(learning, scale, seed=0, dataset=digits)[-1].val_accuracy for scale in (0.1, 4.0))
    assert little > 0.9
    assert 0.05 < much < 0.5


def test_every_epoch_is_told_of_once_in_order_with_its_duration(digits: Dataset) -> None:
    epochs = trained(config(epochs=3), 0.1, seed=0, dataset=digits)
    assert [metrics.epoch for metrics in epochs] == [0, 1, 2]
    assert all(metrics.seconds > 0 for metrics in epochs)


def test_a_loss_that_leaves_the_finite_numbers_ends_the_run_with_advice() -> None:
    told: list[EpochMetrics] = []
    with pytest.raises(DivergedError, match=r"epoch 7 .*smaller learning_rate"):
        ReportEpochs(told.append).on_epoch_end(7, {"loss": math.nan, "val_loss": 1.0})
    assert told == []


def test_what_the_callback_raises_ends_the_training(digits: Dataset) -> None:
    class StopHereError(Exception):
        pass

    told: list[int] = []

    def stop_after_the_first(metrics: EpochMetrics) -> None:
        told.append(metrics.epoch)
        raise StopHereError

    with pytest.raises(StopHereError):
        train(config(epochs=5), 0.1, 0, digits, stop_after_the_first)
    assert told == [0]
