"""The training program written with JAX, as a peer of this trainer.

An epoch is one call: a `scan` over the whole minibatches, the smaller last one, and the validation. The call donates
the weights and the mean squares, so XLA updates them in place. The noisy images are ready, in the type of the products.
In float32, adding the noise in each step takes the same time; in bfloat16, ready images are faster. Dropout decisions
use 16 random bits of threefry, which was faster here than the generators `rbg` and `unsafe_rbg`. Unrolling the scan,
longer vectors and oneDNN gained nothing.
"""

import os
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np

from noisesweep.models import Precision, TrainingConfig
from shared.architecture import layer_shapes
from shared.datasets import CLASSES, IMAGE_SHAPE, Dataset, to_pixels
from shared.noise import Purpose, base_noise, generator
from shared.noise_kinds import add_noise
from worker.trainer.network import DECISIONS, EPSILON, RHO, initial_weights

VALIDATION_BATCH = 1000
# Weights or mean squares: kernel and bias of each layer.
Weights = list[Any]


def is_installed() -> bool:
    """Return whether JAX is installed."""
    return find_spec("jax") is not None


def training(config: TrainingConfig, dataset: Dataset, seed: int, scale: float) -> Callable[[], dict[str, float]]:
    """Return a function that trains and validates one epoch, and returns its metrics. It uses one thread."""
    os.environ |= {"NPROC": "1", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false", "JAX_PLATFORMS": "cpu"}
    import jax  # noqa: PLC0415 - optional, and after its settings
    import jax.numpy as jnp  # noqa: PLC0415

    dtype = jnp.bfloat16 if config.precision is Precision.MIXED_BFLOAT16 else jnp.float32

    def noisy(images: Any, purpose: Purpose) -> Any:  # noqa: ANN401 - arrays of NumPy and JAX
        clean = to_pixels(images)
        return jnp.asarray(add_noise(clean, scale, base_noise(seed, purpose, clean.shape)), dtype)

    data = (
        noisy(dataset.training_images, Purpose.TRAINING_NOISE),
        jnp.asarray(dataset.training_labels, jnp.int32),
        noisy(dataset.validation_images, Purpose.VALIDATION_NOISE),
        jnp.asarray(dataset.validation_labels, jnp.int32),
    )
    weights: Weights = [
        jnp.asarray(each) for each in initial_weights(layer_shapes(config.model, IMAGE_SHAPE, CLASSES), seed)
    ]
    mean_squares: Weights = [jnp.zeros_like(each) for each in weights]
    key = jax.random.key(seed, impl="threefry2x32")
    train = jax.jit(partial(_epoch, config, dtype), donate_argnums=(0, 1))
    number = 0

    def epoch() -> dict[str, float]:
        nonlocal weights, mean_squares, number
        order = generator(seed, Purpose.SHUFFLE, number).permutation(len(data[0])).astype(np.int32)
        weights, mean_squares, metrics = train(weights, mean_squares, data, order, jax.random.fold_in(key, number))
        number += 1
        return {name: float(value) for name, value in metrics.items()}

    return epoch


def _epoch(  # noqa: PLR0917 - JAX donates positional arguments
    config: TrainingConfig,
    dtype: Any,  # noqa: ANN401 - a type of JAX
    weights: Weights,
    mean_squares: Weights,
    data: Sequence[Any],
    order: Any,  # noqa: ANN401 - an array of JAX
    key: Any,  # noqa: ANN401
) -> tuple[Weights, Weights, dict[str, Any]]:
    import jax  # noqa: PLC0415 - optional
    import jax.numpy as jnp  # noqa: PLC0415

    images, labels, validation_images, validation_labels = data
    dropped = round(config.dropout * DECISIONS)

    def product(a: Any, b: Any) -> Any:  # noqa: ANN401
        return jnp.dot(a.astype(dtype), b.astype(dtype), preferred_element_type=jnp.float32)

    def logits(weights: Weights, outputs: Any, masks: Sequence[Any] | None = None) -> Any:  # noqa: ANN401
        for layer in range(len(config.model.dense_units)):
            outputs = jax.nn.relu(product(outputs, weights[2 * layer]) + weights[2 * layer + 1])
            outputs = outputs * masks[layer] if masks else outputs
        return product(outputs, weights[-2]) + weights[-1]

    def sums(logits: Any, labels: Any) -> tuple[Any, Any]:  # noqa: ANN401
        losses = jax.nn.logsumexp(logits, axis=1) - jnp.take_along_axis(logits, labels[:, None], axis=1)[:, 0]
        return losses.sum(), (logits.argmax(axis=1) == labels).sum()

    def step(state: tuple[Weights, Weights, Any, Any], rows: Any, key: Any) -> tuple[Weights, Weights, Any, Any]:  # noqa: ANN401
        weights, mean_squares, loss, correct = state
        bits = jax.random.bits(key, (len(rows), sum(config.model.dense_units)), jnp.uint16)
        kept = jnp.where(bits >= dropped, DECISIONS / (DECISIONS - dropped), 0).astype(jnp.float32)
        masks = jnp.split(kept, np.cumsum(config.model.dense_units)[:-1], axis=1)

        def mean_loss(weights: Weights) -> tuple[Any, tuple[Any, Any]]:
            totals = sums(logits(weights, images[rows], masks), labels[rows])
            return totals[0] / len(rows), totals

        gradients, totals = jax.grad(mean_loss, has_aux=True)(weights)
        mean_squares = [RHO * s + (1 - RHO) * g * g for s, g in zip(mean_squares, gradients, strict=True)]
        weights = [
            w - config.learning_rate * g * jax.lax.rsqrt(s + EPSILON)
            for w, g, s in zip(weights, gradients, mean_squares, strict=True)
        ]
        return weights, mean_squares, loss + totals[0], correct + totals[1]

    whole, rest = divmod(len(images), config.batch_size)
    keys = jax.random.split(key, whole + 1)
    minibatches = order[: whole * config.batch_size].reshape(whole, config.batch_size)
    state = (weights, mean_squares, jnp.float32(0), jnp.int32(0))
    state, _ = jax.lax.scan(lambda state, inputs: (step(state, *inputs), None), state, (minibatches, keys[:whole]))
    if rest:
        state = step(state, order[-rest:], keys[whole])
    weights, mean_squares, loss, correct = state

    validated = [
        sums(
            logits(weights, validation_images[start : start + VALIDATION_BATCH]),
            validation_labels[start:][:VALIDATION_BATCH],
        )
        for start in range(0, len(validation_images), VALIDATION_BATCH)
    ]
    metrics = {
        "loss": loss / len(images),
        "accuracy": correct / len(images),
        "val_loss": sum(each[0] for each in validated) / len(validation_images),
        "val_accuracy": sum(each[1] for each in validated) / len(validation_images),
    }
    return weights, mean_squares, metrics
