"""The JAX contender of `make bench`, compared with the trainer."""

import pytest

from bench import jax_training
from noisesweep.models import EpochMetrics, Precision, TrainingConfig
from shared import datasets
from shared.datasets import DatasetName
from shared.noise import Purpose
from worker.trainer.images import NoisyImages
from worker.trainer.loop import epochs
from worker.trainer.stack import Stack

pytestmark = pytest.mark.skipif(not jax_training.is_installed(), reason="JAX is not installed (the extra `bench`)")
SEED, SCALE = 0, 0.5


def train_both(config: TrainingConfig) -> list[tuple[EpochMetrics, dict[str, float]]]:
    dataset = datasets.load(DatasetName.DIGITS, None)
    images = NoisyImages(dataset.training_images, dataset.training_labels, Purpose.TRAINING_NOISE)
    validation = NoisyImages(dataset.validation_images, dataset.validation_labels, Purpose.VALIDATION_NOISE)
    stack = Stack(config, 1, images, validation, classes=10, xla=False)
    stack.start(SEED, [SCALE])
    theirs = jax_training.training(config, dataset, SEED, SCALE)
    both = []
    for [ours] in epochs(stack, stop=lambda: False):
        assert isinstance(ours, EpochMetrics)
        both.append((ours, theirs()))
    return both


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-3), ("mixed_bfloat16", 0.1)])
def test_metrics_without_dropout_equal_those_of_the_trainer(precision: Precision, tolerance: float) -> None:
    for ours, theirs in train_both(TrainingConfig(precision=precision, epochs=2, dropout=0)):
        for field, value in theirs.items():
            assert value == pytest.approx(getattr(ours, field), rel=tolerance), field


def test_dropout_has_the_same_effect_on_the_training_loss() -> None:
    [(ours, theirs)] = train_both(TrainingConfig(epochs=1, dropout=0.5))
    assert theirs["loss"] == pytest.approx(ours.loss, rel=0.1)
