import numpy as np
import pytest

from api.plots.samples import samples
from noisesweep.models import NoiseKind, NoiseOn, TrainingConfig
from shared.datasets import Dataset, DatasetName, load
from shared.noise import Purpose, base_noise
from tests.support.measured import measured_sweep


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load(DatasetName.DIGITS, None)


def test_sample_has_the_kind_of_noise_of_the_sweep(digits: Dataset) -> None:
    data = samples(measured_sweep({1.0: 0.1}, config=TrainingConfig(noise=NoiseKind.SALT_AND_PEPPER)), digits)
    [(_, image)] = data.images
    assert set(image) == {0, 255}


@pytest.mark.parametrize("noise_on", NoiseOn)
def test_sample_has_the_noise_of_the_first_seed(digits: Dataset, noise_on: NoiseOn) -> None:
    data = samples(measured_sweep({2.0: 0.5, 0.0: 0.9}, config=TrainingConfig(noise_on=noise_on)), digits)
    in_training = noise_on is NoiseOn.TRAIN
    images = digits.training_images if in_training else digits.validation_images
    purpose = Purpose.TRAINING_NOISE if in_training else Purpose.VALIDATION_NOISE
    clean = images[0] / 255
    noisy = clean + 2 * base_noise(0, purpose, (len(images), 784))[0].reshape(28, 28)
    assert [scale for scale, _ in data.images] == [0.0, 2.0]
    for (_, image), expected in zip(data.images, (clean, noisy), strict=True):
        seen = np.frombuffer(image, np.uint8).reshape(28, 28)
        np.testing.assert_allclose(seen, expected.clip(0, 1) * 255, atol=0.51)
    assert ("training image 0" if in_training else "validation image 0") in data.note
