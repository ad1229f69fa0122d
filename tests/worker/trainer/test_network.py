"""Functions of the network, compared with independent computations."""

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from noisesweep.models import TrainingConfig
from tests.support.stacks import Array, config
from worker.trainer.network import (
    accuracy_of,
    add_bias,
    count_confusion,
    count_correct,
    dropout_masks,
    fresh_noise,
    initial_weights,
    logits,
    rmsprop,
)

DRAWS = np.random.default_rng(0)


def test_the_notebooks_network_has_669706_parameters() -> None:
    weights = initial_weights(TrainingConfig(), 784, seed=0)
    assert sum(weight.size for weight in weights) == 669_706
    assert [weight.shape for weight in weights[::2]] == [(784, 512), (512, 512), (512, 10)]


def test_kernels_are_glorot_uniform_and_biases_zero() -> None:
    kernel, bias, *_ = initial_weights(TrainingConfig(), 784, seed=0)
    limit = np.sqrt(6 / (784 + 512))
    assert np.abs(kernel).max() <= limit
    assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.01)
    assert not bias.any()


def test_dropout_masks_have_the_rate_and_depend_on_the_key() -> None:
    dropping = config(dropout=0.2, hidden_units=[512, 511])
    masks = [dropout_masks(dropping, 128, tf.constant([7, step])) for step in (0, 1)]
    first, second = ([mask.numpy() for mask in step or []] for step in masks)
    assert [mask.shape for mask in first] == [(128, 512), (128, 511)]
    for mask in first + second:
        assert set(np.unique(mask)) == {np.float32(0), np.float32(65536 / 52429)}
        assert (mask > 0).mean() == pytest.approx(0.8, abs=4 * np.sqrt(0.2 * 0.8 / mask.size))
    assert np.mean((first[0] > 0) == (second[0] > 0)) == pytest.approx(0.8**2 + 0.2**2, abs=0.01)


def test_zero_dropout_makes_no_masks() -> None:
    assert dropout_masks(config(dropout=0.0), 128, tf.constant([7, 0])) is None


def test_fresh_noise_depends_only_on_its_key() -> None:
    first, again, other = (fresh_noise(5, 784, tf.constant(key)).numpy() for key in ([1, 2], [1, 2], [1, 3]))
    assert (first == again).all()
    assert not (first == other).any()


@pytest.mark.parametrize("masked", [False, True])
def test_logits_match_numpy(masked: bool) -> None:
    two_runs = [[normal(7, 5), normal(5), normal(5, 10), normal(10)] for _ in range(2)]
    images, mask = normal(2, 3, 7), np.array([[2, 0, 2, 0, 2]] * 3, np.float32)
    weights = [tf.Variable(np.stack(pair)) for pair in zip(*two_runs, strict=True)]
    computed = logits(config(hidden_units=[5]), weights, tf.constant(images), [tf.constant(mask)] if masked else None)
    for run, (kernel, bias, last_kernel, last_bias) in enumerate(two_runs):
        hidden = np.maximum(images[run] @ kernel + bias, 0) * (mask if masked else 1)
        np.testing.assert_allclose(computed[run], hidden @ last_kernel + last_bias, rtol=1e-4, atol=1e-5)


def test_the_bias_gradient_is_the_sum_over_the_minibatch() -> None:
    bias, upstream = tf.Variable(normal(2, 5)), normal(2, 3, 5)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(add_bias(tf.constant(normal(2, 3, 5)), bias) * upstream)
    np.testing.assert_allclose(tape.gradient(total, bias), upstream.sum(axis=1), rtol=1e-5)


def test_rmsprop_matches_its_formula() -> None:
    weight, mean_square, gradient = normal(2, 5), normal(2, 5) ** 2, normal(2, 5)
    weights, mean_squares, momenta = ([tf.Variable(array)] for array in (weight, mean_square, np.zeros_like(weight)))
    rmsprop(weights, mean_squares, momenta, [tf.constant(gradient)], learning_rate=0.01)
    expected = 0.9 * mean_square + 0.1 * gradient**2
    np.testing.assert_allclose(mean_squares[0], expected, rtol=1e-5)
    np.testing.assert_allclose(weights[0], weight - 0.01 * gradient / np.sqrt(expected + 1e-7), rtol=1e-5)


def test_counts_match_numpy() -> None:
    computed, labels = normal(2, 50, 10), DRAWS.integers(10, size=(2, 50)).astype(np.int32)
    predicted = computed.argmax(axis=2)
    confusion: NDArray[np.int64] = np.zeros((2, 10, 10), np.int64)
    for run in range(2):
        np.add.at(confusion[run], (labels[run], predicted[run]), 1)
    correct = (predicted == labels).sum(axis=1)
    assert count_correct(tf.constant(computed), tf.constant(labels)).numpy().tolist() == correct.tolist()
    assert count_confusion(tf.constant(computed), tf.constant(labels)).numpy().tolist() == confusion.tolist()
    assert accuracy_of(confusion).tolist() == (correct / 50).tolist()


def normal(*shape: int) -> Array:
    return DRAWS.standard_normal(shape, dtype=np.float32)
