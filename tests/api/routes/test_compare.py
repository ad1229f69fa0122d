"""Comparison of two sweeps over HTTP."""

from typing import Any

import httpx
import pytest

from noisesweep.models import Comparison
from tests.support.training import Training

SWEEP: dict[str, Any] = {"scales": [0.5, 1.0, 2.0], "seeds": [0, 1], "epochs": 1, "dataset": "digits"}


def submit(http: httpx.Client, **changes: Any) -> str:
    return str(http.post("/sweeps", json=SWEEP | changes).raise_for_status().headers["Location"])


def finish_submitted(training: Training, location: str) -> None:
    for _ in SWEEP["seeds"]:  # a claim has the runs of one seed
        training.epochs(location, runs=3, epochs=1, end=True)


def finish(http: httpx.Client, training: Training, **changes: Any) -> str:
    """Return the id of a sweep whose runs have all succeeded."""
    location = submit(http, **changes)
    finish_submitted(training, location)
    return location.rsplit("/", maxsplit=1)[-1]


def get(http: httpx.Client, *ids: str, **headers: str) -> httpx.Response:
    return http.get("/compare", params={"sweep": ids}, headers=headers)


def test_comparison_has_figures_and_a_sentence(http: httpx.Client, training: Training) -> None:
    ids = finish(http, training), finish(http, training, resample=True, reuse=False)
    answer = get(http, *ids)
    found = Comparison.model_validate_json(answer.content)
    assert found.sweep_ids == list(ids)
    assert found.differing_settings == ["resample"]
    assert [at.scale for at in found.scales] == [0.5, 1.0, 2.0]
    assert found.sentence == "Sweeps A and B have the same networks (2 seeds)."  # as the invented hashes say
    assert answer.headers["Content-Disposition"] == f'inline; filename="compare-{ids[0]}-{ids[1]}.json"'


def test_sweep_may_be_compared_with_itself(http: httpx.Client, training: Training) -> None:
    sweep_id = finish(http, training)
    found = Comparison.model_validate_json(get(http, sweep_id, sweep_id).content)
    assert {at.difference.mean for at in found.scales} == {0.0}
    assert found.ratio
    assert found.ratio.ratio.mean == 1.0


def test_comparison_changes_with_both_sweeps_and_their_order(http: httpx.Client, training: Training) -> None:
    first, location = finish(http, training), submit(http, dropout=0.5)
    second = location.rsplit("/", maxsplit=1)[-1]
    before = get(http, first, second)
    assert Comparison.model_validate_json(before.content).scales == []
    known = {"If-None-Match": before.headers["ETag"]}
    assert get(http, first, second, **known).status_code == 304
    assert get(http, second, first, **known).status_code == 200
    finish_submitted(training, location)
    after = get(http, first, second, **known)
    assert after.status_code == 200
    assert [at.difference.seeds for at in Comparison.model_validate_json(after.content).scales] == [2, 2, 2]


def test_comparison_takes_two_existing_sweeps(http: httpx.Client, training: Training) -> None:
    sweep_id = finish(http, training)
    for ids in ([], [sweep_id], [sweep_id] * 3):
        refused = get(http, *ids)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["pointer"] == "sweep"
    missing = get(http, sweep_id, "0123456789abcdef")
    assert missing.status_code == 404
    assert 'No sweep has the id "0123456789abcdef"' in missing.json()["detail"]


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"dataset": "mnist"}, "different data sets: A has digits, B has mnist"),
        ({"scales": [3.0]}, "no run at the same scale with the same seed"),
        ({"seeds": [7]}, "no run at the same scale with the same seed"),
    ],
)
def test_unlike_sweeps_are_refused(http: httpx.Client, changes: dict[str, Any], detail: str) -> None:
    ids = [submit(http, **each).rsplit("/", maxsplit=1)[-1] for each in ({}, changes)]
    refused = get(http, *ids)
    assert refused.status_code == 422
    assert refused.json()["type"] == "/problems/not-comparable"
    assert detail in refused.json()["detail"]
    assert http.get("/plots/compare", params={"sweep": ids}).status_code == 200
