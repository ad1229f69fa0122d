"""Functions of the network, compared with independent computations."""

from math import prod

import numpy as np
import pytest
import tensorflow as tf

from noisesweep.models import TrainingConfig
from noisesweep.models.float32 import DROPOUT_STEP
from shared.architecture import layer_shapes
from tests.support.networks import cnn, mlp
from tests.support.stacks import Array, config
from worker.trainer.network import (
    MASK_BUFFER_SIZE,
    classify,
    count_correct,
    dropout_masks,
    forward,
    initial_weights,
    losses_and_gradients,
    mask_buffer,
    operations,
    rmsprop,
)
from worker.trainer.predictions import Predictions

DRAWS = np.random.default_rng(0)


def test_the_notebooks_network_has_669706_parameters() -> None:
    weights = initial_weights(layer_shapes(TrainingConfig().model, (28, 28), 10), seed=0)
    assert sum(weight.size for weight in weights) == 669_706
    assert [weight.shape for weight in weights[::2]] == [(784, 512), (512, 512), (512, 10)]


def test_kernels_are_glorot_uniform_and_biases_zero() -> None:
    layers = layer_shapes(cnn([20, 50]), (28, 28), 10)
    weights = initial_weights(layers, seed=0)
    # The number of inputs and outputs of a unit: 25 positions of the kernel, and the channels.
    for index, inputs_and_outputs in ((1, 25 * (20 + 50)), (2, 800 + 500)):
        kernel, bias = weights[2 * index : 2 * index + 2]
        limit = np.sqrt(6 / inputs_and_outputs)
        assert 0.99 * limit < np.abs(kernel).max() <= limit
        assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.01)
        assert not bias.any()


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.9])
def test_numbers_of_the_mask_buffer_are_independent_and_have_the_rate(rate: float) -> None:
    buffers = [mask_buffer(config(dropout=rate, model=mlp(512, 511)), 0, epoch) for epoch in (0, 1)]
    kept = 1 - round(rate * 65536) / 65536
    for buffer in buffers:
        assert buffer.dtype == np.float32
        assert buffer.shape == (MASK_BUFFER_SIZE + 128 * 1023,)
        assert np.unique(buffer).tolist() == [0, np.float32(1 / kept)]
        assert (buffer > 0).mean() == pytest.approx(kept, abs=4 * np.sqrt(kept * (1 - kept) / buffer.size))
    # Correlations between neighbours in a layer, in a minibatch, between offsets, and between epochs.
    first, second = ((buffer > 0) - kept for buffer in buffers)
    limit = 4 * kept * (1 - kept) / np.sqrt(first.size)
    for distance in (1, 2, 3, 4, 8, 32, 511, 512, 65536):
        assert abs(np.mean(first[distance:] * first[:-distance])) < limit
    assert abs(np.mean(first * second)) < limit


def test_dropout_masks_are_consecutive_slices_of_their_buffer() -> None:
    dropping = config(dropout=0.2, model=mlp(32, 13))
    buffer = mask_buffer(dropping, 0, 0)
    first, second = dropout_masks(dropping, 5, tf.constant(buffer), tf.constant(64)) or []
    assert first.numpy().tolist() == buffer[64 : 64 + 160].reshape(5, 32).tolist()
    assert second.numpy().tolist() == buffer[224 : 224 + 65].reshape(5, 13).tolist()


@pytest.mark.parametrize("rate", [0.123456, 0.2000001, DROPOUT_STEP, 1.9e-05, 0.9999, 1 - DROPOUT_STEP])
def test_dropout_rate_of_a_config_gives_the_same_masks(rate: float) -> None:
    # A config keeps the shortest decimal of the rate.
    asked, kept = config().model_copy(update={"dropout": rate}), config(dropout=rate)
    np.testing.assert_array_equal(mask_buffer(asked, 7, 1), mask_buffer(kept, 7, 1))


def test_zero_dropout_makes_no_masks() -> None:
    buffer = mask_buffer(config(dropout=0.0), 0, 0)
    assert dropout_masks(config(dropout=0.0), 128, tf.constant(buffer), tf.constant(0)) is None


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("runs", [[], [2]], ids=["one run", "two runs"])
def test_dense_outputs_and_gradients_match_independent_computations(runs: list[int], masked: bool) -> None:
    layers = layer_shapes(mlp(5), (1, 7), 10)
    weights = [tf.constant(normal(*runs, *shape)) for layer in layers for shape in (layer.kernel, layer.kernel[1:])]
    images, labels = tf.constant(normal(*runs, 3, 7)), tf.constant([3, 0, 9])
    mask = np.array([[2, 0, 2, 0, 2]] * 3, np.float32)
    steps = operations(layers, weights, (1, 7), [tf.constant(mask)] if masked else None)
    values = forward(steps, images)
    losses, gradients = losses_and_gradients(steps, values, labels)
    with tf.GradientTape() as tape:
        tape.watch(weights)
        hidden = tf.nn.relu(images @ weights[0] + weights[1][..., None, :]) * (mask if masked else 1)
        logits = hidden @ weights[2] + weights[3][..., None, :]
        of_images = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.broadcast_to(labels, [*runs, 3]), logits)
        loss = tf.reduce_sum(tf.reduce_mean(of_images, axis=-1))
    np.testing.assert_allclose(values[-1], logits, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(losses, of_images, rtol=1e-4, atol=1e-5)
    for ours, expected in zip(gradients, tape.gradient(loss, weights), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("runs", [None, 2], ids=["one run", "two runs"])
@pytest.mark.parametrize("image_shape", [(12, 12), (13, 18)], ids=["even", "odd"])
def test_convolutional_outputs_and_gradients_match_independent_computations(
    runs: int | None, image_shape: tuple[int, int]
) -> None:
    """Compare with TensorFlow's own convolution, pooling and differentiation, with the ReLU before the pooling."""
    layers = layer_shapes(cnn([3, 4], kernel_size=3, dense_units=[5]), image_shape, 6)
    axis = [] if runs is None else [runs]
    weights = [tf.constant(normal(*axis, *shape)) for layer in layers for shape in (layer.kernel, layer.kernel[-1:])]
    images, labels = tf.constant(normal(*axis, 4, prod(image_shape))), tf.constant([3, 0, 5, 1])
    steps = operations(layers, weights, image_shape)
    values = forward(steps, images)
    losses, gradients = losses_and_gradients(steps, values, labels)

    def of_run(tensor: tf.Tensor, run: int) -> tf.Tensor:
        return tensor if runs is None else tensor[run]

    for run in range(runs or 1):
        own = [of_run(weight, run) for weight in weights]
        with tf.GradientTape() as tape:
            tape.watch(own)
            outputs = tf.reshape(of_run(images, run), [4, *image_shape, 1])
            for kernel, bias in zip(own[:4:2], own[1:4:2], strict=True):
                outputs = tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(outputs, kernel, 1, "VALID") + bias), 2, 2, "VALID")
            hidden = tf.nn.relu(tf.reshape(outputs, [4, -1]) @ own[4] + own[5])
            logits = hidden @ own[6] + own[7]
            of_images = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            loss = tf.reduce_mean(of_images)
        np.testing.assert_allclose(of_run(values[-1], run), logits, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(of_run(losses, run), of_images, rtol=1e-3, atol=1e-4)
        for ours, expected in zip(gradients, tape.gradient(loss, own), strict=True):
            np.testing.assert_allclose(of_run(ours, run), expected, rtol=1e-3, atol=1e-4)


def test_rmsprop_matches_its_formula() -> None:
    weight, mean_square, gradient = normal(2, 5), normal(2, 5) ** 2, normal(2, 5)
    weights, mean_squares, momenta = ([tf.Variable(array)] for array in (weight, mean_square, np.zeros_like(weight)))
    rmsprop(weights, mean_squares, momenta, [tf.constant(gradient)], learning_rate=0.01)
    expected = 0.9 * mean_square + 0.1 * gradient**2
    np.testing.assert_allclose(mean_squares[0], expected, rtol=1e-5)
    np.testing.assert_allclose(weights[0], weight - 0.01 * gradient / np.sqrt(expected + 1e-7), rtol=1e-5)


def test_counts_match_numpy() -> None:
    computed, labels = normal(2, 50, 10), DRAWS.integers(10, size=50).astype(np.int32)
    predicted = computed.argmax(axis=2)
    correct = (predicted == labels).sum(axis=1)
    assert count_correct(tf.constant(computed), tf.constant(labels)).numpy().tolist() == correct.tolist()
    found = Predictions(np.zeros(2, np.float32), classify(tf.constant(computed)).numpy(), labels, 10)
    assert found.accuracy.tolist() == (correct / 50).tolist()
    for run in range(2):
        confusion = np.zeros((10, 10), int)
        np.add.at(confusion, (labels, predicted[run]), 1)
        assert found.confusion(run).tolist() == confusion.tolist()


def normal(*shape: int) -> Array:
    return DRAWS.standard_normal(shape, dtype=np.float32)
