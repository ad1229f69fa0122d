"""Noise previews, compared with the noise of runs and with NumPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from api.science.noise_preview import (
    PURPOSES,
    ImageNotFoundError,
    NoisePreview,
    SelectedImages,
    noisy_images,
    preview_noise,
    samples,
    select_images,
    shortest_decimals,
    statistics,
)
from noisesweep.models import Images, NoiseKind, PixelRange
from shared.datasets import DatasetName, load, to_pixels
from shared.noise import Purpose, base_noise
from shared.noise_kinds import add_noise
from tests.support.scales import SCALES

Array = NDArray[np.float32]
DIGITS = load(DatasetName.DIGITS, None)
ALL = slice(None)
Scales = st.floats(1e-3, 1e3)


def preview(
    *indices: int,
    scales: tuple[float, ...] = (0.5,),
    images: Images = Images.TRAINING,
    kind: NoiseKind = NoiseKind.GAUSSIAN,
    clip: bool = False,
    pixel_range: PixelRange = PixelRange.ONE,
) -> NoisePreview:
    levels = tuple((kind, scale) for scale in scales)
    return NoisePreview(DIGITS.facts, images, indices, levels, 3, clip, pixel_range)


def images_and_noise(preview: NoisePreview) -> tuple[SelectedImages, Array]:
    selected = select_images(DIGITS, preview)
    return selected, preview_noise(preview.seed, PURPOSES[preview.images], selected.count, (28, 28), selected.indices)


@pytest.mark.parametrize("images", Images)
def test_preview_noise_equals_the_noise_of_a_run(images: Images) -> None:
    pixels = DIGITS.training_images if images is Images.TRAINING else DIGITS.validation_images
    indices = (-1, 0, 7, 7, -len(pixels))
    selected, noise = images_and_noise(preview(*indices, images=images))
    everything = base_noise(3, PURPOSES[images], (len(pixels), 784)).reshape(-1, 28, 28)
    np.testing.assert_array_equal(noise, everything[list(indices)])
    np.testing.assert_array_equal(selected.clean, to_pixels(pixels).reshape(-1, 28, 28)[list(indices)])
    assert selected.indices == (len(pixels) - 1, 0, 7, 7, 0)


def test_preview_noise_is_equal_beyond_the_first_block() -> None:
    count, indices = 4500, (1999, 2000, 4499, 3)
    noise = preview_noise(1, Purpose.TRAINING_NOISE, count, (28, 28), indices)
    everything = base_noise(1, Purpose.TRAINING_NOISE, (count, 784))
    np.testing.assert_array_equal(noise.reshape(4, -1), everything[list(indices)])


@pytest.mark.parametrize("index", [355, -356])
def test_index_out_of_range_is_rejected_with_the_range(index: int) -> None:
    with pytest.raises(ImageNotFoundError, match=f"from -355 to 354 for the validation images .*, received {index}"):
        select_images(DIGITS, preview(0, index, images=Images.VALIDATION))


def test_statistics_match_hand_calculation() -> None:
    clean = np.array([[[0.0, 1.0], [0.5, 0.5]]], np.float32)
    noise = np.array([[[-1.0, 1.0], [0.0, 2.0]]], np.float32)
    figures = statistics(clean, noise, scale=0.5)
    assert figures.mean == 0.25
    assert figures.standard_deviation == pytest.approx(np.sqrt((0.75**2 + 0.25**2 + 0.25**2 + 0.75**2) / 4))
    # Both mean squares are 0.375, so the ratio is 0 dB.
    assert figures.signal_to_noise_db == pytest.approx(0, abs=1e-12)
    assert figures.outside_range == 0.75


def test_ratio_is_none_without_noise_or_signal() -> None:
    clean, noise = np.ones((1, 28, 28), np.float32), np.ones((1, 28, 28), np.float32)
    assert statistics(clean, noise, scale=0).signal_to_noise_db is None
    assert statistics(0 * clean, noise, scale=1).signal_to_noise_db is None
    assert statistics(clean, noise, scale=0).outside_range == 0


@given(scale=Scales, factor=st.floats(1.01, 100))
def test_ratio_falls_by_20_log10_of_the_scale_factor(scale: float, factor: float) -> None:
    selected, noise = images_and_noise(preview(0, 1))
    before, after = (statistics(selected.clean, noise, s).signal_to_noise_db or 0.0 for s in (scale, scale * factor))
    assert before - after == pytest.approx(20 * np.log10(factor), abs=1e-9)


@given(scale=Scales)
def test_pixel_range_changes_only_units(scale: float) -> None:
    selected, noise = images_and_noise(preview(0, 1))
    one = statistics(selected.clean, noise, scale)
    byte = statistics(selected.clean, noise, scale * 255, PixelRange.BYTE)
    assert byte.mean == pytest.approx(255 * one.mean)
    assert byte.standard_deviation == pytest.approx(255 * one.standard_deviation)
    assert byte.signal_to_noise_db == pytest.approx(one.signal_to_noise_db, abs=1e-6)
    assert byte.outside_range == pytest.approx(one.outside_range, abs=1 / 784)


@given(scale=SCALES)
def test_clipping_changes_only_pixels_outside_the_range(scale: float) -> None:
    selected, noise = images_and_noise(preview(0, -1))
    free = noisy_images(selected.clean, noise, scale, clip=False)
    clipped = noisy_images(selected.clean, noise, scale, clip=True)
    np.testing.assert_array_equal(free, add_noise(selected.clean, scale, noise))
    inside = (free >= 0) & (free <= 1)
    np.testing.assert_array_equal(clipped[inside], free[inside])
    assert set(np.unique(clipped[~inside])) <= {0, 1}
    assert np.mean(~inside) == statistics(selected.clean, noise, scale).outside_range


@given(values=st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_shortest_decimals_round_trip_as_float32(values: list[float]) -> None:
    row = np.array([values], np.float32)
    np.testing.assert_array_equal(np.array(shortest_decimals(row), np.float32), row)
    assert shortest_decimals(np.array([[0.1]], np.float32)) == [[0.1]]


def test_samples_are_cropped_and_in_the_requested_range() -> None:
    request = preview(5, 0, scales=(0.0, 51.0), clip=True, pixel_range=PixelRange.BYTE)
    selected, noise = images_and_noise(request)
    answer = samples(selected, noise, request, slice(4, 6), slice(10, 13))
    assert [(sample.index, sample.label) for sample in answer.samples] == [(5, 5), (0, 0)]
    for sample, clean, drawn in zip(answer.samples, selected.clean, noise, strict=True):
        pixels = DIGITS.training_images[sample.index, 4:6, 10:13].astype(float)
        assert sample.clean == pixels.tolist()  # in the byte range, pixels are the original integers
        assert sample.scales[0].noise == np.zeros((2, 3)).tolist()
        assert sample.scales[0].noisy == sample.clean
        np.testing.assert_allclose(sample.scales[1].noise, 51 * drawn[4:6, 10:13], rtol=1e-6)
        np.testing.assert_allclose(
            sample.scales[1].noisy, np.clip(pixels + 51 * drawn[4:6, 10:13], 0, 255), rtol=1e-5, atol=1e-4
        )
        np.testing.assert_array_equal(clean[4:6, 10:13], pixels.astype(np.float32) / 255)
    assert [figures.scale for figures in answer.statistics] == [0, 51]
    assert answer.statistics[1].standard_deviation == pytest.approx(51, rel=0.1)


def test_slice_beyond_the_image_is_empty() -> None:
    request = preview(0)
    answer = samples(*images_and_noise(request), request, slice(40, 50), ALL)
    assert answer.samples[0].clean == []
