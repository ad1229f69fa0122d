"""Request ids, log lines and /metrics."""

import logging
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from noisesweep.local.launcher import free_port
from noisesweep.models import RunError
from shared.settings import Settings
from shared.store.keys import LEASES, SweepKeys
from tests.support.api import ApiThread
from tests.support.claims import claim_runs, reap
from tests.support.redis_server import RedisServer
from tests.support.training import Training
from tests.support.waiting import wait_until
from worker.leases import Leases

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def metrics(http: httpx.Client) -> dict[tuple[str, ...], float]:
    """Read /metrics, and return the value of every sample by its name and label values."""
    answer = http.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(answer.text)
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


@pytest.mark.parametrize("given", ["my-1", "a" * 64])
def test_request_id_of_the_client_is_returned(http: httpx.Client, given: str) -> None:
    assert http.get("/healthz", headers={"X-Request-ID": given}).headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", [None, "", "a" * 65, "a b", 'a"}', "é"])
def test_missing_or_unsafe_request_id_is_replaced(http: httpx.Client, given: str | None) -> None:
    headers = [(b"X-Request-ID", given.encode())] if given is not None else []
    ids = [http.get("/nowhere", headers=headers).headers["X-Request-ID"] for _ in range(2)]
    assert len(set(ids)) == 2
    assert all(len(each) == 16 for each in ids)


def test_only_writes_and_failures_are_logged(http: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="api.http.telemetry"):
        http.get("/sweeps")
        http.post("/sweeps", json={"scales": [0.5]})
        http.get("/nowhere%0AGET%20/else")
        wait_until(lambda: "GET /nowhere" in caplog.text)  # the line is logged after the answer
    lines = [record.getMessage().split(" in ")[0] for record in caplog.records if record.name == "api.http.telemetry"]
    assert lines == ["POST /sweeps: 202", "GET /nowhere%0AGET%20/else: 404"]


def test_request_id_and_traceparent_reach_the_worker(http: httpx.Client, leases: Leases) -> None:
    headers = {"X-Request-ID": "my-1", "traceparent": TRACE}
    sweep = http.post("/sweeps", json={"scales": [0.5]}, headers=headers).json()["id"]
    claim = claim_runs(leases, sweep)
    assert (claim.request_id, claim.traceparent) == ("my-1", TRACE)


@pytest.mark.parametrize("given", ["00-" + "0" * 32 + "-00f067aa0ba902b7-01", "nonsense", TRACE + "-more"])
def test_invalid_traceparent_is_ignored(http: httpx.Client, leases: Leases, given: str) -> None:
    sweep = http.post("/sweeps", json={"scales": [0.5]}, headers={"traceparent": given}).json()["id"]
    claim = claim_runs(leases, sweep)
    assert claim.traceparent == ""


def test_requests_are_counted_and_timed_by_route_and_status(http: httpx.Client) -> None:
    before = metrics(http)
    sweep = http.post("/sweeps", json={"scales": [0.5]}).json()["links"]["self"]
    for path in (sweep, sweep, "/sweeps/nothing", "/nowhere/at/all"):
        http.get(path)
    after = metrics(http)
    grown = {key: value - before.get(key, 0) for key, value in after.items() if key[0].startswith("noisesweep_request")}
    assert grown["noisesweep_requests_total", "GET", "/sweeps/{sweep_id}", "200"] == 2
    assert grown["noisesweep_requests_total", "GET", "/sweeps/{sweep_id}", "404"] == 1
    assert grown["noisesweep_requests_total", "GET", "none", "404"] == 1
    assert grown["noisesweep_request_seconds_count", "POST", "/sweeps"] == 1


def test_metrics_cover_queue_runs_epochs_and_reaper(
    http: httpx.Client, training: Training, leases: Leases, redis: Redis
) -> None:
    links = http.post("/sweeps", json={"scales": [0.1, 0.5, 1, 2], "dataset": "digits"}).json()["links"]
    training.epochs(links["self"], runs=1, epochs=3, end=True)
    claim = training.claim(links["self"], runs=1)
    leases.fail(claim, claim.runs[0], RunError(code="diverged", message="..."))
    http.post(f"{links['runs'][3]}/cancel")
    training.claim(links["self"], runs=1)
    redis.zadd(LEASES, {links["runs"][2].removeprefix("/runs/"): 1})
    found = reap(leases)
    leases.metrics.count_reaped(requeued=found.requeued, lost=found.lost, cancelled=found.cancelled, republished=2)
    samples = metrics(http)
    assert samples["noisesweep_queued_runs",] == 1
    assert samples["noisesweep_running_runs",] == 0
    assert samples["noisesweep_oldest_wait_seconds",] > 0
    assert samples["noisesweep_workers_alive",] == 0
    assert {key[1]: value for key, value in samples.items() if key[0] == "noisesweep_runs_total"} == {
        "succeeded": 1,
        "failed": 1,
        "cancelled": 1,
    }
    assert samples["noisesweep_epochs_total", "digits"] == 3
    assert samples["noisesweep_epoch_seconds_sum", "digits"] == pytest.approx(4.5)
    assert samples["noisesweep_epoch_seconds_bucket", "digits", "1.0"] == 0
    assert samples["noisesweep_epoch_seconds_bucket", "digits", "2.5"] == 3
    assert samples["noisesweep_epoch_seconds_bucket", "digits", "+Inf"] == 3
    assert samples["noisesweep_reaper_actions_total", "requeued"] == 1
    assert samples["noisesweep_reaper_actions_total", "republished"] == 2


def test_unexpected_error_is_answered_and_logged(
    http: httpx.Client, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    sweep = http.post("/sweeps", json={"scales": [0.5]}).json()["id"]
    redis.hset(SweepKeys(sweep).record, "request", "{")
    caplog.set_level(logging.INFO)
    answer = http.get(f"/sweeps/{sweep}", headers={"X-Request-ID": "my-1"})
    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/internal-error")
    assert answer.headers["X-Request-ID"] == "my-1"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    wait_until(lambda: "500 in" in caplog.text)
    (unexpected,) = [record for record in caplog.records if record.exc_info]
    assert unexpected.getMessage() == "Unexpected error in a request"


def test_metrics_work_while_redis_is_down(redis_server: RedisServer, tmp_path: Path) -> None:
    own = RedisServer(tmp_path, free_port())
    served = ApiThread(Settings(redis_url=own.url))
    assert metrics(served.http)["noisesweep_store_up",] == 1
    own.close()
    samples = metrics(served.http)
    served.close()
    assert samples["noisesweep_store_up",] == 0
    assert samples["noisesweep_requests_total", "GET", "/metrics", "200"] == 1
    assert ("noisesweep_queued_runs",) not in samples
