import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from shared.noise import Purpose, base_noise, generator

SHAPE = (1000, 784)


def test_noise_is_standard_normal() -> None:
    noise = base_noise(0, Purpose.TRAINING_NOISE, SHAPE)
    assert noise.dtype == np.float32
    assert stats.kstest(noise.ravel()[:100_000], "norm").pvalue > 0.01
    assert noise.mean() == pytest.approx(0, abs=4 / np.sqrt(noise.size))
    assert noise.std() == pytest.approx(1, abs=4 / np.sqrt(2 * noise.size))


def test_equal_arguments_give_equal_noise() -> None:
    first, second = (base_noise(3, Purpose.TRAINING_NOISE, SHAPE) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_noise_is_the_same_in_every_version() -> None:
    """Fail if the generator changes, because the seeds of published results would give other numbers."""
    noise = base_noise(0, Purpose.TRAINING_NOISE, (1, 4))[0]
    np.testing.assert_array_equal(
        noise, np.array([1.3804000616073608, 1.227081537246704, -3.0933446884155273, 0.5146650075912476], np.float32)
    )


def test_noise_differs_between_images() -> None:
    noise = base_noise(0, Purpose.TRAINING_NOISE, SHAPE)
    assert len(np.unique(noise[:, 0])) == len(noise)
    correlations = np.asarray(np.corrcoef(noise[:50]))
    assert np.abs(correlations[~np.eye(50, dtype=bool)]).max() < 5 / np.sqrt(784)


@given(
    st.tuples(st.integers(0, 2**32 - 1), st.sampled_from(Purpose), st.integers(0, 199), st.integers(0, 1000)),
    st.tuples(st.integers(0, 2**32 - 1), st.sampled_from(Purpose), st.integers(0, 199), st.integers(0, 1000)),
)
def test_draws_are_equal_only_for_equal_arguments(
    first: tuple[int, Purpose, int, int], second: tuple[int, Purpose, int, int]
) -> None:
    draws = [generator(*arguments).integers(2**63, size=2).tolist() for arguments in (first, second)]
    assert (draws[0] == draws[1]) == (first == second)
