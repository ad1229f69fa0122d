from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from noisesweep.models import MAX_RUNS, RunRequest, RunStatus, Sweep, SweepRequest, TrainingConfig
from tests.support.networks import mlp
from tests.support.records import NOTEBOOK_CONFIG, run_summary, sweep_of
from tests.support.scales import SCALES

scales = st.lists(SCALES, min_size=1, max_size=16, unique=True)
seeds = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=16, unique=True)


def sweep_with(*statuses: RunStatus) -> Sweep:
    return sweep_of([run_summary(index, float(index), status) for index, status in enumerate(statuses)], epochs=3)


def test_request_defaults_are_the_notebooks_config() -> None:
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
def test_grid_has_every_pair_once_grouped_by_seed(scales: list[float], seeds: list[int]) -> None:
    grid = SweepRequest(scales=scales, seeds=seeds).grid()
    assert sorted(grid) == sorted((scale, seed) for scale in scales for seed in seeds)
    assert [seed for _, seed in grid] == [seed for seed in seeds for _ in scales]


@given(scales, seeds)
def test_request_survives_a_json_round_trip(scales: list[float], seeds: list[int]) -> None:
    request = SweepRequest(scales=scales, seeds=seeds, name="a name")
    assert SweepRequest.model_validate_json(request.model_dump_json()) == request


def test_negative_zero_becomes_zero() -> None:
    assert str(SweepRequest(scales=[-0.0]).scales) == "[0.0]"
    with pytest.raises(ValidationError, match=r"received 0\.0 and -0\.0, which equal 0 in float32"):
        SweepRequest(scales=[0.0, -0.0])


def test_too_many_runs_are_rejected() -> None:
    message = f"expected at most {MAX_RUNS} runs, received 2 scales x 129 seeds = 258 runs"
    with pytest.raises(ValidationError, match=message):
        SweepRequest(scales=[0.1, 0.2], seeds=list(range(129)))


def test_run_request_becomes_a_sweep_of_one_run() -> None:
    run = RunRequest(scale=0.5, seed=7, epochs=3, model=mlp(16), name="one")
    sweep = run.as_sweep()
    assert sweep.grid() == [(0.5, 7)]
    assert sweep.config == run.config == TrainingConfig(epochs=3, model=mlp(16))
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
def test_sweep_status_is_derived_from_its_runs(statuses: str, expected: str) -> None:
    assert sweep_with(*map(RunStatus, statuses.split())).status == expected


def test_progress_counts_epochs_of_all_runs() -> None:
    progress = sweep_with(RunStatus.RUNNING, RunStatus.QUEUED).progress
    assert (progress.epochs_done, progress.epochs_total) == (2, 6)


def test_progress_counts_a_run_that_has_ended_early_as_complete() -> None:
    progress = sweep_with(RunStatus.SUCCEEDED, RunStatus.QUEUED).progress
    assert (progress.epochs_done, progress.epochs_total) == (2, 4)


def test_sweep_survives_a_json_round_trip() -> None:
    sweep = sweep_with(RunStatus.RUNNING, RunStatus.QUEUED)
    assert Sweep.model_validate_json(sweep.model_dump_json()) == sweep


def test_whole_floats_are_accepted_as_integers() -> None:
    request = SweepRequest.model_validate_json('{"scales": [1], "epochs": 2e1, "hidden_units": [8.0], "seeds": [3.0]}')
    assert (request.epochs, request.model, request.seeds) == (20, mlp(8), [3])
    for wrong in ("20.5", '"20"', "true", "1e999"):
        with pytest.raises(ValidationError):
            SweepRequest.model_validate_json(f'{{"scales": [1], "epochs": {wrong}}}')


def test_repeats_and_include_clean_expand_the_grid() -> None:
    request = SweepRequest(scales=[0.5, 1.0], repeats=3, include_clean=True)
    assert (request.scales, request.seeds) == ([0.0, 0.5, 1.0], [0, 1, 2])
    assert len(request.grid()) == 9


def test_expanded_request_survives_a_json_round_trip() -> None:
    request = SweepRequest(scales=[0.5], repeats=3, include_clean=True)
    assert SweepRequest.model_validate_json(request.model_dump_json()) == request


def test_include_clean_adds_scale_0_only_once() -> None:
    assert SweepRequest(scales=[0.5, 0.0], include_clean=True).scales == [0.5, 0.0]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"scales": [1.0], "repeats": 2, "seeds": [3, 4]}, "expected seeds or repeats, received both"),
        ({"scales": [float(scale) for scale in range(1, 65)], "include_clean": True}, "64 scales including scale 0"),
        ({"scales": [1.0, 2.0], "repeats": 129}, "258 runs"),
    ],
)
def test_contradictory_or_too_large_grids_are_rejected(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        SweepRequest(**fields)


@pytest.mark.parametrize(
    ("noise_on", "training", "validation"), [("both", 0.7, 0.7), ("train", 0.7, 0.0), ("validation", 0.0, 0.7)]
)
def test_noise_on_selects_the_noisy_images(noise_on: str, training: float, validation: float) -> None:
    config = TrainingConfig.model_validate({"noise_on": noise_on})
    assert (config.training_scale(0.7), config.validation_scale(0.7)) == (training, validation)


def test_extended_grid_has_old_and_new_values_once() -> None:
    request = SweepRequest(scales=[0.5], repeats=2, include_clean=True, name="a name")
    extended = request.extended([1.0, 0.5], [1, 7])
    assert (extended.scales, extended.seeds, extended.name) == ([0.0, 0.5, 1.0], [0, 1, 7], "a name")
    assert (request.scales, request.seeds) == ([0.0, 0.5], [0, 1])
    with pytest.raises(ValidationError, match="at most 256 items"):
        SweepRequest(scales=[0.5]).extended([], range(1, 257))


@pytest.mark.parametrize("fields", [{"keep": "best"}, {"patience": 3}, {"keep": "best", "holdout": 0}])
def test_selection_without_a_holdout_is_rejected(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="the epoch would be selected on the test images"):
        SweepRequest(scales=[1.0], **fields)
    request = SweepRequest.model_validate({"scales": [1.0], **fields, "holdout": 100})
    assert SweepRequest.model_validate_json(request.model_dump_json()) == request
