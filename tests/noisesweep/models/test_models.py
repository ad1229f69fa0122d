from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from noisesweep.models import MAX_RUNS, RunRequest, RunStatus, Sweep, SweepRequest, TrainingConfig
from tests.support.records import NOTEBOOK_CONFIG, run_summary, sweep_of

scales = st.lists(st.floats(0, 1000), min_size=1, max_size=16, unique=True)
seeds = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=16, unique=True)


def sweep_with(*statuses: RunStatus) -> Sweep:
    return sweep_of([run_summary(index, float(index), status) for index, status in enumerate(statuses)], epochs=3)


def test_a_request_of_scales_alone_is_the_notebooks_training() -> None:
    request = SweepRequest(scales=[0.1])
    assert request.model_dump(exclude={"scales"}) == NOTEBOOK_CONFIG | {
        "include_clean": False,
        "seeds": [0],
        "repeats": None,
        "name": None,
        "tags": {},
        "keep_model": False,
        "reuse": True,
    }


@given(scales, seeds)
def test_the_grid_holds_every_pair_once_and_the_runs_of_a_seed_stand_together(
    scales: list[float], seeds: list[int]
) -> None:
    grid = SweepRequest(scales=scales, seeds=seeds).grid()
    assert sorted(grid) == sorted((scale, seed) for scale in scales for seed in seeds)
    assert [seed for _, seed in grid] == [seed for seed in seeds for _ in scales]


@given(scales, seeds)
def test_a_request_survives_being_stored_as_json(scales: list[float], seeds: list[int]) -> None:
    request = SweepRequest(scales=scales, seeds=seeds, name="a name")
    assert SweepRequest.model_validate_json(request.model_dump_json()) == request


def test_minus_zero_is_the_scale_zero() -> None:
    assert str(SweepRequest(scales=[-0.0]).scales) == "[0.0]"
    with pytest.raises(ValidationError, match="repeated"):
        SweepRequest(scales=[0.0, -0.0])


def test_more_runs_than_a_sweep_may_have_are_refused_with_the_numbers() -> None:
    with pytest.raises(ValidationError, match=f"2 scales x 129 seeds are 258 runs; a sweep has at most {MAX_RUNS}"):
        SweepRequest(scales=[0.1, 0.2], seeds=list(range(129)))


def test_a_run_is_a_sweep_of_one_with_the_same_config() -> None:
    run = RunRequest(scale=0.5, seed=7, epochs=3, hidden_units=[16], name="one")
    sweep = run.as_sweep()
    assert sweep.grid() == [(0.5, 7)]
    assert sweep.config == run.config == TrainingConfig(epochs=3, hidden_units=[16])
    assert sweep.name == "one"


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ("queued queued", "queued"),
        ("queued running", "running"),
        ("queued succeeded", "running"),
        ("running failed", "running"),
        ("succeeded succeeded", "succeeded"),
        ("succeeded cancelled", "cancelled"),
        ("succeeded cancelled failed", "failed"),
    ],
)
def test_the_status_of_a_sweep_follows_from_its_runs(statuses: str, expected: str) -> None:
    assert sweep_with(*map(RunStatus, statuses.split())).status == expected


def test_progress_counts_epochs_over_all_runs() -> None:
    progress = sweep_with(RunStatus.RUNNING, RunStatus.QUEUED).progress
    assert (progress.epochs_done, progress.epochs_total) == (2, 6)


def test_what_the_api_says_of_a_sweep_reads_back_as_the_same_sweep() -> None:
    sweep = sweep_with(RunStatus.RUNNING, RunStatus.QUEUED)
    assert Sweep.model_validate_json(sweep.model_dump_json()) == sweep


def test_an_integer_may_be_written_as_any_number_that_is_one() -> None:
    request = SweepRequest.model_validate_json('{"scales": [1], "epochs": 2e1, "hidden_units": [8.0], "seeds": [3.0]}')
    assert (request.epochs, request.hidden_units, request.seeds) == (20, [8], [3])
    for wrong in ("20.5", '"20"', "true", "1e999"):
        with pytest.raises(ValidationError):
            SweepRequest.model_validate_json(f'{{"scales": [1], "epochs": {wrong}}}')


def test_repeats_stand_for_so_many_seeds_and_clean_for_the_scale_0() -> None:
    request = SweepRequest(scales=[0.5, 1.0], repeats=3, include_clean=True)
    assert (request.scales, request.seeds) == ([0.0, 0.5, 1.0], [0, 1, 2])
    assert len(request.grid()) == 9


def test_what_a_request_stands_for_survives_being_stored() -> None:
    request = SweepRequest(scales=[0.5], repeats=3, include_clean=True)
    assert SweepRequest.model_validate_json(request.model_dump_json()) == request


def test_a_clean_run_that_is_asked_for_twice_is_one() -> None:
    assert SweepRequest(scales=[0.5, 0.0], include_clean=True).scales == [0.5, 0.0]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"scales": [1.0], "repeats": 2, "seeds": [3, 4]}, "give seeds or repeats, not both"),
        ({"scales": [float(scale) for scale in range(1, 65)], "include_clean": True}, "65 scales"),
        ({"scales": [1.0, 2.0], "repeats": 129}, "258 runs"),
    ],
)
def test_a_grid_that_contradicts_itself_or_grows_too_large_is_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        SweepRequest(**fields)


@pytest.mark.parametrize(
    ("noise_on", "training", "validation"), [("both", 0.7, 0.7), ("train", 0.7, 0.0), ("validation", 0.0, 0.7)]
)
def test_the_noise_is_on_the_images_that_are_named(noise_on: str, training: float, validation: float) -> None:
    config = TrainingConfig.model_validate({"noise_on": noise_on})
    assert (config.training_scale(0.7), config.validation_scale(0.7)) == (training, validation)


def test_an_extended_grid_holds_what_it_held_and_what_is_new_once() -> None:
    request = SweepRequest(scales=[0.5], repeats=2, include_clean=True, name="a name")
    extended = request.extended([1.0, 0.5], [1, 7])
    assert (extended.scales, extended.seeds, extended.name) == ([0.0, 0.5, 1.0], [0, 1, 7], "a name")
    assert (request.scales, request.seeds) == ([0.0, 0.5], [0, 1])
    with pytest.raises(ValidationError, match="at most 256 items"):
        SweepRequest(scales=[0.5]).extended([], range(1, 257))
