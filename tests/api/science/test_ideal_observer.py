"""The ideal observer against closed forms, brute force, and its own inequalities."""

from math import sqrt

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.stats import norm

from api.science.ideal_observer import Answers, IdealObserver, Sample
from shared.datasets import load, to_pixels

Images = NDArray[np.float32]
Labels = NDArray[np.int64]
RNG_SEED = 5


def noise_for(images: Images, seed: int = RNG_SEED) -> Images:
    return np.random.default_rng(seed).standard_normal(images.shape, dtype=np.float32)


def digits() -> tuple[Images, Labels, Images, Labels]:
    data = load("digits", None)
    parts = [to_pixels(part).reshape(len(part), -1) for part in (data.training_images, data.validation_images)]
    return parts[0], data.training_labels.astype(np.int64), parts[1], data.validation_labels.astype(np.int64)


def assert_near(measured: float, expected: float, images: int) -> None:
    """Assert that a proportion is within 4 standard errors of its expectation."""
    assert abs(measured - expected) <= 4 * sqrt(expected * (1 - expected) / images)


@pytest.mark.parametrize("scale", [0.3, 1.0, 3.0])
def test_two_templates_are_told_apart_as_often_as_the_closed_form_says(scale: float) -> None:
    templates = np.random.default_rng(1).random((2, 30)).astype(np.float32)
    labels = np.repeat([0, 1], 50_000)
    images = templates[labels]
    (answers,) = IdealObserver(templates, np.array([0, 1])).answer(Sample(images, labels, noise_for(images)), [scale])
    expected = norm.cdf(np.linalg.norm(templates[0] - templates[1]) / (2 * scale))
    assert_near(answers.correct.mean(), expected, len(labels))
    assert_near(answers.largest.mean(), expected, len(labels))  # its spread is smaller


@pytest.mark.parametrize("scale", [0.2, 0.5])
def test_orthogonal_templates_agree_with_the_closed_integral(scale: float) -> None:
    classes = 10
    templates = np.eye(classes, dtype=np.float32)
    labels = np.repeat(np.arange(classes), 5_000)
    images = templates[labels]
    (answers,) = IdealObserver(templates, np.arange(classes)).answer(Sample(images, labels, noise_for(images)), [scale])
    expected, _ = quad(lambda z: norm.pdf(z - 1 / scale) * norm.cdf(z) ** (classes - 1), -10, 10 + 1 / scale)
    assert_near(answers.correct.mean(), expected, len(labels))
    assert_near(answers.largest.mean(), expected, len(labels))


def posteriors(templates: Images, labels: Labels, noisy: Images, scale: float, *, clip: bool) -> NDArray[np.float64]:
    """Compute the posteriors of all classes, one image and template at a time."""
    logs = np.empty((len(noisy), len(templates)))
    for row, y in enumerate(noisy.astype(np.float64)):
        for column, x in enumerate(templates.astype(np.float64)):
            terms = norm.logpdf(y, x, scale)
            if clip:
                terms = np.where(y == 0, norm.logcdf(0, x, scale), np.where(y == 1, norm.logsf(1, x, scale), terms))
            logs[row, column] = terms.sum()
    by_class = np.stack([np.logaddexp.reduce(logs[:, labels == label], axis=1) for label in np.unique(labels)], axis=1)
    normalized: NDArray[np.float64] = np.exp(by_class - np.logaddexp.reduce(by_class, axis=1, keepdims=True))
    return normalized


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("scale", [0.1, 0.5, 2.0])
def test_posteriors_agree_with_brute_force(scale: float, *, clip: bool) -> None:
    templates, labels, images, image_labels = digits()
    templates, labels, images, image_labels = templates[:40], labels[:40], images[:40], image_labels[:40]
    noise = noise_for(images)
    noisy = images + np.float32(scale) * noise
    expected = posteriors(templates, labels, np.clip(noisy, 0, 1) if clip else noisy, scale, clip=clip)
    (answers,) = IdealObserver(templates, labels).answer(Sample(images, image_labels, noise), [scale], clip=clip)
    np.testing.assert_allclose(answers.largest, expected.max(axis=1), rtol=1e-3)
    assert (answers.correct == (expected.argmax(axis=1) == image_labels)).all()


def test_little_noise_gives_the_class_of_the_nearest_template() -> None:
    templates, labels, images, image_labels = digits()
    (answers,) = IdealObserver(templates, labels).answer(Sample(images, image_labels, noise_for(images)), [0.01])
    distances = np.square(images[:, None] - templates[None]).sum(axis=2)
    assert (answers.correct == (labels[distances.argmin(axis=1)] == image_labels)).all()


@pytest.mark.parametrize("clip", [False, True])
def test_much_noise_gives_the_commonest_class(*, clip: bool) -> None:
    templates, labels, images, image_labels = digits()
    (answers,) = IdealObserver(templates, labels).answer(
        Sample(images, image_labels, noise_for(images)), [1e4], clip=clip
    )
    commonest = np.bincount(labels).max() / len(labels)
    assert answers.largest.mean() == pytest.approx(commonest, abs=0.02 if clip else 0.005)


@pytest.mark.parametrize("clip", [False, True])
def test_left_out_images_are_answered_no_better_than_with_their_own_template(*, clip: bool) -> None:
    templates, labels, *_ = digits()
    observer, noise = IdealObserver(templates, labels), noise_for(templates)
    scales = [0.3, 1.0, 2.0]
    left_out = observer.answer(Sample(templates, labels, noise, np.arange(len(labels))), scales, clip=clip)
    with_own = observer.answer(Sample(templates, labels, noise), scales, clip=clip)
    for without, including in zip(left_out, with_own, strict=True):
        assert (without.correct <= including.correct).all()
        np.testing.assert_allclose(without.largest, including.largest, rtol=1e-3, atol=1e-6)
        assert without.correct.mean() < including.largest.mean()


def test_more_templates_bring_the_ends_together() -> None:
    templates, labels, *_ = digits()

    def ends(count: int, seed: int) -> tuple[float, float]:
        chosen = np.random.default_rng(seed).permutation(len(labels))[:count]
        observer = IdealObserver(templates[chosen], labels[chosen])
        noise = noise_for(templates[chosen], seed)
        (answers,) = observer.answer(Sample(templates[chosen], labels[chosen], noise, np.arange(count)), [1.0])
        return float(answers.correct.mean()), float(answers.largest.mean())

    means = [np.mean([ends(count, seed) for seed in range(12)], axis=0) for count in (100, 300, 900)]
    lower, upper = zip(*means, strict=True)
    assert list(lower) == sorted(lower)
    assert list(upper) == sorted(upper, reverse=True)


def test_class_whose_only_template_is_left_out_is_never_the_answer() -> None:
    templates = np.array([[0.0, 0.0], [1.0, 1.0], [0.9, 1.0]], np.float32)
    labels = np.array([0, 1, 1])
    (answers,) = IdealObserver(templates, labels).answer(
        Sample(templates, labels, np.zeros_like(templates), np.arange(3)), [0.1]
    )
    assert isinstance(answers, Answers)
    assert answers.correct.tolist() == [False, True, True]
    assert (answers.largest > 0.99).all()


def test_answers_do_not_depend_on_the_size_of_blocks() -> None:
    templates, labels, images, image_labels = digits()
    sample = Sample(images, image_labels, noise_for(images))
    (whole,) = IdealObserver(templates, labels).answer(sample, [1.0])
    (parts,) = IdealObserver(templates, labels, block_elements=7 * len(labels)).answer(sample, [1.0])
    np.testing.assert_allclose(parts.largest, whole.largest, rtol=1e-4)
