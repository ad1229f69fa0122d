"""The table of the best possible accuracy, and values between its scales."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.science.ideal_observer import IdealObserver, Sample
from api.science.limit import UnknownLimitError, dataset_limit, exceeds_limit, limit_of, limit_table
from noisesweep.models import Ends, NoiseKind, NoiseOn, TrainingConfig
from scripts.ideal import commonest, measure
from shared import datasets
from shared.datasets import CATALOGUE, DatasetName, to_pixels

DIGITS = limit_table()["digits"]


@pytest.mark.parametrize("name", limit_table())
def test_table_names_its_data(name: str) -> None:
    assert limit_table()[name].sha256 == CATALOGUE[name].sha256


@pytest.mark.parametrize("clip", [False, True])
def test_table_of_digits_is_computed_again(*, clip: bool) -> None:
    stored = DIGITS.of(clip=clip).ends[4::9]
    computed = measure(DatasetName.DIGITS, [each.scale for each in stored], clip=clip)
    for one, other in zip(stored, computed.ends, strict=True):
        assert other.model_dump() == pytest.approx(one.model_dump(), abs=1e-3)
    assert commonest(DatasetName.DIGITS) == DIGITS.commonest


@pytest.mark.parametrize("name", limit_table())
@pytest.mark.parametrize("clip", [False, True])
def test_measured_ends_cross_only_by_their_errors(name: str, *, clip: bool) -> None:
    limit = limit_table()[name].of(clip=clip)
    for at in limit.ends:
        error = sqrt(at.lower * (1 - at.lower) / limit.images + at.upper_error**2)
        assert at.lower <= at.upper + 3 * error


@pytest.mark.parametrize("clip", [False, True])
def test_ends_at_a_scale_of_the_table_are_those_of_the_table(*, clip: bool) -> None:
    limit = DIGITS.of(clip=clip)
    for at in limit.ends:
        expected = at.model_copy(update={"lower": min(at.lower, at.upper)})
        assert limit.at(at.scale).model_dump() == pytest.approx(expected.model_dump())


@pytest.mark.parametrize("name", limit_table())
@given(scale=st.floats(0, 1000, width=32, allow_subnormal=False), clip=st.booleans())
def test_shown_lower_end_is_never_above_the_upper_one(name: str, scale: float, clip: bool) -> None:
    at = limit_table()[name].of(clip=clip).at(scale)
    assert 0 < at.lower <= at.upper <= 1


@pytest.mark.parametrize("name", limit_table())
@given(level=st.floats(0.11, 0.99), clip=st.booleans())
def test_lower_end_never_crosses_a_level_at_a_greater_scale(name: str, level: float, clip: bool) -> None:
    found = limit_table()[name].of(clip=clip).crossings(level)
    assert not found or found.lower.scale <= found.upper.scale


@given(st.floats(0, 1000, width=32, allow_subnormal=False), st.booleans())
def test_ends_between_two_scales_are_between_their_ends(scale: float, clip: bool) -> None:
    limit = DIGITS.of(clip=clip)
    near = [at for at in limit.ends if at.scale <= scale][-1:] or [limit.ends[0]]
    far = [at for at in limit.ends if at.scale >= scale][:1] or [limit.ends[-1]]
    for end in ("lower", "upper"):
        values = sorted(getattr(limit.at(at.scale), end) for at in near + far)
        assert values[0] - 1e-9 <= getattr(limit.at(scale), end) <= values[-1] + 1e-9


def ends(lower: float, upper: float, held_out: float) -> Ends:
    return Ends(scale=1.0, lower=lower, upper=upper, upper_error=0.001, held_out=held_out)


def test_accuracy_far_above_the_upper_end_is_named() -> None:
    at = ends(lower=0.885, upper=0.978, held_out=0.884)
    assert exceeds_limit(at, 10_000, 0.999, images=10_000)
    assert not exceeds_limit(at, 10_000, 0.98, images=10_000)
    assert not exceeds_limit(at, 10_000, 0.999, images=100)


def test_more_comparisons_need_a_greater_excess() -> None:
    at = ends(lower=0.59, upper=0.61, held_out=0.59)
    assert exceeds_limit(at, 10_000, 0.626, images=10_000)
    assert not exceeds_limit(at, 10_000, 0.626, images=10_000, comparisons=20)


def test_easier_validation_images_are_not_named() -> None:
    # The second half of MNIST's test images, where the ideal observer itself is better than on the training images.
    assert not exceeds_limit(ends(lower=0.587, upper=0.61, held_out=0.64), 10_000, 0.64, images=5000)
    assert exceeds_limit(ends(lower=0.587, upper=0.61, held_out=0.59), 10_000, 0.64, images=5000)


def test_ideal_observer_that_has_seen_the_images_is_named_and_another_is_not() -> None:
    data = datasets.load(DatasetName.DIGITS, None)
    images = [to_pixels(part).reshape(len(part), -1) for part in (data.training_images, data.validation_images)]
    labels = [part.astype(np.int64) for part in (data.training_labels, data.validation_labels)]
    scale, draws = 3.0, np.random.default_rng(0)
    noise = draws.standard_normal(images[1].shape, dtype=np.float32)
    sample, at = Sample(images[1], labels[1], noise), DIGITS.unclipped.at(scale)
    honest = IdealObserver(images[0], labels[0])
    # Each validation image is a template with its very noise: the leak that fixed noise would make.
    leaking = IdealObserver(images[1] + np.float32(scale) * noise, labels[1])
    for observer, leaks in ((honest, False), (leaking, True)):
        [answers] = observer.answer(sample, [scale])
        assert exceeds_limit(at, DIGITS.unclipped.images, float(answers.correct.mean()), len(noise)) is leaks


def test_limit_needs_gaussian_noise_on_the_validation_images() -> None:
    assert limit_of(TrainingConfig(dataset="digits")) == DIGITS.unclipped
    assert limit_of(TrainingConfig(dataset="digits", clip=True)) == DIGITS.clipped
    assert limit_of(TrainingConfig(dataset="digits", noise_on=NoiseOn.TRAIN)) is None
    assert limit_of(TrainingConfig(dataset="digits", noise=NoiseKind.UNIFORM)) is None
    assert limit_of(TrainingConfig(dataset="unknown")) is None


def test_limit_that_was_not_computed_names_the_known_ones() -> None:
    with pytest.raises(UnknownLimitError, match=r"The limit of letters has not been computed\. Known: digits, fashion"):
        dataset_limit("letters", [1.0], clip=False)
