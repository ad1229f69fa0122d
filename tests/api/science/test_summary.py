"""Summary of a sweep: the method of the intervals, the remarks, and the route."""

from collections.abc import Iterator

import httpx
import pytest

from api.science.summary import summary
from noisesweep.models import RunStatus, Summary
from tests.support.limits import no_known_limit
from tests.support.measured import End, held_out, measured_sweep
from tests.support.training import Training

S, F, C, Q, R = RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.QUEUED, RunStatus.RUNNING
# The curve of the reference notebook, and its clean run as stated there.
NOTEBOOK: dict[float, End] = {0.1: 0.9771, 0.5: 0.9227, 1.0: 0.7579, 2.0: 0.4127, 4.0: 0.1895}
CLEAN: dict[float, End] = {0.0: 0.984, **NOTEBOOK}


FROM_IMAGES = "Wilson's and Newcombe's, from 10,000 images"
ONE_SEED = f"95 % intervals for this network on other images: {FROM_IMAGES}"
SEVERAL_SEEDS = "95 % intervals for the mean over all seeds, on these validation images: Student's t over"


@pytest.fixture(scope="module", autouse=True)
def _no_limit() -> Iterator[None]:
    with no_known_limit():
        yield


def test_unfinished_sweep_is_summarized_so_far() -> None:
    found = summary(measured_sweep({0.0: 0.98, 0.1: 0.9, 1.0: R, 2.0: Q}))
    assert found.sentence == (
        "Validation accuracy falls from 98.0 % without noise to 90.0 % at scale 0.1 (one seed, 10,000 images). "
        "So far 2 of 4 runs have succeeded: 1 queued, 1 running."
    )
    assert "0 of 1 seeds: those that have succeeded at every scale. The others have not ended yet." in found.remarks[-1]


def test_sweep_with_a_holdout_is_summarized_by_its_test_accuracy() -> None:
    found = summary(held_out(measured_sweep({0.5: 0.9}, {0.5: 0.8}), 0.75))
    assert found.sentence == "Test accuracy is 75.0 % at scale 0.5 (2 seeds)."
    assert found.method == SEVERAL_SEEDS.replace("validation", "test") + " 2 seeds"


def test_sweep_with_failed_runs_suggests_a_retry() -> None:
    found = summary(measured_sweep(CLEAN, CLEAN | {4.0: F}))
    assert found.sentence.endswith(" 11 of 12 runs have succeeded: 1 failed.")
    assert found.half_way
    assert found.half_way.scale.seeds == 1
    assert "at scale 1.54 (one seed, 10,000 images)." in found.sentence
    assert "1 of 2 seeds: those that have succeeded at every scale. Retry the sweep" in found.remarks[0]


def test_remarks_suggest_a_remedy() -> None:
    assert summary(measured_sweep({0.0: 0.9, 1.0: 0.5, 4.0: 0.1}, {0.0: 0.8, 1.0: 0.4, 4.0: 0.2})).remarks == []
    [equal] = summary(measured_sweep({0.0: 0.9, 1.0: 0.5, 4.0: 0.11}, {0.0: 0.9, 1.0: 0.4, 4.0: 0.11})).remarks
    assert "at scale 0, 4: all seeds have the same accuracy" in equal
    no_clean, one_seed = summary(measured_sweep(NOTEBOOK)).remarks
    assert "include_clean" in no_clean
    assert "repeats" in one_seed
    assert "fewer than two positive scales" in summary(measured_sweep({0.0: 0.9, 1.0: 0.2})).remarks[0].lower()
    assert "Train for more epochs" in summary(measured_sweep({0.0: 0.1, 0.5: 0.1, 1.0: 0.1})).remarks[-1]
    assert "greater scales" in summary(measured_sweep({0.0: 0.9, 0.5: 0.8, 1.0: 0.7})).remarks[-1]


@pytest.mark.parametrize(
    ("curves", "method"),
    [
        ([CLEAN], ONE_SEED),
        ([{0.5: 0.9, 4.0: Q}, {0.5: R, 4.0: 0.6}], ONE_SEED),
        ([CLEAN] * 5, f"{SEVERAL_SEEDS} 5 seeds"),
        ([CLEAN, CLEAN, CLEAN | {4.0: F}], f"{SEVERAL_SEEDS} 2 to 3 seeds"),
        (
            [CLEAN, CLEAN | {4.0: F}],
            f"{SEVERAL_SEEDS} 2 seeds; at scales with one seed, for it on other images: {FROM_IMAGES}",
        ),
    ],
)
def test_method_names_intervals_and_seeds(curves: list[dict[float, End]], method: str) -> None:
    assert summary(measured_sweep(*curves)).method == method


def test_summary_is_served_with_an_etag(http: httpx.Client, training: Training) -> None:
    sweep = http.post("/sweeps", json={"scales": [1.0, 4.0], "include_clean": True}).json()["links"]
    before = http.get(sweep["summary"])
    assert before.json()["sentence"] == "No run has succeeded yet: 3 queued."
    training.epochs(sweep["self"], runs=3, epochs=20, end=True)
    known = {"If-None-Match": before.headers["ETag"]}
    after = http.get(sweep["summary"], headers=known)
    found = Summary.model_validate_json(after.content)
    assert found.sentence == (
        "Validation accuracy falls from 100.0 % without noise to 20.0 % at scale 4; "
        "it is half-way to chance at scale 0.9 (one seed, 10,000 images)."
    )
    assert f"/sweeps/{found.sweep_id}" == sweep["self"]
    unchanged = http.get(sweep["summary"], headers={"If-None-Match": after.headers["ETag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


def test_summary_of_unknown_sweep_returns_404(http: httpx.Client) -> None:
    answer = http.get("/sweeps/0123456789abcdef/summary")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
