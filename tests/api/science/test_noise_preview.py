"""The numbers of the noise, against NumPy and SciPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from api.science.noise_preview import (
    PURPOSES,
    ChosenImages,
    ImageNotFoundError,
    NoisePreview,
    choose,
    noisy_images,
    numbers,
    preview_noise,
    samples,
    statistics,
)
from noisesweep.models import Images, PixelRange
from shared.datasets import DatasetName, load, to_pixels
from shared.noise import Purpose, add_noise, base_noise

Array = NDArray[np.float32]
DIGITS = load(DatasetName.DIGITS, None)
ALL = slice(None)
Scales = st.floats(1e-3, 1e3)


def preview(
    *indices: int,
    scales: tuple[float, ...] = (0.5,),
    images: Images = Images.TRAINING,
    clip: bool = False,
    pixel_range: PixelRange = PixelRange.ONE,
) -> NoisePreview:
    return NoisePreview(DatasetName.DIGITS, images, indices, scales, 3, clip, pixel_range)


def looked_at(preview: NoisePreview) -> tuple[ChosenImages, Array]:
    chosen = choose(DIGITS, preview)
    return chosen, preview_noise(preview.seed, PURPOSES[preview.images], chosen.count, chosen.indices)


@pytest.mark.parametrize("images", Images)
def test_the_noise_of_an_image_is_its_row_of_all_that_a_run_draws(images: Images) -> None:
    pixels = DIGITS.training_images if images is Images.TRAINING else DIGITS.validation_images
    indices = (-1, 0, 7, 7, -len(pixels))
    chosen, noise = looked_at(preview(*indices, images=images))
    everything = base_noise(3, PURPOSES[images], (len(pixels), 784)).reshape(-1, 28, 28)
    np.testing.assert_array_equal(noise, everything[list(indices)])
    np.testing.assert_array_equal(chosen.clean, to_pixels(pixels).reshape(-1, 28, 28)[list(indices)])
    assert chosen.indices == (len(pixels) - 1, 0, 7, 7, 0)


def test_the_draws_beyond_the_first_block_are_those_of_the_run_too() -> None:
    count, indices = 4500, (1999, 2000, 4499, 3)
    noise = preview_noise(1, Purpose.TRAINING_NOISE, count, indices)
    everything = base_noise(1, Purpose.TRAINING_NOISE, (count, 784))
    np.testing.assert_array_equal(noise.reshape(4, -1), everything[list(indices)])


@pytest.mark.parametrize("index", [355, -356])
def test_an_index_that_is_not_there_is_refused_with_how_many_there_are(index: int) -> None:
    with pytest.raises(ImageNotFoundError, match=f"355 validation images, and none at {index}: .* -355 to 354"):
        choose(DIGITS, preview(0, index, images=Images.VALIDATION))


def test_the_figures_are_those_computed_by_hand() -> None:
    clean = np.array([[[0.0, 1.0], [0.5, 0.5]]], np.float32)
    noise = np.array([[[-1.0, 1.0], [0.0, 2.0]]], np.float32)
    figures = statistics(clean, noise, scale=0.5)
    assert figures.mean == 0.25
    assert figures.standard_deviation == pytest.approx(np.sqrt((0.75**2 + 0.25**2 + 0.25**2 + 0.75**2) / 4))
    # Mean squares 0.375 and 0.375: as much signal as noise.
    assert figures.signal_to_noise_db == pytest.approx(0, abs=1e-12)
    assert figures.outside_range == 0.75


def test_without_noise_or_without_light_there_is_no_ratio() -> None:
    clean, noise = np.ones((1, 28, 28), np.float32), np.ones((1, 28, 28), np.float32)
    assert statistics(clean, noise, scale=0).signal_to_noise_db is None
    assert statistics(0 * clean, noise, scale=1).signal_to_noise_db is None
    assert statistics(clean, noise, scale=0).outside_range == 0


@given(scale=Scales, factor=st.floats(1.01, 100))
def test_the_ratio_falls_by_20_log10_k_when_the_scale_grows_k_fold(scale: float, factor: float) -> None:
    chosen, noise = looked_at(preview(0, 1))
    before, after = (statistics(chosen.clean, noise, s).signal_to_noise_db or 0.0 for s in (scale, scale * factor))
    assert before - after == pytest.approx(20 * np.log10(factor), abs=1e-9)


@given(scale=Scales)
def test_no_figure_but_its_unit_depends_on_the_range_of_the_pixels(scale: float) -> None:
    chosen, noise = looked_at(preview(0, 1))
    one = statistics(chosen.clean, noise, scale)
    byte = statistics(chosen.clean, noise, scale * 255, PixelRange.BYTE)
    assert byte.mean == pytest.approx(255 * one.mean)
    assert byte.standard_deviation == pytest.approx(255 * one.standard_deviation)
    assert byte.signal_to_noise_db == pytest.approx(one.signal_to_noise_db, abs=1e-6)
    assert byte.outside_range == pytest.approx(one.outside_range, abs=1 / 784)


@given(scale=st.floats(0, 1e5))
def test_clipped_pixels_are_in_the_range_and_those_in_it_are_not_changed(scale: float) -> None:
    chosen, noise = looked_at(preview(0, -1))
    free = noisy_images(chosen.clean, noise, scale, clip=False)
    clipped = noisy_images(chosen.clean, noise, scale, clip=True)
    np.testing.assert_array_equal(free, add_noise(chosen.clean, scale, noise))
    inside = (free >= 0) & (free <= 1)
    np.testing.assert_array_equal(clipped[inside], free[inside])
    assert set(np.unique(clipped[~inside])) <= {0, 1}
    assert np.mean(~inside) == statistics(chosen.clean, noise, scale).outside_range


@given(values=st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_numbers_are_short_and_read_back_as_the_same_float32(values: list[float]) -> None:
    row = np.array([values], np.float32)
    np.testing.assert_array_equal(np.array(numbers(row), np.float32), row)
    assert numbers(np.array([[0.1]], np.float32)) == [[0.1]]


def test_the_answer_holds_the_selected_pixels_in_the_unit_that_was_asked_for() -> None:
    asked = preview(5, 0, scales=(0.0, 51.0), clip=True, pixel_range=PixelRange.BYTE)
    chosen, noise = looked_at(asked)
    answer = samples(chosen, noise, asked, slice(4, 6), slice(10, 13))
    assert [(sample.index, sample.label) for sample in answer.samples] == [(5, 5), (0, 0)]
    for sample, clean, drawn in zip(answer.samples, chosen.clean, noise, strict=True):
        pixels = DIGITS.training_images[sample.index, 4:6, 10:13].astype(float)
        assert sample.clean == pixels.tolist()  # in the range of bytes, pixels are the published integers
        assert sample.scales[0].noise == np.zeros((2, 3)).tolist()
        assert sample.scales[0].noisy == sample.clean
        np.testing.assert_allclose(sample.scales[1].noise, 51 * drawn[4:6, 10:13], rtol=1e-6)
        np.testing.assert_allclose(
            sample.scales[1].noisy, np.clip(pixels + 51 * drawn[4:6, 10:13], 0, 255), rtol=1e-5, atol=1e-4
        )
        np.testing.assert_array_equal(clean[4:6, 10:13], pixels.astype(np.float32) / 255)
    assert [figures.scale for figures in answer.statistics] == [0, 51]
    assert answer.statistics[1].standard_deviation == pytest.approx(51, rel=0.1)


def test_a_selection_beyond_the_image_is_empty_as_a_slice_of_python_is() -> None:
    asked = preview(0)
    answer = samples(*looked_at(asked), asked, slice(40, 50), ALL)
    assert answer.samples[0].clean == []
