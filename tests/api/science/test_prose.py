"""The sentence of a summary."""

import re
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.science.summary import summary
from noisesweep.models import NoiseOn, RunStatus, Summary, Sweep, TrainingConfig
from tests.support.limits import no_known_limit
from tests.support.measured import End, measured_sweep

S, F, C, Q, R = RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.QUEUED, RunStatus.RUNNING
# The curve of the reference notebook, and its clean run as stated there.
NOTEBOOK: dict[float, End] = {0.1: 0.9771, 0.5: 0.9227, 1.0: 0.7579, 2.0: 0.4127, 4.0: 0.1895}
CLEAN: dict[float, End] = {0.0: 0.984, **NOTEBOOK}


@pytest.fixture(scope="module", autouse=True)
def _no_limit() -> Iterator[None]:
    with no_known_limit():
        yield


def sentence(*curves: dict[float, End], config: TrainingConfig | None = None) -> str:
    return summary(measured_sweep(*curves, config=config)).sentence


def test_sentence_has_both_ends_and_the_halfway_scale() -> None:
    assert sentence(CLEAN) == (
        "Validation accuracy falls from 98.4 % without noise to 18.9 % at scale 4; "
        "it is half-way to chance at scale 1.54 (one seed, 10,000 images)."
    )


def test_sentence_without_clean_run_starts_at_smallest_scale() -> None:
    assert sentence(NOTEBOOK) == (
        "Validation accuracy falls from 97.7 % at scale 0.1 to 18.9 % at scale 4 (one seed, 10,000 images)."
    )


def test_sentence_has_one_interval_with_several_seeds() -> None:
    assert sentence({0.0: 0.90, 4.0: 0.20}, {0.0: 0.92, 4.0: 0.24}, {0.0: 0.91, 4.0: 0.22}) == (
        "Validation accuracy falls from 91.0 % without noise to 22.0 % at scale 4; "
        "it is half-way to chance at scale 2.35 (95 % interval 2.19 to 2.51, 3 seeds)."
    )
    assert sentence({1.0: 0.90, 4.0: 0.50}, {1.0: 0.92, 4.0: 0.51}) == (
        "Validation accuracy falls from 91.0 % at scale 1 to 50.5 % at scale 4 "
        "(95 % interval 44.2 % to 56.8 %, 2 seeds)."
    )


def test_accuracy_close_to_chance_is_noted() -> None:
    assert sentence({0.0: 0.9, 4.0: 0.105}, {0.0: 0.9, 4.0: 0.115}) == (
        "Validation accuracy falls from 90.0 % without noise to 11.0 % at scale 4, which 2 seeds cannot distinguish "
        "from chance (10.0 %); it is half-way to chance at scale 2.03 (95 % interval 1.86 to 2.19, 2 seeds)."
    )


@pytest.mark.parametrize(
    ("curves", "expected"),
    [
        ([{0.5: 0.8}], "Validation accuracy is 80.0 % at scale 0.5 (one seed, 10,000 images)."),
        ([{0.0: 0.98}], "Validation accuracy is 98.0 % without noise (one seed, 10,000 images)."),
        (
            [{0.5: 0.80}, {0.5: 0.82}],
            "Validation accuracy is 81.0 % at scale 0.5 (95 % interval 65.1 % to 90.7 %, 2 seeds).",
        ),
    ],
)
def test_single_scale_is_described_alone(curves: list[dict[float, End]], expected: str) -> None:
    assert sentence(*curves) == expected


def test_rising_curve_is_described_as_rising() -> None:
    assert sentence({0.1: 0.7, 0.5: 0.8}) == (
        "Validation accuracy rises from 70.0 % at scale 0.1 to 80.0 % at scale 0.5 (one seed, 10,000 images)."
    )


def test_equal_rounded_ends_are_not_described_as_falling() -> None:
    assert sentence({0.1: 0.98004, 0.5: 0.97996}) == (
        "Validation accuracy is 98.0 % both at scale 0.1 and at scale 0.5 (one seed, 10,000 images)."
    )


def test_uncertain_change_is_not_described_as_falling() -> None:
    text = sentence({0.0: 0.980, 0.1: 0.979}, {0.0: 0.970, 0.1: 0.974}, {0.0: 0.980, 0.1: 0.981})
    assert text == (
        "Validation accuracy is 97.7 % without noise and 97.8 % at scale 0.1; "
        "between these scales, it does not differ measurably (3 seeds)."
    )


DIGITS = TrainingConfig(dataset="digits")


@pytest.mark.parametrize(
    ("right", "verb"),
    # At scale 0.2, 302 of 355 images are right. Newcombe's interval leaves out 0 from 320 and up to 282.
    [(307, None), (319, None), (320, "rises"), (283, None), (282, "falls")],
)
def test_one_seed_claims_a_trend_only_beyond_the_error_of_its_images(right: int, verb: str | None) -> None:
    text = sentence({0.2: 302 / 355, 0.21: right / 355}, config=DIGITS)
    end = f"{100 * right / 355:.1f} % at scale 0.21"
    if verb:
        assert text == f"Validation accuracy {verb} from 85.1 % at scale 0.2 to {end} (one seed, 355 images)."
    else:
        assert text == (
            f"Validation accuracy is 85.1 % at scale 0.2 and {end}; "
            "between these scales, it does not differ measurably (one seed, 355 images)."
        )


def test_extreme_of_many_equal_scales_is_not_described() -> None:
    # 40 scales with the same true accuracy: the lowest differs from both ends, if each difference is judged alone.
    random = Random(1)
    for _ in range(20):
        curve: dict[float, End] = {
            0.5 + step / 100: sum(random.random() < 0.85 for _ in range(355)) / 355 for step in range(40)
        }
        assert "est at scale" not in sentence(curve, config=DIGITS)


def test_one_seed_at_chance_is_noted() -> None:
    assert "to 12.7 % at scale 4 (one seed, 355 images), which one seed cannot distinguish from chance (10.0 %)" in (
        sentence({0.5: 0.9, 4.0: 45 / 355}, config=DIGITS)
    )


def test_change_is_compared_seed_by_seed() -> None:
    text = sentence({0.0: 0.90, 0.1: 0.88}, {0.0: 0.80, 0.1: 0.78}, {0.0: 0.70, 0.1: 0.681})
    assert text.startswith("Validation accuracy falls from 80.0 % without noise to 78.0 % at scale 0.1")


def test_ends_of_different_seeds_are_not_compared() -> None:
    assert sentence({0.5: 0.9, 4.0: Q}, {0.5: R, 4.0: 0.6}) == (
        "Validation accuracy is 90.0 % at scale 0.5 and 60.0 % at scale 4 (one seed, 10,000 images); "
        "the two means are over different seeds. "
        "So far 2 of 4 runs have succeeded: 1 queued, 1 running."
    )


def test_ends_with_one_common_seed_are_not_compared() -> None:
    text = sentence({0.0: 1.0, 4.0: 0.2}, {0.0: 0.9, 4.0: F}, {0.0: 0.95, 4.0: F})
    assert "is 95.0 % without noise and 20.0 % at scale 4" in text
    assert "; only one seed has both scales" in text


def test_extremes_between_the_ends_are_described() -> None:
    assert sentence({0.1: 0.9, 1.0: 0.5, 2.0: 0.95, 4.0: 0.7}) == (
        "Validation accuracy falls from 90.0 % at scale 0.1 to 70.0 % at scale 4 (one seed, 10,000 images), "
        "and is lowest at scale 1 with 50.0 % and highest at scale 2 with 95.0 %."
    )


def test_curve_without_halfway_crossing_is_noted() -> None:
    assert sentence({0.0: 0.98, 0.1: 0.97, 0.5: 0.9}) == (
        "Validation accuracy falls from 98.0 % without noise to 90.0 % at scale 0.5 (one seed, 10,000 images); "
        "it does not fall half-way to chance."
    )


def test_seeds_with_halfway_crossing_are_counted() -> None:
    found = summary(measured_sweep({0.0: 0.98, 4.0: 0.53}, {0.0: 0.98, 4.0: 0.55}))
    assert found.half_way is None
    assert found.sentence.endswith("; 1 of 2 seeds falls half-way to chance.")
    assert "too low" in found.remarks[1]


def test_accuracy_at_chance_is_noted() -> None:
    assert "to 9.8 % at scale 4, which is not better than chance (10.0 %);" in sentence({0.0: 0.98, 4.0: 0.098})


@pytest.mark.parametrize(
    ("noise_on", "start"),
    [
        (
            NoiseOn.TRAIN,
            "Validation accuracy on clean images falls from 98.4 % after training without noise to 18.9 % ",
        ),
        (NoiseOn.VALIDATION, "Validation accuracy after training on clean images falls from 98.4 % without noise to "),
    ],
)
def test_sentence_names_the_images_with_noise(noise_on: NoiseOn, start: str) -> None:
    assert sentence(CLEAN, config=TrainingConfig(noise_on=noise_on)).startswith(start)


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        ({0.0: Q, 0.1: R, 1.0: Q}, "No run has succeeded yet: 2 queued, 1 running."),
        ({0.0: F, 0.1: C}, "No run has succeeded: 1 failed, 1 cancelled."),
    ],
)
def test_sentence_counts_statuses_before_any_run_succeeds(curve: dict[float, End], expected: str) -> None:
    found = summary(measured_sweep(curve))
    assert found.sentence == expected
    assert (found.scales, found.area, found.half_way, found.method) == ([], None, None, "no results yet")


ends = st.one_of(st.floats(0, 1), st.sampled_from([F, C, Q, R]))


@st.composite
def any_sweep(draw: st.DrawFn) -> Sweep:
    scales = draw(st.lists(st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.0, 4.0, 1000.0]), min_size=1, unique=True))
    curve = st.fixed_dictionaries(dict.fromkeys(scales, ends))
    config = TrainingConfig(noise_on=draw(st.sampled_from(NoiseOn)))
    return measured_sweep(*draw(st.lists(curve, min_size=1, max_size=4)), config=config)


def numbers_of(found: Summary, sweep: Sweep) -> Iterator[str]:
    """Yield every number that the sentence may contain, in the format of the sentence."""
    yield from ("95", "10.0", "10", "000")  # the confidence level and the chance level in percent, and 10,000 images
    for count in range(len(sweep.runs) + 1):
        yield str(count)
    for figures in found.scales:
        yield f"{figures.scale:g}"
        for fraction in (figures.val_accuracy.mean, figures.val_accuracy.low, figures.val_accuracy.high):
            if fraction is not None:
                yield f"{100 * fraction:.1f}".replace("-0.0", "0.0")
    if found.half_way:
        for scale in (found.half_way.scale.mean, found.half_way.scale.low, found.half_way.scale.high):
            if scale is not None:
                yield f"{float(f'{scale:.3g}'):g}"


@given(any_sweep())
def test_sentence_contains_only_numbers_of_the_summary(sweep: Sweep) -> None:
    found = summary(sweep)
    assert found.sentence.endswith(".")
    numbers = re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", found.sentence)
    assert set(numbers) <= set(numbers_of(found, sweep))


@given(any_sweep())
def test_verb_matches_the_direction_of_change(sweep: Sweep) -> None:
    found = summary(sweep)
    if " falls from " in found.sentence:
        assert found.scales[0].val_accuracy.mean > found.scales[-1].val_accuracy.mean
    if " rises from " in found.sentence:
        assert found.scales[0].val_accuracy.mean < found.scales[-1].val_accuracy.mean
    if "it does not fall half-way" in found.sentence:
        assert found.half_way is None
