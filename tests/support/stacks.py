"""Small stacks on the bundled digits, and equivalent computations with NumPy and Keras."""

from collections.abc import Sequence

import keras
import numpy as np
from numpy.typing import NDArray

from noisesweep.models import NoiseKind, TrainingConfig
from shared import datasets
from shared.architecture import layer_shapes
from shared.datasets import DatasetName, to_pixels
from shared.noise import Purpose, base_noise, generator
from shared.noise_kinds import add_noise
from shared.settings import Settings
from tests.support.networks import mlp
from worker.trainer.images import NoisyImages
from worker.trainer.keras_export import build_model
from worker.trainer.network import initial_weights
from worker.trainer.stack import Stack

Array = NDArray[np.float32]
DIGITS = datasets.load(DatasetName.DIGITS, None)
SEED = 3
XLA = bool(Settings().xla)  # set by `make test-xla`: the program for GPUs, compiled for the CPU


def config(**fields: object) -> TrainingConfig:
    return TrainingConfig.model_validate({"dataset": "digits", "model": mlp(32, 16), "dropout": 0.0, **fields})


def stack(config: TrainingConfig, scales: Sequence[float], images: int = 1442) -> Stack:
    training = NoisyImages(DIGITS.training_images[:images], DIGITS.training_labels[:images], Purpose.TRAINING_NOISE)
    validation = NoisyImages(DIGITS.validation_images, DIGITS.validation_labels, Purpose.VALIDATION_NOISE)
    stack = Stack(config, len(scales), training, validation, classes=10, xla=XLA)
    stack.start(SEED, scales)
    return stack


def noisy(
    purpose: Purpose, scale: float, images: int | None = None, kind: NoiseKind = NoiseKind.GAUSSIAN
) -> tuple[Array, NDArray[np.uint8]]:
    """Return the noisy images and the labels of the stack, computed with NumPy."""
    training = purpose is Purpose.TRAINING_NOISE
    clean = to_pixels((DIGITS.training_images if training else DIGITS.validation_images)[:images])
    labels = (DIGITS.training_labels if training else DIGITS.validation_labels)[:images]
    return add_noise(clean, scale, base_noise(SEED, purpose, (len(clean), 784)), kind), labels


def order(epoch: int, images: int) -> NDArray[np.int64]:
    return generator(SEED, Purpose.SHUFFLE, epoch).permutation(images)


def keras_twin(config: TrainingConfig) -> keras.Sequential:
    model = build_model(config, (28, 28), 10)
    model.set_weights(initial_weights(layer_shapes(config.model, (28, 28), 10), SEED))
    return model


def relative_error(ours: Sequence[Array], theirs: Sequence[Array]) -> float:
    """Return the relative error of all weights together, in the Euclidean norm."""
    difference = np.concatenate([(a - b).ravel() for a, b in zip(ours, theirs, strict=True)])
    whole = np.concatenate([weight.ravel() for weight in theirs])
    return float(np.linalg.norm(difference) / np.linalg.norm(whole))


def trained(scales: Sequence[float], chunks: Sequence[int], **fields: object) -> Stack:
    ours = stack(config(dropout=0.2, **fields), scales)
    for steps in chunks:
        ours.train(steps)
    return ours
