"""What the API shows of noise is what lies on the device."""

import numpy as np
import pytest

from api.science.noise_preview import PURPOSES, NoisePreview, choose, preview_noise
from noisesweep.models import Images, PixelRange
from shared.datasets import DatasetName, load
from worker.trainer.images import NoisyImages

SEED = 7


@pytest.mark.parametrize("images", Images)
def test_the_noise_that_is_shown_is_what_a_run_of_that_seed_has_on_its_device(images: Images) -> None:
    digits = load(DatasetName.DIGITS, None)
    preview = NoisePreview(
        DatasetName.DIGITS, images, (-1, 0, 100), (1.0,), SEED, clip=False, pixel_range=PixelRange.ONE
    )
    chosen = choose(digits, preview)
    noise = preview_noise(SEED, PURPOSES[images], chosen.count, chosen.indices)
    training = images is Images.TRAINING
    on_device = NoisyImages(
        digits.training_images if training else digits.validation_images,
        digits.training_labels if training else digits.validation_labels,
        PURPOSES[images],
    )
    on_device.draw(SEED)
    np.testing.assert_array_equal(on_device.noise.numpy()[list(chosen.indices)], noise.reshape(3, -1))
    assert chosen.labels == tuple(on_device.labels.numpy()[list(chosen.indices)])
