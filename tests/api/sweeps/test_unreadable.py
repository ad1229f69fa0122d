"""Tests of answers about all sweeps while the record of one of them cannot be read."""

from collections.abc import Callable

import httpx
import pytest
from redis import Redis

from shared.store.keys import SweepKeys
from tests.support.training import Training

Damage = Callable[[Redis, SweepKeys], object]
DAMAGES: dict[str, Damage] = {
    "request is not JSON": lambda redis, keys: redis.hset(keys.record, "request", "{"),
    "request is missing": lambda redis, keys: redis.hdel(keys.record, "request"),
    "time is out of range": lambda redis, keys: redis.hset(keys.record, "created_at", 2**62),
    "version is not a number": lambda redis, keys: redis.hset(keys.record, "version", "x"),
    "number of runs is missing": lambda redis, keys: redis.hdel(keys.record, "run_count"),
    "a run is missing": lambda redis, keys: redis.delete(keys.run(0)),
    "record is a string": lambda redis, keys: redis.set(keys.record, "x"),
    "a run is a string": lambda redis, keys: redis.set(keys.run(0), "x"),
    "epochs are a string": lambda redis, keys: redis.set(keys.epochs(0), "x"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_unreadable_sweep_does_not_affect_others(http: httpx.Client, redis: Redis, damage: str) -> None:
    first, broken, last = (http.post("/sweeps", json={"scales": [0.1], "reuse": False}).json()["id"] for _ in range(3))
    DAMAGES[damage](redis, SweepKeys(broken))
    listed = http.get("/sweeps")
    assert listed.status_code == 200
    assert [sweep["id"] for sweep in listed.json()["sweeps"]] == [last, first]
    assert http.get("/queue").status_code == 200
    assert http.get("/metrics").status_code == 200
    assert http.post("/sweeps?dry_run=true", json={"scales": [0.2]}).status_code == 200
    assert http.post("/sweeps", json={"scales": [0.2]}).status_code == 202
    etag = http.get(f"/sweeps/{first}").headers["ETag"]
    assert http.get(f"/sweeps/{first}", headers={"If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_unreadable_sweep_can_be_deleted(http: httpx.Client, redis: Redis, training: Training, damage: str) -> None:
    sweep = http.post("/sweeps", json={"scales": [0.1, 0.2], "epochs": 1}).json()
    training.epochs(sweep["links"]["self"], runs=2, epochs=1, end=True)
    DAMAGES[damage](redis, SweepKeys(sweep["id"]))
    assert http.delete(sweep["links"]["self"]).status_code == 204
    assert http.get(sweep["links"]["self"]).status_code == 404
    assert redis.keys(f"*{sweep['id']}*") == []


def test_a_user_sees_what_could_not_be_stored(http: httpx.Client, redis: Redis, training: Training) -> None:
    run = http.post("/runs", json={"scale": 0.5, "epochs": 1, "keep_model": True}).json()
    training.epochs(f"/sweeps/{run['sweep_id']}", runs=1, epochs=1, end=True)
    redis.hset(SweepKeys(run["sweep_id"]).run(0), "model_warning", "The model could not be stored.")
    sweep = http.get(f"/sweeps/{run['sweep_id']}")
    assert sweep.json()["status_detail"] == f"Run {run['id']}: The model could not be stored."
    assert http.get(run["links"]["self"]).json()["status_detail"] == "The model could not be stored."
    model = http.get(f"{run['links']['self']}/model")
    assert (model.status_code, model.json()["detail"]) == (404, "The model could not be stored.")
    unchanged = http.get(f"/sweeps/{run['sweep_id']}", headers={"If-None-Match": sweep.headers["ETag"]})
    assert unchanged.status_code == 304
