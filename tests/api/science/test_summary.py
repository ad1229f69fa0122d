"""What a curve says in words, and what is missing to say more."""

import re
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.science.summary import summary
from noisesweep.models import NoiseOn, RunStatus, Summary, Sweep, TrainingConfig
from tests.support.measured import End, measured
from tests.support.training import Training

S, F, C, Q, R = RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.QUEUED, RunStatus.RUNNING
# The notebook's curve, and the clean run that it says it had.
NOTEBOOK: dict[float, End] = {0.1: 0.9771, 0.5: 0.9227, 1.0: 0.7579, 2.0: 0.4127, 4.0: 0.1895}
CLEAN: dict[float, End] = {0.0: 0.984, **NOTEBOOK}


def sentence(*curves: dict[float, End], config: TrainingConfig | None = None) -> str:
    return summary(measured(*curves, config=config)).sentence


def test_a_curve_is_told_by_its_ends_and_where_it_is_half_of_the_way_down() -> None:
    assert sentence(CLEAN) == (
        "Validation accuracy falls from 98.4 % without noise to 18.9 % at scale 4; "
        "half of the way down to chance at scale 1.54."
    )


def test_without_a_clean_run_it_begins_at_the_least_scale() -> None:
    assert sentence(NOTEBOOK) == "Validation accuracy falls from 97.7 % at scale 0.1 to 18.9 % at scale 4."


def test_several_seeds_give_an_interval_to_the_number_that_matters_most() -> None:
    assert sentence({0.0: 0.90, 4.0: 0.20}, {0.0: 0.92, 4.0: 0.24}, {0.0: 0.91, 4.0: 0.22}) == (
        "Validation accuracy falls from 91.0 % without noise to 22.0 % at scale 4; "
        "half of the way down to chance at scale 2.35 (95 % interval 2.19 to 2.51, 3 seeds)."
    )
    assert sentence({1.0: 0.90, 4.0: 0.50}, {1.0: 0.92, 4.0: 0.51}) == (
        "Validation accuracy falls from 91.0 % at scale 1 to 50.5 % at scale 4 "
        "(95 % interval 44.1 % to 56.9 %, 2 seeds)."
    )


def test_a_figure_that_its_seeds_do_not_tell_from_chance_is_said_to_be_so() -> None:
    assert sentence({0.0: 0.9, 4.0: 0.105}, {0.0: 0.9, 4.0: 0.115}) == (
        "Validation accuracy falls from 90.0 % without noise to 11.0 % at scale 4, which 2 seeds do not tell from "
        "chance (10.0 %); half of the way down to chance at scale 2.03 (95 % interval 1.86 to 2.19, 2 seeds)."
    )


@pytest.mark.parametrize(
    ("curves", "told"),
    [
        ([{0.5: 0.8}], "Validation accuracy is 80.0 % at scale 0.5."),
        ([{0.0: 0.98}], "Validation accuracy is 98.0 % without noise."),
        (
            [{0.5: 0.80}, {0.5: 0.82}],
            "Validation accuracy is 81.0 % at scale 0.5 (95 % interval 68.3 % to 93.7 %, 2 seeds).",
        ),
    ],
)
def test_one_scale_is_no_curve(curves: list[dict[float, End]], told: str) -> None:
    assert sentence(*curves) == told


def test_a_curve_that_rises_is_said_to_rise() -> None:
    assert (
        sentence({0.1: 0.7, 0.5: 0.8}) == "Validation accuracy rises from 70.0 % at scale 0.1 to 80.0 % at scale 0.5."
    )


def test_what_is_the_same_as_written_is_not_said_to_fall() -> None:
    assert sentence({0.1: 0.98004, 0.5: 0.97996}) == (
        "Validation accuracy is 98.0 % both at scale 0.1 and at scale 0.5."
    )


def test_a_difference_that_the_seeds_do_not_bear_out_is_not_said_to_be_one() -> None:
    told = sentence({0.0: 0.980, 0.1: 0.979}, {0.0: 0.970, 0.1: 0.974}, {0.0: 0.980, 0.1: 0.981})
    assert told == (
        "Validation accuracy is 97.7 % without noise and 97.8 % at scale 0.1 (95 % interval 96.9 % to 98.7 %, "
        "3 seeds); its seeds do not tell the two ends apart."
    )


def test_a_difference_that_every_seed_shows_is_told_though_the_seeds_differ_more() -> None:
    told = sentence({0.0: 0.90, 0.1: 0.88}, {0.0: 0.80, 0.1: 0.78}, {0.0: 0.70, 0.1: 0.681})
    assert told.startswith("Validation accuracy falls from 80.0 % without noise to 78.0 % at scale 0.1")


def test_ends_that_no_seed_has_both_of_are_not_compared() -> None:
    assert sentence({0.5: 0.9, 4.0: Q}, {0.5: R, 4.0: 0.6}) == (
        "Validation accuracy is 90.0 % at scale 0.5 and 60.0 % at scale 4 (one seed); "
        "the two ends are of different seeds. "
        "So far 2 of 4 runs have succeeded: 1 queued, 1 running."
    )


def test_ends_that_a_single_seed_of_several_has_both_of_are_not_said_to_fall() -> None:
    told = sentence({0.0: 1.0, 4.0: 0.2}, {0.0: 0.9, 4.0: F}, {0.0: 0.95, 4.0: F})
    assert "is 95.0 % without noise and 20.0 % at scale 4" in told
    assert "; a single seed has both ends" in told


def test_a_curve_that_turns_is_not_told_by_its_ends_alone() -> None:
    assert sentence({0.1: 0.9, 1.0: 0.5, 2.0: 0.95, 4.0: 0.7}) == (
        "Validation accuracy falls from 90.0 % at scale 0.1 to 70.0 % at scale 4, "
        "and is lowest at scale 1 with 50.0 % and highest at scale 2 with 95.0 %."
    )


def test_a_curve_that_does_not_fall_half_way_is_said_to_stay_above() -> None:
    assert sentence({0.0: 0.98, 0.1: 0.97, 0.5: 0.9}) == (
        "Validation accuracy falls from 98.0 % without noise to 90.0 % at scale 0.5; "
        "it stays above half of the way down to chance."
    )


def test_seeds_of_which_only_some_fall_half_way_are_counted() -> None:
    found = summary(measured({0.0: 0.98, 4.0: 0.53}, {0.0: 0.98, 4.0: 0.55}))
    assert found.half_way is None
    assert found.sentence.endswith("; 1 of 2 seeds comes half of the way down to chance.")
    assert "too low" in found.remarks[-1]


def test_where_it_is_no_better_than_chance_that_is_said() -> None:
    assert "to 9.8 % at scale 4, which is no better than chance (10.0 %);" in sentence({0.0: 0.98, 4.0: 0.098})


@pytest.mark.parametrize(
    ("noise_on", "begins"),
    [
        (
            NoiseOn.TRAIN,
            "Validation accuracy on clean images falls from 98.4 % after training without noise to 18.9 % ",
        ),
        (NoiseOn.VALIDATION, "Validation accuracy after training on clean images falls from 98.4 % without noise to "),
    ],
)
def test_where_only_some_images_have_the_noise_it_says_which(noise_on: NoiseOn, begins: str) -> None:
    assert sentence(CLEAN, config=TrainingConfig(noise_on=noise_on)).startswith(begins)


@pytest.mark.parametrize(
    ("curve", "told"),
    [
        ({0.0: Q, 0.1: R, 1.0: Q}, "No run has succeeded yet: 2 queued, 1 running."),
        ({0.0: F, 0.1: C}, "No run has succeeded: 1 failed, 1 cancelled."),
    ],
)
def test_before_any_run_has_succeeded_it_says_how_they_stand(curve: dict[float, End], told: str) -> None:
    found = summary(measured(curve))
    assert found.sentence == told
    assert (found.scales, found.area, found.half_way, found.method) == ([], None, None, "no figures yet")


def test_an_unfinished_sweep_tells_what_is_there_and_how_much_of_it() -> None:
    found = summary(measured({0.0: 0.98, 0.1: 0.9, 1.0: R, 2.0: Q}))
    assert found.sentence == (
        "Validation accuracy falls from 98.0 % without noise to 90.0 % at scale 0.1. "
        "So far 2 of 4 runs have succeeded: 1 queued, 1 running."
    )
    assert "0 of 1: the others are still to come." in found.remarks[-1]


def test_a_sweep_that_ended_with_holes_says_so_and_how_to_fill_them() -> None:
    found = summary(measured(CLEAN, CLEAN | {4.0: F}))
    assert found.sentence.endswith(" 11 of 12 runs have succeeded: 1 failed.")
    assert found.half_way
    assert found.half_way.scale.seeds == 1
    assert "at scale 1.54 (one seed)." in found.sentence
    assert "1 of 2: retry the sweep" in found.remarks[-1]


def test_what_is_missing_comes_with_what_to_do() -> None:
    assert summary(measured(CLEAN, CLEAN)).remarks == []
    no_clean, one_seed = summary(measured(NOTEBOOK)).remarks
    assert "include_clean" in no_clean
    assert "repeats" in one_seed
    assert "fewer than two positive scales" in summary(measured({0.0: 0.9, 1.0: 0.2})).remarks[0].lower()
    assert "train for more epochs" in summary(measured({0.0: 0.1, 0.5: 0.1, 1.0: 0.1})).remarks[-1]
    assert "greater scales" in summary(measured({0.0: 0.9, 0.5: 0.8, 1.0: 0.7})).remarks[-1]


@pytest.mark.parametrize(
    ("curves", "method"),
    [
        ([CLEAN], "one seed: no intervals"),
        ([{0.5: 0.9, 4.0: Q}, {0.5: R, 4.0: 0.6}], "one seed at each scale so far: no intervals"),
        ([CLEAN] * 5, "95 % intervals: Student's t over 5 seeds"),
        ([CLEAN, CLEAN, CLEAN | {4.0: F}], "95 % intervals: Student's t over 2 to 3 seeds"),
        ([CLEAN, CLEAN | {4.0: F}], "95 % intervals: Student's t over 2 seeds; none at scales with one"),
    ],
)
def test_the_method_of_the_intervals_is_named(curves: list[dict[float, End]], method: str) -> None:
    assert summary(measured(*curves)).method == method


ends = st.one_of(st.floats(0, 1), st.sampled_from([F, C, Q, R]))


@st.composite
def any_sweep(draw: st.DrawFn) -> Sweep:
    scales = draw(st.lists(st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.0, 4.0, 1000.0]), min_size=1, unique=True))
    curve = st.fixed_dictionaries(dict.fromkeys(scales, ends))
    config = TrainingConfig(noise_on=draw(st.sampled_from(NoiseOn)))
    return measured(*draw(st.lists(curve, min_size=1, max_size=4)), config=config)


def numbers_of(found: Summary, sweep: Sweep) -> Iterator[str]:
    """Every number that a sentence may hold, as it is written there."""
    yield from ("95", "10.0")  # the confidence, and chance
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
def test_every_number_in_the_sentence_is_one_of_the_figures_rounded(sweep: Sweep) -> None:
    found = summary(sweep)
    assert found.sentence.endswith(".")
    numbers = re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", found.sentence)
    assert set(numbers) <= set(numbers_of(found, sweep))


@given(any_sweep())
def test_it_says_falls_only_where_the_figures_fall(sweep: Sweep) -> None:
    found = summary(sweep)
    if " falls from " in found.sentence:
        assert found.scales[0].val_accuracy.mean > found.scales[-1].val_accuracy.mean
    if " rises from " in found.sentence:
        assert found.scales[0].val_accuracy.mean < found.scales[-1].val_accuracy.mean
    if "it stays above" in found.sentence:
        assert found.half_way is None


def test_a_summary_is_read_over_http_and_again_only_when_it_has_changed(http: httpx.Client, training: Training) -> None:
    sweep = http.post("/sweeps", json={"scales": [1.0, 4.0], "include_clean": True}).json()["links"]
    before = http.get(sweep["summary"])
    assert before.json()["sentence"] == "No run has succeeded yet: 3 queued."
    training.epochs(sweep["self"], runs=3, epochs=20, end=True)
    known = {"If-None-Match": before.headers["ETag"]}
    after = http.get(sweep["summary"], headers=known)
    found = Summary.model_validate_json(after.content)
    assert found.sentence == (
        "Validation accuracy falls from 100.0 % without noise to 20.0 % at scale 4; "
        "half of the way down to chance at scale 0.9."
    )
    assert f"/sweeps/{found.sweep_id}" == sweep["self"]
    unchanged = http.get(sweep["summary"], headers={"If-None-Match": after.headers["ETag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


def test_of_no_sweep_there_is_no_summary(http: httpx.Client) -> None:
    answer = http.get("/sweeps/0123456789abcdef/summary")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
