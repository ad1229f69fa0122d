"""Quotas: who sets them, what they refuse, and what a key uses."""

import re
from typing import Any

import httpx
import pytest
from redis import Redis

from noisesweep.models import EpochMetrics, SweepRequest
from noisesweep.models.quotas import MAX_AMOUNT
from shared.store.keys import QUOTAS, compute
from shared.store.paces import Kind, add_epoch
from tests.api.conftest import Serve
from tests.support.keys import CLASS, bearer
from tests.support.own_data import bars, npz
from tests.support.stored_sweeps import Sweeps
from worker.devices import Device, DeviceKind
from worker.presence import Presence, profile

ONE: dict[str, Any] = {"scales": [0.5], "dataset": "digits", "epochs": 20}
FOUR = ONE | {"scales": [0.5, 1, 2, 4]}
DAY = 24 * 3600
CPU = Device(DeviceKind.CPU, processes=2, stack=1, xla=False, reason="no GPU on this host")


@pytest.fixture(autouse=True)
def _slow_pace(redis: Redis) -> None:
    """Let the service believe that each epoch of ONE takes ten seconds of a live worker."""
    config = SweepRequest(**ONE).config
    Presence(redis, profile("7@here", CPU, processes=2)).beat()
    metrics = EpochMetrics(epoch=1, loss=0.5, accuracy=0.8, val_loss=0.6, val_accuracy=0.7, seconds=10.0)
    with redis.pipeline() as pipeline:
        add_epoch(pipeline, Kind.of(config, "cpu"), metrics, 10.0)
        pipeline.execute()


def set_quota(http: httpx.Client, holder: str, by: str = "teacher", **limits: Any) -> httpx.Response:
    return http.put(f"/quotas/{holder}", json=limits, headers=bearer(by))


def usage(http: httpx.Client, name: str = "alice") -> dict[str, Any]:
    answer: dict[str, Any] = http.get("/quota", headers=bearer(name)).raise_for_status().json()
    return answer


def submit(http: httpx.Client, body: dict[str, Any] = ONE, name: str = "alice", query: str = "") -> httpx.Response:
    return http.post(f"/sweeps{query}", json=body, headers=bearer(name))


def core_seconds(http: httpx.Client, body: dict[str, Any] = ONE) -> float:
    """Return the estimate of the service."""
    return float(submit(http, body, query="?dry_run=true").raise_for_status().json()["core_seconds"])


def test_instructors_and_administrators_set_list_and_remove_quotas(http: httpx.Client) -> None:
    for name in ("teacher", "boss"):
        answer = set_quota(http, "role:member", name, max_queued_runs=3)
        assert answer.status_code == 200, answer.text
        assert (answer.json()["holder"], answer.json()["set_by"]) == ("role:member", name)
    assert set_quota(http, "key:alice", max_core_seconds_per_day=60).status_code == 200
    listed = http.get("/quotas", headers=bearer("teacher")).json()
    assert [(quota["holder"], quota["limits"]["max_queued_runs"]) for quota in listed["quotas"]] == [
        ("key:alice", None), ("role:member", 3),
    ]  # fmt: skip
    assert (listed["service"]["max_queued_runs"], listed["service"]["max_core_seconds_per_day"]) == (500, None)
    assert http.delete("/quotas/key:alice", headers=bearer("teacher")).status_code == 204
    assert http.delete("/quotas/key:alice", headers=bearer("teacher")).status_code == 404
    assert len(http.get("/quotas", headers=bearer("boss")).json()["quotas"]) == 1


@pytest.mark.parametrize("name", ["alice", "guest"])
def test_other_keys_neither_set_nor_read_quotas(http: httpx.Client, name: str) -> None:
    assert set_quota(http, f"key:{name}", name, max_queued_runs=9).status_code == 403
    assert http.delete(f"/quotas/key:{name}", headers=bearer(name)).status_code == 403
    assert http.get("/quotas", headers=bearer(name)).status_code == 403
    assert http.get("/quotas", headers=bearer("boss")).json()["quotas"] == []


@pytest.mark.parametrize("holder", ["alice", "key:", "key:a b", "role:viewer", "role:nobody", "key:" + "a" * 33])
def test_an_unknown_holder_is_refused(http: httpx.Client, holder: str) -> None:
    assert set_quota(http, holder, max_queued_runs=1).status_code == 422


@pytest.mark.parametrize("limits", [
    {"max_queued_runs": -1}, {"max_queued_runs": True}, {"max_queued_runs": "3"}, {"max_stored_bytes": 2**53},
    {"max_runs": 1},
])  # fmt: skip
def test_wrong_limits_are_refused(http: httpx.Client, limits: dict[str, Any]) -> None:
    assert set_quota(http, "role:member", **limits).status_code == 422


def test_a_whole_number_may_be_written_with_a_decimal_point(http: httpx.Client) -> None:
    assert set_quota(http, "role:member", max_queued_runs=3.0).json()["limits"]["max_queued_runs"] == 3


def test_a_service_without_keys_has_no_quotas(serve: Serve) -> None:
    refused = serve().put("/quotas/role:admin", json={"max_queued_runs": 1})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/key-conflict")


def test_the_number_of_queued_runs_is_limited(http: httpx.Client) -> None:
    set_quota(http, "role:member", max_queued_runs=3)
    assert (
        submit(http, FOUR).json()["detail"]
        == "It has 4 runs, and no more than 3 runs of this API key may wait: split it."
    )
    set_quota(http, "key:alice", max_queued_runs=4)
    assert submit(http, FOUR).status_code == 202
    refused = submit(http)
    assert (refused.status_code, refused.json()["type"]) == (429, "/problems/queue-full")
    assert refused.json()["detail"].startswith("4 runs of this API key are queued and 4 may be")
    assert submit(http, FOUR, name="teacher").status_code == 202  # another role


def test_stored_bytes_are_limited_with_those_of_data_sets(http: httpx.Client) -> None:
    submit(http)
    stored = usage(http)["stored_bytes"]
    set_quota(http, "key:alice", max_stored_bytes=stored)
    assert submit(http).json()["type"] == "/problems/storage-full"
    headers = bearer("alice") | {"Content-Type": "application/zip"}
    refused = http.post("/datasets?name=bars", content=npz(bars()), headers=headers)
    assert (refused.status_code, refused.json()["type"]) == (507, "/problems/storage-full")
    assert submit(http, name="bob").status_code == 202


def test_compute_of_a_day_is_limited(http: httpx.Client, redis: Redis) -> None:
    needed = core_seconds(http)
    assert 100 < needed < 400  # about 20 epochs of ten seconds
    limit = round(2.5 * needed)
    set_quota(http, "role:member", max_core_seconds_per_day=limit)
    sweeps = [submit(http).json()["id"] for _ in range(2)]
    assert usage(http)["core_seconds"] == pytest.approx(2 * needed, abs=1)
    for refused in (submit(http), submit(http, query="?dry_run=true")):
        assert (refused.status_code, refused.json()["type"]) == (429, "/problems/compute-used")
        assert DAY - 3600 <= int(refused.headers["Retry-After"]) <= DAY
    text = r"Runs of this API key in the last 24 hours need [\d,]+ of [\d,]+ core-seconds: there is no room for about "
    text += r"[\d,]+ more\. There will be in 2[34] hours, or after you cancel queued runs\."
    assert re.fullmatch(text, refused.json()["detail"]), refused.json()["detail"]
    assert redis.hlen(compute("alice")) == 1
    http.post(f"/sweeps/{sweeps[0]}/cancel", headers=bearer("alice"))
    assert submit(http).status_code == 202
    assert submit(http, name="bob").status_code == 202


def test_more_compute_than_a_day_has_is_refused_for_good(http: httpx.Client) -> None:
    set_quota(http, "key:alice", max_core_seconds_per_day=10)
    refused = submit(http)
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/sweep-too-large")
    assert re.match(r"It needs about \d+ core-seconds, and this API key may use 10 in a day", refused.json()["detail"])
    assert "Retry-After" not in refused.headers


def test_extensions_and_retries_count_for_who_asks(http: httpx.Client) -> None:
    sweep_id = submit(http).json()["id"]
    one = usage(http)["core_seconds"]
    http.post(f"/sweeps/{sweep_id}/runs", json={"scales": [0.9]}, headers=bearer("alice"))
    assert usage(http)["core_seconds"] == pytest.approx(2 * one)
    http.post(f"/sweeps/{sweep_id}/cancel", headers=bearer("alice"))
    assert usage(http)["core_seconds"] == 0
    set_quota(http, "key:alice", max_core_seconds_per_day=round(one))
    retried = http.post(f"/sweeps/{sweep_id}/retry", headers=bearer("alice"))
    assert retried.json()["type"] == "/problems/sweep-too-large"
    assert http.post(f"/sweeps/{sweep_id}/retry", headers=bearer("teacher")).status_code == 202
    assert usage(http, "teacher")["core_seconds"] == pytest.approx(2 * one)
    extended = http.post(f"/sweeps/{sweep_id}/runs", json={"scales": [2, 3, 4]}, headers=bearer("alice"))
    assert extended.json()["type"] == "/problems/sweep-too-large"


def test_the_setting_is_the_limit_of_keys_without_a_quota(serve: Serve) -> None:
    http = serve(api_keys=CLASS, max_core_seconds_per_day=10)
    assert usage(http)["max_core_seconds_per_day"] == 10
    assert submit(http).json()["type"] == "/problems/sweep-too-large"
    set_quota(http, "role:member", max_core_seconds_per_day=10_000)
    assert submit(http).status_code == 202
    assert usage(http, "teacher")["max_core_seconds_per_day"] == 10


def test_a_quota_that_cannot_be_read_does_not_hide_the_others(http: httpx.Client, redis: Redis) -> None:
    set_quota(http, "role:member", max_queued_runs=3)
    redis.hset(QUOTAS, "key:bob", "{}")
    assert [each["holder"] for each in http.get("/quotas", headers=bearer("boss")).json()["quotas"]] == ["role:member"]


def test_the_largest_settings_are_listed(serve: Serve) -> None:
    http = serve(api_keys=CLASS, max_stored_bytes=MAX_AMOUNT, max_queued_runs_per_key=MAX_AMOUNT)
    assert http.get("/quotas", headers=bearer("teacher")).json()["service"]["max_stored_bytes"] == MAX_AMOUNT


def test_the_estimate_is_what_counts(http: httpx.Client) -> None:
    needed = core_seconds(http, FOUR)
    submit(http, FOUR)
    assert usage(http)["core_seconds"] == pytest.approx(needed)


def test_the_queue_shows_where_ones_own_sweeps_stand(http: httpx.Client, redis: Redis) -> None:
    submit(http, FOUR | {"name": "of bob", "seeds": [0, 1, 2, 3]}, name="bob")
    mine = submit(http, ONE | {"name": "mine"}).json()["id"]
    last = submit(http, FOUR | {"name": None}).json()["id"]
    queue = http.get("/queue", headers=bearer("alice")).json()
    assert [(sweep["id"], sweep["name"], sweep["queued_runs"]) for sweep in queue["own"]] == [
        (mine, "mine", 1), (last, None, 4),
    ]  # fmt: skip
    assert queue["own"][0]["runs_before"] <= 1
    assert queue["own"][0]["runs_before"] < queue["own"][1]["runs_before"] < 16
    assert queue["own"][0]["link"] == f"/sweeps/{mine}"
    waits = [sweep["expected_wait_seconds"] for sweep in queue["own"]]
    assert waits[0] == 0  # both processes are idle
    assert 100 < waits[1] < 16 * 400 / 2
    assert http.get("/queue", headers=bearer("guest")).json()["own"] == []


def test_without_keys_the_queue_shows_all_sweeps(serve: Serve, redis: Redis) -> None:
    http = serve()
    Sweeps(redis).create(SweepRequest(scales=[0.1], dataset="digits"))
    assert len(http.get("/queue").json()["own"]) == 1
    usage = http.get("/quota").json()
    assert (usage["queued_runs"], usage["max_queued_runs"], usage["core_seconds"]) == (1, 2000, 0)
