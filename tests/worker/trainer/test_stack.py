"""The stacked program, compared with Keras on the same weights and minibatches."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from noisesweep.models import Model, SweepRequest
from shared.noise import Purpose
from tests.support.networks import cnn, mlp
from tests.support.stacks import SEED, XLA, config, keras_twin, noisy, order, relative_error, stack, trained
from worker.trainer.state import RunState

MLPS = st.builds(mlp, st.integers(1, 70)) | st.builds(mlp, st.integers(1, 70), st.integers(1, 70))
CNNS = st.builds(
    cnn,
    st.lists(st.integers(1, 9), min_size=1, max_size=2),
    kernel_size=st.integers(1, 6),
    dense_units=st.lists(st.integers(1, 40), max_size=2),
)
# XLA compiles each program with convolutions for several seconds. With it, only the examples below have them.
ANY_NETWORK = MLPS if XLA else MLPS | CNNS
NETWORKS = {"mlp": mlp(32, 16), "lenet": cnn([20, 50]), "no dense layer": cnn([4, 7], kernel_size=4, dense_units=[])}


@pytest.mark.parametrize(("steps", "tolerance"), [(1, 1e-5), (10, 2e-3)])
@pytest.mark.parametrize("network", NETWORKS)
def test_weights_after_some_steps_match_keras(network: str, steps: int, tolerance: float) -> None:
    shape = config(model=NETWORKS[network])
    ours, twin = stack(shape, [0.5]), keras_twin(shape)
    ours.train(steps)
    images, labels = noisy(Purpose.TRAINING_NOISE, 0.5)
    images = images.reshape(-1, *twin.input_shape[1:])
    for step in range(steps):
        rows = order(0, len(images))[step * 128 : (step + 1) * 128]
        twin.train_on_batch(images[rows], labels[rows])
    assert relative_error(ours.state(0).weights, twin.get_weights()) < tolerance


def test_weights_and_metrics_after_an_epoch_match_keras() -> None:
    """Train 469 steps, like an epoch of MNIST; the last minibatch is smaller."""
    few = config(batch_size=3)
    ours, twin = stack(few, [0.5], images=1406), keras_twin(few)
    images, labels = noisy(Purpose.TRAINING_NOISE, 0.5, images=1406)
    rows = order(0, 1406)
    assert ours.steps == 469
    ours.train(469)
    history = twin.fit(images[rows], labels[rows], batch_size=3, shuffle=False, verbose=0).history
    loss, accuracy = ours.training_metrics()
    assert loss[0] == pytest.approx(history["loss"][0], rel=1e-3)
    assert accuracy[0] == pytest.approx(history["accuracy"][0], abs=2e-3)
    assert relative_error(ours.state(0).weights, twin.get_weights()) < 1e-2


def test_each_run_gets_the_gradient_of_its_mean_loss() -> None:
    """Compare squared gradients: after one step from 0, RMSprop's mean square is (1 - rho) g^2."""
    ours, twin = stack(config(), [0.1, 2.0]), keras_twin(config())
    ours.train(1)
    for run, scale in enumerate((0.1, 2.0)):
        images, labels = noisy(Purpose.TRAINING_NOISE, scale)
        rows = order(0, len(images))[:128]
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(labels[rows], twin(images[rows])))
        gradients = [gradient.numpy() for gradient in tape.gradient(loss, twin.trainable_variables)]
        squared = [mean_square / 0.1 for mean_square in ours.state(run).mean_squares]
        assert relative_error(squared, [gradient**2 for gradient in gradients]) < 1e-4


def test_validation_matches_keras_without_dropout() -> None:
    ours = stack(config(dropout=0.5), [0.7, 0.0])
    loss, accuracy = ours.validation_metrics()
    for run, scale in enumerate((0.7, 0.0)):
        expected = keras_twin(config()).evaluate(*noisy(Purpose.VALIDATION_NOISE, scale), verbose=0)
        assert [loss[run], accuracy[run]] == pytest.approx(expected, rel=1e-5)


def test_results_do_not_depend_on_chunks() -> None:
    whole, parts = trained([0.5], [12]), trained([0.5], [1, 4, 2, 5])
    assert whole.step == parts.step == whole.steps
    assert whole.state(0).weights_sha256 == parts.state(0).weights_sha256


@hypothesis_settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow])
@given(
    scales=st.lists(st.sampled_from([0.0, 0.1, 0.5, 2.0]), min_size=2, max_size=5),
    fields=st.fixed_dictionaries(
        {
            "model": ANY_NETWORK,
            "batch_size": st.integers(1, 70),
            "dropout": st.sampled_from([0.0, 0.2, 0.5]),
            "precision": st.sampled_from(["float32", "mixed_bfloat16"]),
            "clip": st.booleans(),
            "resample": st.booleans(),
        }
    ),
    images=st.integers(1, 150),
    data=st.data(),
)
def test_a_run_computes_the_same_bits_in_any_stack(
    scales: list[float], fields: dict[str, object], images: int, data: st.DataObject
) -> None:
    """Compare all bits with those of the run alone, after other chunks and a stop between two different stacks."""
    run = data.draw(st.integers(0, len(scales) - 1), "run")
    shape = config(**fields)
    alone, first = stack(shape, [scales[run]], images), stack(shape, scales, images)
    second = stack(shape, [2.0, scales[run]], images)
    stop = data.draw(st.integers(0, alone.steps), "stop")
    for started in (alone, first):
        started.train(started.steps)
        started.next_epoch()
    alone.train(alone.steps)
    first.train(stop)
    state = RunState.from_bytes(first.state(run).to_bytes())
    second.start(SEED, [2.0, scales[run]], [state, state])
    while second.step < second.steps:
        second.train(data.draw(st.integers(1, second.steps), "chunk"))
    assert second.state(1).to_bytes() == alone.state(0).to_bytes()
    for metric in (0, 1):
        assert second.training_metrics()[metric][1] == alone.training_metrics()[metric][0]
    ours, theirs = second.evaluate([0.1, 0.5]), alone.evaluate([0.5])
    np.testing.assert_array_equal(ours.loss[1], theirs.loss[0])
    np.testing.assert_array_equal(ours.predicted[1], theirs.predicted[0])


def test_loss_on_many_batches_does_not_depend_on_the_stack() -> None:
    together, alone = stack(config(), [0.1, 0.5, 2.0]), stack(config(), [0.5])
    for each in (together, alone):
        each.evaluation_batch = 7
    assert together.validation_metrics()[0][1] == alone.validation_metrics()[0][0]


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize(
    "network",
    [mlp(32, 16), mlp(30, 13), mlp(64), cnn([8, 16]), cnn([5, 7], kernel_size=3, dense_units=[])],
    ids=["even", "odd", "one layer", "convolutions", "odd convolutions"],
)
@pytest.mark.skipif(not XLA, reason="tested above; with XLA these shapes caught errors")
def test_a_run_does_not_depend_on_its_stack(precision: str, network: Model) -> None:
    scales = [0.1, 0.5, 1.0, 2.0, 4.0]
    together = trained(scales, [60], precision=precision, model=network, batch_size=8)
    alone = trained([9.0], [], precision=precision, model=network, batch_size=8)
    for run, scale in enumerate(scales):
        alone.start(SEED, [scale])
        alone.train(60)
        assert relative_error(together.state(run).weights, alone.state(0).weights) == 0
        assert together.validation_metrics()[0][run] == alone.validation_metrics()[0][0]
        assert together.training_metrics()[0][run] == alone.training_metrics()[0][0]


def test_a_restarted_stack_equals_a_new_one() -> None:
    used = trained([0.5], [5])
    used.start(SEED, [0.5])
    used.train(12)
    assert used.state(0).weights_sha256 == trained([0.5], [12]).state(0).weights_sha256


@pytest.mark.parametrize("network", ["mlp", "no dense layer"])
def test_mixed_bfloat16_affects_only_matrix_products(network: str) -> None:
    model = NETWORKS[network]
    exact, rounded = trained([0.5], [12], model=model), trained([0.5], [12], model=model, precision="mixed_bfloat16")
    for state in (exact.state(0), rounded.state(0)):
        assert {weight.dtype for weight in [*state.weights, *state.mean_squares]} == {np.dtype(np.float32)}
    error = relative_error(rounded.state(0).weights, exact.state(0).weights)
    assert 1e-4 < error < 0.1


@hypothesis_settings(max_examples=5, suppress_health_check=[HealthCheck.too_slow])
@given(
    runs=st.integers(1, 3),
    network=ANY_NETWORK,
    images=st.integers(1, 60),
    batch_size=st.integers(1, 80),
)
def test_training_matches_keras_for_any_shape(runs: int, network: Model, images: int, batch_size: int) -> None:
    shape = config(model=network, batch_size=batch_size)
    ours = stack(shape, [0.5] * runs, images)
    ours.train(3)
    twin = keras_twin(shape)
    pixels, labels = noisy(Purpose.TRAINING_NOISE, 0.5, images)
    pixels = pixels.reshape(-1, *twin.input_shape[1:])
    for step in range(min(3, -(-images // batch_size))):
        rows = order(0, images)[step * batch_size : (step + 1) * batch_size]
        twin.train_on_batch(pixels[rows], labels[rows])
    for run in range(runs):
        assert relative_error(ours.state(run).weights, twin.get_weights()) < 1e-3


def test_numbers_of_a_config_train_the_same_bits() -> None:
    # A request keeps the shortest decimals of its scales and its learning rate.
    asked, rate = [0.1 + 0.2, 1 / 3, 0.0123456789], 0.00123456789
    kept = SweepRequest(scales=asked, learning_rate=rate)
    assert (kept.scales, kept.learning_rate) == ([0.3, 0.33333334, 0.012345679], 0.0012345678)
    programs = [
        stack(config().model_copy(update={"learning_rate": rate}), asked),
        stack(config(learning_rate=kept.learning_rate), kept.scales),
    ]
    for program in programs:
        program.train(3)
    for run in range(3):
        assert programs[0].state(run).weights_sha256 == programs[1].state(run).weights_sha256
    for one, other in zip(*(program.validation_metrics() for program in programs), strict=True):
        np.testing.assert_array_equal(one, other)


def test_refused_scale_trains_like_scale_0() -> None:
    # A request refuses positive numbers that the program replaces by 0.
    ours = stack(config(), [0.0, 1e-40, 1e-45])
    ours.train(3)
    assert len({ours.state(run).weights_sha256 for run in range(3)}) == 1


def test_each_run_gets_back_the_weights_of_its_best_epoch() -> None:
    ours = stack(config(holdout=100, keep="best", patience=1, epochs=3, batch_size=500), [0.5, 1.0])
    trained = []
    for losses in ((1.0, 2.0), (1.5, 1.0)):
        ours.train(ours.steps)
        trained.append([ours.state(run).weights for run in range(2)])
        ours.select(np.array(losses, np.float32))
        ours.next_epoch()
    assert [ours.has_finished(run) for run in range(2)] == [True, False]
    assert ours.restore_kept(0) == 0
    np.testing.assert_equal(ours.state(0).weights, trained[0][0])
    np.testing.assert_equal(ours.state(1).weights, trained[1][1])
    assert ours.restore_kept(1) == 1
    np.testing.assert_equal(ours.state(1).weights, trained[1][1])
