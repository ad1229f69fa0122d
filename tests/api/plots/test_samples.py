import numpy as np
import pytest

from api.plots.accuracy import plot_data
from api.plots.curves import draw_curves
from api.plots.layout import Layout
from api.plots.options import ThemeName
from api.plots.samples import samples
from api.plots.theme import THEMES
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


@pytest.mark.parametrize(("width", "log"), [(4.0, False), (8.0, False), (8.0, True)])
def test_images_are_inside_the_axes_and_only_the_axis_labels_their_scales(
    digits: Dataset, width: float, *, log: bool
) -> None:
    sweep = measured_sweep(dict.fromkeys((0.0, 0.1, 0.5, 1.0, 2.0, 4.0), 0.5))
    data = plot_data(sweep, samples(sweep, digits), log=log)
    layout = Layout((width, 5.5), 100, THEMES[ThemeName.LIGHT], data.caption)
    draw_curves(layout, data)
    axes, *strip = layout.figure.axes
    frame = axes.get_position()
    assert len(strip) > 1
    for image in strip:
        assert frame.x0 - 1e-9 <= image.get_position().x0
        assert image.get_position().x1 <= frame.x1 + 1e-9
    assert len(axes.get_xticks()) == len(strip)
    shown = [text.get_text() for text in layout.figure.texts]
    assert not {"clean", "0.5", "4"} & set(shown)
