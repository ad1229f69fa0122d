"""Trained networks that are stored as Keras models."""

from pathlib import Path

import keras
import numpy as np
import pytest
from redis import Redis

from noisesweep.models import Model, Precision
from shared import datasets
from shared.datasets import DatasetName, to_pixels
from shared.noise import Purpose, base_noise
from shared.noise_kinds import add_noise
from shared.store.keys import SweepKeys
from tests.support.networks import cnn, mlp
from tests.support.trainer import REQUEST, Trainer
from worker.trainer.state import RunState


# The Keras model does not round products to bfloat16, so a few of the 355 images may be classified differently.
@pytest.mark.parametrize(
    ("precision", "network", "tolerance"),
    [
        pytest.param("float32", mlp(32), 1e-4, id="float32"),
        pytest.param("mixed_bfloat16", mlp(32), 0.02, id="mixed_bfloat16"),
        pytest.param("float32", cnn([6, 16], dense_units=[84]), 1e-4, id="convolutions"),
    ],
)
def test_a_stored_model_reproduces_val_accuracy_in_keras(
    trainer: Trainer, redis_bytes: Redis, tmp_path: Path, *, precision: str, network: Model, tolerance: float
) -> None:
    changes = {"keep_model": True, "precision": Precision(precision), "model": network}
    request = REQUEST.model_copy(update=changes)
    claim = trainer.create_claim(request)
    trainer.train(claim)
    path = tmp_path / "run.keras"
    content = redis_bytes.get(SweepKeys(claim.sweep_id).model(0))
    assert isinstance(content, bytes)
    assert 0.8 * datasets.model_bytes(request) < len(content) <= datasets.model_bytes(request)
    path.write_bytes(content)
    model = keras.models.load_model(path)
    dataset = datasets.load(DatasetName.DIGITS, None)
    clean = to_pixels(dataset.validation_images)
    images = add_noise(clean, claim.runs[0].scale, base_noise(0, Purpose.VALIDATION_NOISE, (len(clean), 784)))
    images = images.reshape(-1, *model.input_shape[1:])
    _, accuracy = model.evaluate(images, dataset.validation_labels, verbose=0)
    assert accuracy == pytest.approx(trainer.metrics(claim.sweep_id, 0)[-1]["val_accuracy"], abs=tolerance)
    weights = RunState(0, 0, model.get_weights(), [], np.float32(0), np.float32(0))
    assert weights.weights_sha256 == trainer.sweeps.run(claim.sweep_id, 0)["weights_sha256"]


def test_a_model_is_not_stored_by_default(trainer: Trainer, redis: Redis) -> None:
    claim = trainer.create_claim(REQUEST)
    trainer.train(claim)
    assert not redis.exists(SweepKeys(claim.sweep_id).model(0))
