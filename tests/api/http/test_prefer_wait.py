"""Prefer: wait=N, for clients that would rather wait than ask."""

import threading

import httpx
import pytest

from tests.support.training import Training
from tests.support.waiting import wait_until

ONE = {"scales": [0.1]}


def test_who_prefers_to_wait_is_answered_when_the_sweep_has_ended(http: httpx.Client, training: Training) -> None:
    answers: list[httpx.Response] = []
    client = threading.Thread(
        target=lambda: answers.append(http.post("/sweeps", json=ONE, headers={"Prefer": "respond-async, wait=30"}))
    )
    client.start()
    wait_until(lambda: http.get("/sweeps").json()["sweeps"])
    assert not answers
    training.epochs(http.get("/sweeps").json()["sweeps"][0]["links"]["self"], runs=1, epochs=1, end=True)
    client.join(20)
    (answer,) = answers
    assert answer.status_code == 202
    assert answer.headers["Preference-Applied"] == "wait=30"
    assert answer.json()["status"] == "succeeded"
    assert answer.json()["runs"][0]["epochs_done"] == 1


@pytest.mark.parametrize(("path", "body"), [("/sweeps", ONE), ("/runs", {"scale": 0.1})])
def test_a_wait_that_is_over_is_answered_with_how_things_stand(
    http: httpx.Client, path: str, body: dict[str, object]
) -> None:
    answer = http.post(path, json=body, headers={"Prefer": "wait=1"})
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert answer.headers["Preference-Applied"] == "wait=1"


def test_a_request_sent_again_may_wait_for_what_the_first_one_started(http: httpx.Client, training: Training) -> None:
    first = http.post("/sweeps", json=ONE, headers={"Idempotency-Key": "a"})
    training.epochs(first.headers["Location"], runs=1, epochs=1, end=True)
    again = http.post("/sweeps", json=ONE, headers={"Idempotency-Key": "a", "Prefer": "wait=5"})
    assert again.headers["Location"] == first.headers["Location"]
    assert again.json()["status"] == "succeeded"


def test_who_waits_counts_among_the_streams_and_one_too_many_stores_nothing(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.sweeps.events.MAX_STREAMS", 0)
    assert http.post("/sweeps", json=ONE, headers={"Prefer": "wait=5"}).status_code == 429
    assert http.get("/sweeps").json()["sweeps"] == []
    assert http.post("/sweeps", json=ONE).status_code == 202


@pytest.mark.parametrize("prefer", ["wait", "wait=", "wait=soon", "wait=-1", "await=5", "return=minimal"])
def test_a_preference_that_is_none_is_ignored_as_the_rfc_has_it(http: httpx.Client, prefer: str) -> None:
    answer = http.post("/sweeps", json=ONE, headers={"Prefer": prefer})
    assert answer.status_code == 202
    assert "Preference-Applied" not in answer.headers


@pytest.mark.parametrize(("path", "body"), [("/sweeps", ONE), ("/runs", {"scale": 0.1})])
def test_a_key_gets_its_answer_again_though_the_sweep_was_deleted_since(
    http: httpx.Client, path: str, body: dict[str, object]
) -> None:
    first = http.post(path, json=body, headers={"Idempotency-Key": "a"})
    sweep = f"/sweeps/{first.json()['id'][:16]}"
    assert http.post(f"{sweep}/cancel").status_code == 202
    assert http.delete(sweep).status_code == 204
    again = http.post(path, json=body, headers={"Idempotency-Key": "a", "Prefer": "wait=1"})
    assert again.status_code == 202
    assert again.json() == first.json()
