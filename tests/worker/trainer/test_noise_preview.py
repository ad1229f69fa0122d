"""The API's noise preview, compared with the noise on the device."""

import numpy as np
import pytest

from api.science.noise_preview import PURPOSES, NoisePreview, preview_noise, select_images
from noisesweep.models import Images, NoiseKind, PixelRange
from shared.datasets import DatasetName, load
from worker.trainer.images import NoisyImages

SEED = 7


@pytest.mark.parametrize("images", Images)
def test_the_preview_shows_the_noise_of_a_run(images: Images) -> None:
    digits = load(DatasetName.DIGITS, None)
    levels = ((NoiseKind.GAUSSIAN, 1.0),)
    preview = NoisePreview(digits.facts, images, (-1, 0, 100), levels, SEED, clip=False, pixel_range=PixelRange.ONE)
    selected = select_images(digits, preview)
    noise = preview_noise(SEED, PURPOSES[images], selected.count, digits.facts.image_shape, selected.indices)
    training = images is Images.TRAINING
    on_device = NoisyImages(
        digits.training_images if training else digits.validation_images,
        digits.training_labels if training else digits.validation_labels,
        PURPOSES[images],
    )
    on_device.draw(SEED)
    np.testing.assert_array_equal(on_device.noise.numpy()[list(selected.indices)], noise.reshape(3, -1))
    assert selected.labels == tuple(on_device.labels.numpy()[list(selected.indices)])
