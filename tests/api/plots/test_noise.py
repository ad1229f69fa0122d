import io
from dataclasses import replace

import numpy as np
from PIL import Image

from api.plots.noise import NoisePicture, draw
from noisesweep.models import NoiseKind
from shared.datasets import DatasetName


def picture(scale: float = 0.5) -> NoisePicture:
    draws = np.random.default_rng(0)
    return NoisePicture(
        dataset=DatasetName.MNIST,
        indices=(0, 59_999),
        labels=("5", "8"),
        levels=((NoiseKind.GAUSSIAN, scale),),
        clean=draws.random((2, 28, 28), np.float32),
        noise=draws.standard_normal((2, 28, 28), np.float32),
        clip=False,
        pixel_range=1,
        settings="mnist, training images, seed 0",
    )


def test_pictures_are_equal_if_their_values_are_equal() -> None:
    data = picture()
    assert draw(data) == draw(picture())
    assert draw(data) != draw(replace(data, noise=-data.noise))


def test_pixel_range_changes_only_the_text() -> None:
    def images(data: NoisePicture) -> bytes:
        pixels = np.asarray(Image.open(io.BytesIO(draw(data))).convert("L"))
        return pixels[100:-100, pixels.shape[1] // 2 :].tobytes()

    assert images(picture()) == images(replace(picture(127.5), pixel_range=255))


def test_caption_explains_black_and_white() -> None:
    notes = " ".join(replace(picture(), pixel_range=255).caption.notes)
    assert "black is 0 or less, white is 255 or more" in notes
    assert "black is -255 or less, grey is 0, white is 255 or more" in notes
