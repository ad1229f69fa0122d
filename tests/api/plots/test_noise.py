import io
from dataclasses import replace

import numpy as np
from PIL import Image

from api.plots.noise import NoisePicture, draw
from shared.datasets import DatasetName


def picture(scales: tuple[float, ...] = (0.5,)) -> NoisePicture:
    draws = np.random.default_rng(0)
    return NoisePicture(
        dataset=DatasetName.MNIST,
        indices=(0, 59_999),
        labels=("5", "8"),
        scales=scales,
        clean=draws.random((2, 28, 28), np.float32),
        noise=draws.standard_normal((2, 28, 28), np.float32),
        clip=False,
        pixel_range=1,
        settings="mnist, training images, seed 0",
    )


def test_pictures_of_the_same_values_are_the_same_and_of_others_are_not() -> None:
    data = picture()
    assert data == picture()
    assert draw(data) is draw(picture())
    assert data != replace(data, noise=data.noise + 1)
    assert draw(data) != draw(replace(data, noise=-data.noise))


def test_a_scale_in_units_of_255_is_the_same_picture_but_for_the_words() -> None:
    def images(data: NoisePicture) -> bytes:
        pixels = np.asarray(Image.open(io.BytesIO(draw(data))).convert("L"))
        return pixels[100:-100, pixels.shape[1] // 2 :].tobytes()

    assert images(picture()) == images(replace(picture((127.5,)), pixel_range=255))


def test_the_words_say_what_black_and_white_are() -> None:
    notes = " ".join(replace(picture(), pixel_range=255).caption.notes)
    assert "black is 0 or less, white 255 or more" in notes
    assert "black is -255 or less, grey 0, white 255 or more" in notes
