"""Kinds of noise, compared with the distributions of SciPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from noisesweep.models import IMAGENET_C_SCALES, NoiseKind
from shared.noise import Purpose, base_noise
from shared.noise_kinds import TABLE_ROW, add_noise, shot_table

Pixels = NDArray[np.float32]
COUNT = 100_000
NUMBERS = base_noise(0, Purpose.TRAINING_NOISE, (1, COUNT))[0]
# Pixel values are multiples of 1 / 255.
VALUES = [0.0, 1 / 255, 51 / 255, 0.6, 1.0]


def noisy(kind: NoiseKind, value: float, scale: float) -> Pixels:
    """Return COUNT pixels of one value with noise."""
    return add_noise(np.full(COUNT, value, np.float32), scale, NUMBERS, kind)


@pytest.mark.parametrize("scale", [0.05, 1.0, 4.0])
def test_gaussian_noise_is_normal(scale: float) -> None:
    assert stats.kstest(noisy(NoiseKind.GAUSSIAN, 0.6, scale), stats.norm(0.6, scale).cdf).pvalue > 0.01


@pytest.mark.parametrize("scale", [0.05, 1.0, 4.0])
def test_uniform_noise_is_uniform_with_the_scale_as_standard_deviation(scale: float) -> None:
    width = 2 * np.sqrt(3) * scale
    found = noisy(NoiseKind.UNIFORM, 0.6, scale)
    assert stats.kstest(found, stats.uniform(0.6 - width / 2, width).cdf).pvalue > 0.01
    assert found.std() == pytest.approx(scale, rel=0.01)


@pytest.mark.parametrize("value", [0.2, 1.0])
def test_speckle_noise_is_normal_and_proportional_to_the_pixel(value: float) -> None:
    assert stats.kstest(noisy(NoiseKind.SPECKLE, value, 0.7), stats.norm(value, 0.7 * value).cdf).pvalue > 0.01


@pytest.mark.parametrize("scale", [0.03, 0.5, 1.0])
def test_salt_and_pepper_replaces_the_share_of_pixels_by_black_and_white(scale: float) -> None:
    found = noisy(NoiseKind.SALT_AND_PEPPER, 0.6, scale)
    counts = [np.sum(found == np.float32(value)) for value in (0, 0.6, 1)]
    shares = np.array([scale / 2, 1 - scale, scale / 2])
    assert sum(counts) == COUNT
    kept = shares > 0
    assert stats.chisquare(np.array(counts)[kept], COUNT * shares[kept]).pvalue > 0.01
    assert np.array(counts)[~kept].sum() == 0


def test_salt_and_pepper_of_a_smaller_scale_is_part_of_that_of_a_larger_one() -> None:
    few, many = (noisy(NoiseKind.SALT_AND_PEPPER, 0.6, scale) for scale in (0.1, 0.4))
    changed = few != np.float32(0.6)
    assert changed.any()
    np.testing.assert_array_equal(few[changed], many[changed])


@pytest.mark.parametrize("scale", [0.05, 0.129, 0.577, 2.0])
@pytest.mark.parametrize("value", VALUES[1:])
def test_shot_noise_is_poisson(value: float, scale: float) -> None:
    mean = float(np.float32(value)) / scale**2
    photons = noisy(NoiseKind.SHOT, value, scale) / np.float32(scale) ** 2
    counts = np.rint(photons).astype(int)
    np.testing.assert_allclose(photons, counts, rtol=1e-5)
    # Classes of at least 20 expected pixels, and the rest on both sides.
    poisson = stats.poisson(mean)
    inside = np.arange(int(poisson.ppf(20 / COUNT)), int(poisson.isf(20 / COUNT)) + 1)
    limits = np.array([-0.5, *(inside[1:] - 0.5), np.inf])
    found = np.histogram(counts, limits)[0]
    expected = COUNT * np.diff(poisson.cdf(limits))
    assert stats.chisquare(found, expected).pvalue > 0.01 if len(found) > 1 else found[0] == COUNT


def test_shot_noise_keeps_black_pixels_black() -> None:
    assert not noisy(NoiseKind.SHOT, 0, 0.5).any()


def test_table_of_shot_noise_inverts_the_distribution() -> None:
    table = shot_table(0.05).reshape(256, TABLE_ROW)
    for value in (1, 100, 255):
        poisson = stats.poisson(value / 255 / 0.05**2)
        for number in (-6.0, -1.0, 0.0, 2.5, 6.0):
            count = np.searchsorted(table[value], number)
            expected = poisson.ppf(stats.norm.cdf(number)) if number < 0 else poisson.isf(stats.norm.sf(number))
            assert count == expected


@given(st.sampled_from(NoiseKind), st.floats(0.05, 1), st.sampled_from(VALUES))
def test_extreme_draws_give_finite_pixels(kind: NoiseKind, scale: float, value: float) -> None:
    numbers = np.array([-12, -8, 0, 8, 12], np.float32)
    found = add_noise(np.full(5, value, np.float32), scale, numbers, kind)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert (np.diff(found) >= 0).all()  # a larger draw gives a brighter pixel


@pytest.mark.parametrize("kind", list(NoiseKind))
def test_scale_zero_gives_clean_images(kind: NoiseKind) -> None:
    clean = np.linspace(0, 1, 256, dtype=np.float32).reshape(1, -1)
    numbers = NUMBERS[:256].reshape(1, -1).copy()
    np.testing.assert_array_equal(add_noise(clean, 0.0, numbers, kind), clean)
    np.testing.assert_array_equal(numbers[0], NUMBERS[:256])


def test_noise_is_in_pixel_units_and_not_clipped() -> None:
    clean = np.full((1, 784), 0.5, np.float32)
    noise = base_noise(0, Purpose.TRAINING_NOISE, clean.shape)
    found = add_noise(clean, 4.0, noise)
    np.testing.assert_allclose((found - clean) / 4, noise, rtol=1e-5, atol=1e-6)
    assert found.min() < 0
    assert found.max() > 1


def test_presets_are_valid_scales() -> None:
    assert all(kind.accepts(scale) for kind, scales in IMAGENET_C_SCALES.items() for scale in scales)
