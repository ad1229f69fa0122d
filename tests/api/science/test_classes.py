"""Pooled results of a class, compared with hand calculations and SciPy, and property tests."""

from random import Random

import pytest
import scipy.special
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from api.science.classes import class_results, pool
from noisesweep.models import IntervalTarget, NoiseKind, RunStatus, Sweep, TrainingConfig
from tests.support.class_sweeps import member_sweep

F, Q, R = RunStatus.FAILED, RunStatus.QUEUED, RunStatus.RUNNING
OTHER = TrainingConfig(dropout=0.5)


def means(sweeps: list[Sweep]) -> dict[float, float]:
    return {at.scale: at.val_accuracy.mean for at in pool(sweeps).scales}


def test_mean_is_over_the_seeds_of_all_sweeps() -> None:
    sweeps = [
        member_sweep(1, "ada", {1: {0.0: 0.9, 1.0: 0.5}}),
        member_sweep(2, "ben", {2: {0.0: 0.8, 1.0: 0.7}, 3: {0.0: 0.7, 1.0: 0.6}}),
    ]
    found = pool(sweeps)
    # (0.9 + 0.8 + 0.7) / 3, not the mean of the means of the sweeps, which is 0.825.
    assert means(sweeps) == pytest.approx({0.0: 0.8, 1.0: 0.6})
    assert [at.networks for at in found.scales] == [3, 3]
    assert (found.repeated, found.others) == (0, ())


def test_interval_is_that_of_students_t_on_log_odds() -> None:
    values = [0.52, 0.61, 0.55, 0.7]
    sweeps = [member_sweep(seed, f"m{seed}", {seed: {1.0: value}}) for seed, value in enumerate(values)]
    found = pool(sweeps).scales[0].val_accuracy
    mean = sum(values) / 4
    half_width = mean - scipy.stats.t.interval(0.95, 3, mean, scipy.stats.sem(values))[0]
    middle, distance = scipy.special.logit(mean), half_width / (mean * (1 - mean))
    expected = scipy.special.expit([middle - distance, middle + distance])
    assert (found.low, found.high) == pytest.approx(tuple(expected))
    assert (found.seeds, found.target) == (4, IntervalTarget.SEEDS)


def test_repeated_seed_counts_once() -> None:
    first, second = ({0: {0.5: 0.8, 1.0: 0.6}}, {1: {0.5: 0.6, 1.0: 0.4}})
    sweeps = [member_sweep(number, f"m{number}", first) for number in range(3)]
    sweeps.append(member_sweep(9, "z", second))
    assert means(sweeps) == pytest.approx({0.5: 0.7, 1.0: 0.5})  # 0.75 and 0.55 if the seed counted three times
    results = class_results("course", sweeps)
    assert [at.networks for at in results.scales] == [2, 2]
    assert results.remarks == [
        "4 runs repeat the scale and seed of another run and count once. Give each member a seed of their own."
    ]


def test_of_repeated_runs_that_differ_the_newest_counts() -> None:
    # As if another kind of device had trained the second one.
    older, newer = (member_sweep(number, "ada", {1: {1.0: 0.5 + number / 100}}) for number in (1, 2))
    assert means([older, newer]) == means([newer, older]) == {1.0: 0.52}


def test_half_way_scale_is_the_mean_over_the_seeds_of_all_sweeps() -> None:
    digits = TrainingConfig(dataset="digits")
    sweeps = [
        member_sweep(1, "ada", {1: {0.0: 0.9, 1.0: 0.7, 4.0: 0.3}}, digits),
        member_sweep(2, "ben", {2: {0.0: 0.9, 1.0: 0.5, 4.0: 0.3}}, digits),
        member_sweep(3, "cem", {1: {0.0: 0.9, 1.0: 0.7, 4.0: 0.3}}, digits),  # repeats a seed
    ]
    found = pool(sweeps).half_way
    assert found
    # Midway from 0.9 to chance, 0.1, is 0.5: half-way from 1 to 4 in the logarithm for seed 1, and at 1 for seed 2.
    assert (found.level, found.scale.mean) == pytest.approx((0.5, 1.5))
    assert found.scale.seeds == 2
    above = member_sweep(4, "dina", {4: {0.0: 0.9, 1.0: 0.8, 4.0: 0.6}}, digits)
    unfinished = member_sweep(5, "eda", {5: {0.0: 0.9, 1.0: 0.8, 4.0: R}}, digits)
    assert pool([*sweeps, above]).half_way is None
    assert pool([*sweeps, unfinished]).half_way is None  # its accuracies are part of the curve
    assert pool([]).half_way is None


def test_one_seed_has_no_interval() -> None:
    sweeps = [member_sweep(number, name, {0: {1.0: 0.6}}) for number, name in enumerate(["ada", "ben"])]
    (at,) = pool(sweeps).scales
    assert (at.val_accuracy.mean, at.val_accuracy.low, at.val_accuracy.target, at.networks) == (0.6, None, None, 1)
    (remark,) = class_results("course", sweeps[:1]).remarks
    assert remark == "Only one seed, so the mean has no interval. Give each sweep a seed of its own."


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from(["ada", "ben", None])),
        min_size=1,
        max_size=12,
    ),
    st.randoms(use_true_random=False),
)
def test_order_and_repetition_of_sweeps_do_not_change_the_mean(
    trainings: list[tuple[int, float, str | None]], random: Random
) -> None:
    def sweep(number: int, seed: int, scale: float, submitter: str | None) -> Sweep:
        # Equal trainings have equal numbers.
        return member_sweep(number, submitter, {seed: {scale: (7 * seed + 11 * scale) % 13 / 13}})

    sweeps = [sweep(number, *training) for number, training in enumerate(trainings)]
    again = [sweep(100 + number, *training) for number, training in enumerate(trainings) if random.random() < 0.5]
    mixed = [*sweeps, *again]
    random.shuffle(mixed)
    assert pool(mixed).scales == pool(sweeps).scales
    assert pool(mixed).repeated == pool(sweeps).repeated + len(again)
    assert sum(at.networks for at in pool(sweeps).scales) == len({each[:2] for each in trainings})


def test_only_sweeps_with_the_settings_of_most_members_are_pooled() -> None:
    sweeps = [
        member_sweep(1, "ada", {1: {1.0: 0.5}}),
        member_sweep(2, "ben", {2: {1.0: 0.7}}),
        # More sweeps than the others, and newer, but of one member.
        *(member_sweep(number, "cem", {number: {1.0: 0.1}}, OTHER) for number in (3, 4, 5)),
    ]
    assert means(sweeps) == pytest.approx({1.0: 0.6})
    results = class_results("course", sweeps)
    assert [sweep.pooled for sweep in results.sweeps] == [False, False, False, True, True]
    assert results.config == TrainingConfig()
    assert results.remarks == [
        "Not in the mean, because of other settings: 3 sweeps with dropout 0.5 instead of dropout 0.2."
    ]


def test_of_equally_frequent_settings_the_newest_are_pooled() -> None:
    curve = {1: {1.0: 0.5}}
    assert pool([member_sweep(1, "ada", curve), member_sweep(2, "ben", curve, OTHER)]).config == OTHER
    assert pool([member_sweep(2, "ada", curve), member_sweep(1, "ben", curve, OTHER)]).config == TrainingConfig()


def test_sweep_that_ended_without_a_result_does_not_choose_the_settings() -> None:
    finished = member_sweep(1, None, {1: {1.0: 0.5}})
    for status, config in ((RunStatus.CANCELLED, TrainingConfig()), (F, TrainingConfig()), (Q, OTHER), (R, OTHER)):
        newer = member_sweep(2, None, {2: {1.0: status}}, OTHER)
        assert pool([newer, finished]).config == config
    assert pool([member_sweep(1, None, {1: {1.0: F}}, OTHER)]).config == OTHER  # with no other sweep


def test_all_kinds_of_other_settings_are_counted() -> None:
    curve = {1: {1.0: 0.5}}
    own = [member_sweep(number, f"m{number}", curve) for number in range(20, 23)]
    configs = [TrainingConfig(dropout=value) for value in (0.3, 0.4, 0.5, 0.6, 0.6, 0.7)]
    others = [member_sweep(number, "x", curve, config) for number, config in enumerate(configs)]
    remark = class_results("course", [*own, *others]).remarks[-1]
    assert "2 sweeps with dropout 0.6 instead of dropout 0.2, 1 sweep with dropout 0.7" in remark
    assert remark.endswith(", 1 more with other settings.")


def test_tests_with_other_noise_do_not_separate_sweeps() -> None:
    tested = TrainingConfig(test_noise={NoiseKind.SHOT: [0.5]})
    sweeps = [member_sweep(1, "ada", {1: {1.0: 0.5}}), member_sweep(2, "ben", {2: {1.0: 0.7}}, tested)]
    assert means(sweeps) == pytest.approx({1.0: 0.6})


def test_members_are_listed_by_name_with_their_newest_finished_sweep() -> None:
    curve = {1: {1.0: 0.5}}
    sweeps = [
        member_sweep(1, "ben", curve),
        member_sweep(2, "ben", curve),
        member_sweep(3, "ben", {1: {1.0: Q}}),
        member_sweep(4, None, curve),
        member_sweep(5, "ada", {1: {1.0: F}}),
        member_sweep(6, "ada", {1: {1.0: R}}),
    ]
    results = class_results("course", sweeps)
    found = [(each.name, each.status, each.sweeps, each.finished, each.link) for each in results.members]
    assert found == [
        ("ada", "running", 2, 0, None),
        ("ben", "succeeded", 3, 2, "/sweeps/0000000000000002"),
        (None, "succeeded", 1, 1, "/sweeps/0000000000000004"),
    ]
    assert results.members[1].newest_finished == "0000000000000002"
    assert results.sentence.startswith("1 of 2 members has a finished sweep. ")
    assert results.remarks[-1] == "2 sweeps have not ended yet, so the results may change."


def test_sentence_names_the_ends_and_the_interval() -> None:
    sweeps = [
        member_sweep(1, "ada", {1: {0.0: 0.9, 1.0: 0.5}}),
        member_sweep(2, "ben", {2: {0.0: 0.8, 1.0: 0.6}}),
    ]
    at_end = pool(sweeps).scales[-1].val_accuracy
    assert at_end.low is not None
    assert at_end.high is not None
    assert class_results("course", sweeps).sentence == (
        "2 of 2 members have a finished sweep. Validation accuracy is on average 85.0 % without noise and 55.0 % at "
        f"scale 1 (95 % interval {100 * at_end.low:.1f} % to {100 * at_end.high:.1f} %, 2 seeds)."
    )
    without_keys = [sweep.model_copy(update={"submitter": None}) for sweep in sweeps]
    assert class_results("course", without_keys).sentence.startswith("2 of 2 sweeps have succeeded. ")


def test_class_without_results_says_so() -> None:
    nobody = class_results("course:ml-101", [])
    assert (nobody.members, nobody.sweeps, nobody.scales, nobody.remarks, nobody.config) == ([], [], [], [], None)
    assert nobody.sentence == "No sweep has the tag course:ml-101 yet."
    queued = class_results("course", [member_sweep(1, "ada", {1: {1.0: Q}})])
    assert queued.sentence == "0 of 1 member has a finished sweep. No run has succeeded yet."


def test_scales_with_different_seeds_are_named_once_all_runs_have_ended() -> None:
    first = member_sweep(1, "ada", {1: {0.5: 0.8, 1.0: 0.6}})
    ended, still_open = (member_sweep(2, "ben", {2: {0.5: 0.7, 1.0: end}}) for end in (F, R))
    assert "Not all scales have the same seeds" in class_results("course", [first, ended]).remarks[0]
    assert "Not all scales" not in " ".join(class_results("course", [first, still_open]).remarks)


def test_different_numerics_versions_are_named() -> None:
    first, second = (member_sweep(number, "ada", {number: {1.0: 0.5}}) for number in (1, 2))
    newer = [run.model_copy(update={"numerics": 2}) for run in second.runs]
    (remark,) = class_results("course", [first, second.model_copy(update={"runs": newer})]).remarks
    assert "different numerics versions" in remark


def test_missing_older_sweeps_are_named() -> None:
    sweeps = [member_sweep(number, "ada", {number: {1.0: 0.5 + number / 10}}) for number in (1, 2)]
    remarks = class_results("course", sweeps, complete=False).remarks
    assert remarks == ["Only the newest 2 sweeps with this tag were read. Older ones may be missing."]
