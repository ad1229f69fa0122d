"""Cancelling and deleting sweeps."""

import httpx
import pytest
from redis import Redis

from shared.store.keys import new_sweep_id
from tests.support.training import Training

NOTEBOOK = {"scales": [0.1, 0.5, 1.0, 2.0, 4.0]}


def test_cancel_ends_queued_runs_and_marks_running_runs(http: httpx.Client, training: Training) -> None:
    sweep = http.post("/sweeps", json=NOTEBOOK).json()["links"]["self"]
    training.epochs(sweep, runs=2, epochs=3)
    for _ in range(2):
        answer = http.post(f"{sweep}/cancel")
        assert answer.status_code == 202
        runs = answer.json()["runs"]
        assert [run["status"] for run in runs] == ["running"] * 2 + ["cancelled"] * 3
        assert [run["cancel_requested"] for run in runs] == [True] * 2 + [False] * 3
        assert runs[0]["epochs_done"] == 3
    assert answer.json()["status"] == "running"


def test_repeated_cancel_changes_nothing(http: httpx.Client) -> None:
    sweep = http.post("/sweeps", json=NOTEBOOK).json()["links"]["self"]
    answers = [http.post(f"{sweep}/cancel") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json() == http.get(sweep).json()
    assert answers[0].json()["status"] == "cancelled"


def test_finished_sweep_cannot_be_cancelled(http: httpx.Client, training: Training) -> None:
    sweep = http.post("/sweeps", json=NOTEBOOK).json()["links"]["self"]
    training.epochs(sweep, runs=5, epochs=1, end=True)
    before = http.get(sweep).json()
    answer = http.post(f"{sweep}/cancel")
    assert answer.status_code == 409
    assert answer.json()["detail"] == "This sweep has already ended with the status succeeded."
    assert http.get(sweep).json() == before


def test_ended_sweep_is_deleted_with_all_its_data(http: httpx.Client, training: Training, redis: Redis) -> None:
    submitted = http.post("/sweeps", json=NOTEBOOK | {"keep_model": True}).json()
    sweep = submitted["links"]["self"]
    training.epochs(sweep, runs=2, epochs=1, end=True, model=b"a model")
    refused = http.delete(sweep)
    assert refused.status_code == 409
    assert refused.json()["detail"] == "This sweep has queued or running runs. To delete it, cancel it first."
    http.post(f"{sweep}/cancel")
    assert http.delete(sweep).status_code == 204
    assert http.get(sweep).status_code == http.delete(sweep).status_code == 404
    assert http.get(submitted["links"]["runs"][0]).status_code == 404
    assert http.get("/sweeps").json() == {"sweeps": [], "next": None}
    assert redis.keys(f"*{submitted['id']}*") == []


@pytest.mark.parametrize(("method", "suffix"), [("POST", "/cancel"), ("POST", "/retry"), ("DELETE", "")])
def test_unknown_sweep_cannot_be_cancelled_retried_or_deleted(http: httpx.Client, method: str, suffix: str) -> None:
    assert http.request(method, f"/sweeps/{new_sweep_id()}{suffix}").status_code == 404
