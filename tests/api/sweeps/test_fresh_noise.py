"""The same sweep with new training noise in every epoch."""

import httpx
import pytest

from noisesweep.models import Sweep

BODY = {"scales": [0.5, 2.0], "seeds": [0, 1], "dataset": "digits", "epochs": 2, "name": "week 3", "tags": {"a": "b"}}


def submit(http: httpx.Client, **body: object) -> Sweep:
    return Sweep.model_validate_json(http.post("/sweeps", json=BODY | body).raise_for_status().content)


def fresh_of(http: httpx.Client, sweep: Sweep) -> Sweep:
    answer = http.post(f"{sweep.links.self}/fresh-noise")
    assert answer.status_code == 202
    fresh = Sweep.model_validate_json(answer.content)
    assert answer.headers["Location"] == fresh.links.self
    assert http.get(fresh.links.self).headers["ETag"] == answer.headers["ETag"]
    return fresh


def test_second_sweep_differs_in_resample_only(http: httpx.Client) -> None:
    sweep = submit(http)
    fresh = fresh_of(http, sweep)
    assert fresh.config == sweep.config.model_copy(update={"resample": True})
    assert fresh.id != sweep.id
    same = {"name", "tags", "scales", "seeds"}
    assert fresh.model_dump(include=same) == sweep.model_dump(include=same)
    assert http.get(sweep.links.self).json()["config"]["resample"] is False


def test_repeated_request_returns_the_same_sweep(http: httpx.Client) -> None:
    sweep = submit(http)
    before = fresh_of(http, sweep)
    assert fresh_of(http, sweep) == before


def test_second_sweep_follows_an_extension(http: httpx.Client) -> None:
    sweep = submit(http)
    before = fresh_of(http, sweep)
    http.post(f"{sweep.links.self}/runs", json={"scales": [1.0], "seeds": [2]}).raise_for_status()
    after = fresh_of(http, sweep)
    assert after.id == before.id
    assert (after.scales, after.seeds, len(after.runs)) == ([0.5, 2.0, 1.0], [0, 1, 2], 9)


@pytest.mark.parametrize(
    ("body", "reason"),
    [({"resample": True}, "it already has"), ({"noise_on": "validation"}, "its training images have no noise")],
)
def test_sweep_without_fixed_noise_is_refused(http: httpx.Client, body: dict[str, object], reason: str) -> None:
    sweep = submit(http, **body)
    answer = http.post(f"{sweep.links.self}/fresh-noise")
    assert answer.status_code == 409
    assert reason in answer.json()["detail"]


def test_unknown_sweep_is_not_found(http: httpx.Client) -> None:
    assert http.post(f"/sweeps/{'0' * 16}/fresh-noise").status_code == 404
