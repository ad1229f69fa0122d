"""Tests of admission to the queue and of retries."""

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import httpx
import pytest
from redis import Redis

from noisesweep.models import RunError
from shared.settings import Settings
from shared.store.keys import ENDED, QUEUE, SWEEPS, SweepKeys, line_of, parse_run_id, queued, run_id
from tests.support.api import ApiProcess, ApiThread
from tests.support.claims import claim_next, claim_runs
from tests.support.keys import configured
from tests.support.records import evaluation
from tests.support.redis_server import RedisServer
from tests.support.stored_sweeps import Sweeps
from tests.support.training import Training
from worker.leases import LeaseLostError, Leases

THREE = {"scales": [0.1, 0.5, 1.0]}
KEYS = configured("alice", "bob", "carol")


@pytest.fixture(scope="module")
def small_queue(redis_server: RedisServer) -> Iterator[ApiThread]:
    served = ApiThread(Settings(redis_url=redis_server.url, max_queued_runs=7))
    yield served
    served.close()


@pytest.fixture
def small_queue_http(small_queue: ApiThread, redis: Redis) -> httpx.Client:
    return small_queue.http


def stored(redis: Redis) -> int:
    return int(redis.zcard(SWEEPS))


def test_sweep_is_rejected_if_queue_has_no_capacity(small_queue_http: httpx.Client, redis: Redis) -> None:
    for _ in range(2):
        assert small_queue_http.post("/sweeps", json=THREE).status_code == 202
    refused = small_queue_http.post("/sweeps", json=THREE)
    assert refused.status_code == 429
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json()["detail"].startswith("6 runs are queued and 7 may be: there is no room for 3 more now.")
    assert refused.headers["Retry-After"] == "60"  # no run has ended yet, so the rate is unknown
    assert (stored(redis), redis.llen(QUEUE)) == (2, 6)
    assert small_queue_http.post("/runs", json={"scale": 0.5}).status_code == 202  # one run fits


def test_queued_runs_count_without_their_messages(small_queue_http: httpx.Client, redis: Redis) -> None:
    for _ in range(2):
        small_queue_http.post("/sweeps", json=THREE)
    redis.delete(QUEUE)  # as if workers had taken every message
    assert small_queue_http.post("/sweeps", json=THREE).status_code == 429


def test_running_runs_do_not_count_as_queued(small_queue_http: httpx.Client, training: Training) -> None:
    first = small_queue_http.post("/sweeps", json=THREE).json()["links"]["self"]
    small_queue_http.post("/sweeps", json=THREE)
    training.epochs(first, runs=2, epochs=1)
    assert small_queue_http.post("/sweeps", json=THREE).status_code == 202


def test_retry_after_follows_the_rate_of_ended_runs(small_queue_http: httpx.Client, redis: Redis) -> None:
    for _ in range(2):
        small_queue_http.post("/sweeps", json=THREE)
    now_seconds, _ = redis.time()
    for seconds_ago in (5000, 400, 300, 200, 100):  # the first is too old: 4 runs ended in 400 s
        redis.xadd(ENDED, {"run": "some"}, id=f"{(now_seconds - seconds_ago) * 1000}-0")
    refused = small_queue_http.post("/sweeps", json=THREE)
    assert 200 <= int(refused.headers["Retry-After"]) <= 203  # 2 runs over the limit, one ends every 100 s


def test_sweep_larger_than_the_queue_limit_is_rejected(small_queue_http: httpx.Client, redis: Redis) -> None:
    refused = small_queue_http.post("/sweeps", json={"scales": [0.1, 0.5], "seeds": [0, 1, 2, 3]})
    assert refused.status_code == 422
    assert refused.json()["detail"] == "It has 8 runs, and no more than 7 runs may wait: split it."
    assert "Retry-After" not in refused.headers
    assert stored(redis) == 0


def test_concurrent_submissions_respect_the_limit(small_queue_http: httpx.Client) -> None:
    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(lambda _: small_queue_http.post("/sweeps", json=THREE).status_code, range(8)))
    assert sorted(statuses) == [202, 202, 429, 429, 429, 429, 429, 429]


def finished_sweep(http: httpx.Client, leases: Leases) -> str:
    """Create a sweep with one succeeded, one failed and one cancelled run, and return its id."""
    sweep_id = str(http.post("/sweeps", json=THREE).json()["id"])
    claim = claim_runs(leases, sweep_id, 2)
    leases.succeed(claim, claim.runs[0], "ab" * 32, evaluation())
    leases.fail(claim, claim.runs[1], RunError(code="diverged", message="The loss is gone."))
    assert http.post(f"/runs/{sweep_id}-2/cancel").json()["status"] == "cancelled"
    return sweep_id


def test_retry_queues_failed_and_cancelled_runs(http: httpx.Client, leases: Leases, redis: Redis) -> None:
    sweep_id = finished_sweep(http, leases)
    redis.delete(QUEUE)
    answer = http.post(f"/sweeps/{sweep_id}/retry")
    assert answer.status_code == 202
    runs = answer.json()["runs"]
    assert [run["status"] for run in runs] == ["succeeded", "queued", "queued"]
    assert [run["error"] for run in runs] == [None, None, None]
    assert [run["ended_at"] is None for run in runs] == [False, True, True]
    assert redis.llen(QUEUE) == 2
    again = claim_runs(leases, sweep_id, 3)
    assert [run.index for run in again.runs] == [1, 2]


def test_repeated_retry_changes_nothing(http: httpx.Client, leases: Leases, redis: Redis) -> None:
    sweep_id = finished_sweep(http, leases)
    first = http.post(f"/sweeps/{sweep_id}/retry")
    version = redis.hget(SweepKeys(sweep_id).record, "version")
    second = http.post(f"/sweeps/{sweep_id}/retry")
    assert second.status_code == 202
    assert second.json() == first.json()
    assert redis.hget(SweepKeys(sweep_id).record, "version") == version


def test_retry_is_rejected_while_runs_are_being_cancelled(http: httpx.Client, training: Training) -> None:
    sweep = http.post("/sweeps", json=THREE).json()["links"]["self"]
    training.claim(sweep, runs=1)
    http.post(f"{sweep}/cancel")
    answer = http.post(f"{sweep}/retry")
    assert answer.status_code == 409
    assert "after they have ended" in answer.json()["detail"]


def test_succeeded_sweep_cannot_be_retried(http: httpx.Client, training: Training) -> None:
    sweep = http.post("/sweeps", json=THREE).json()["links"]["self"]
    training.epochs(sweep, runs=3, epochs=1, end=True)
    answer = http.post(f"{sweep}/retry")
    assert answer.status_code == 409
    assert "nothing to retry" in answer.json()["detail"]


def test_earlier_owner_cannot_write_after_a_retry(http: httpx.Client, leases: Leases) -> None:
    sweep_id = str(http.post("/runs", json={"scale": 1}).json()["sweep_id"])
    claim = claim_runs(leases, sweep_id)
    leases.fail(claim, claim.runs[0], RunError(code="diverged", message="The loss is gone."))
    http.post(f"/sweeps/{sweep_id}/retry")
    with pytest.raises(LeaseLostError):
        leases.succeed(claim, claim.runs[0], "ab" * 32, evaluation())


def test_sweep_is_accepted_if_publishing_fails(http: httpx.Client, redis: Redis) -> None:
    redis.set(QUEUE, "no list")
    answer = http.post("/sweeps", json=THREE)
    assert answer.status_code == 202
    assert Sweeps(redis).queued(answer.json()["id"]) == ["0", "1", "2"]  # a reaper publishes the messages


def test_queue_statistics(http: httpx.Client, training: Training, redis: Redis) -> None:
    assert http.get("/queue").json() == {
        "queued_runs": 0,
        "running_runs": 0,
        "oldest_wait_seconds": None,
        "runs_per_minute": 0.0,
        "own": [],
    }
    oldest = http.post("/sweeps", json=THREE).json()
    http.post("/sweeps", json=THREE)
    claim = training.claim(oldest["links"]["self"], runs=2)
    hour_ago = redis.time()[0] * 1_000_000 - 3_600_000_000
    redis.zadd(queued(line_of("")), {run_id(oldest["id"], 2): hour_ago})
    training.succeed(claim, 0)
    state = http.get("/queue").json()
    assert (state["queued_runs"], state["running_runs"]) == (4, 1)
    assert 3600 <= state["oldest_wait_seconds"] < 3700
    assert state["runs_per_minute"] == 1.0  # one run ended, and the period is at least a minute
    http.post(f"{oldest['links']['self']}/cancel")
    assert http.get("/queue").json()["oldest_wait_seconds"] < 100


@pytest.fixture
def api_processes(redis_server: RedisServer, redis: Redis, tmp_path: Path) -> Iterator[list[ApiProcess]]:
    """Yield four API processes on an empty store that allows 50 queued runs, and 20 of each key."""
    environment = os.environ | {
        "NOISESWEEP_REDIS_URL": redis_server.url,
        "NOISESWEEP_API_KEYS": ",".join(f"{name}:{key.sha256}" for name, key in KEYS.items()),
        "NOISESWEEP_MAX_QUEUED_RUNS": "50",
        "NOISESWEEP_MAX_QUEUED_RUNS_PER_KEY": "20",
    }
    processes = [ApiProcess(environment, tmp_path / f"api-{number}.log") for number in range(4)]
    for process in processes:
        process.wait_until_ready()
    yield processes
    for process in processes:
        process.close()


def test_several_processes_admit_exactly_as_many_runs_as_allowed(api_processes: list[ApiProcess], redis: Redis) -> None:
    submissions = [(name, api_processes[number % 4]) for number in range(40) for name in KEYS]

    def submit(submission: tuple[str, ApiProcess]) -> tuple[str, int]:
        name, process = submission
        headers = {"Authorization": f"Bearer ns_{name}"}
        return name, process.http.post("/runs", json={"scale": 0.5}, headers=headers).status_code

    with ThreadPoolExecutor(24) as threads:
        answers = Counter(threads.map(submit, submissions))
    accepted = {name: answers[name, 202] for name in KEYS}
    assert sum(accepted.values()) == 50
    assert max(accepted.values()) <= 20
    assert {status for _, status in answers} == {202, 429}
    assert {name: redis.zcard(queued(line_of(name))) for name in KEYS} == accepted
    # Each key has as many queued runs as it may, or all keys together have.
    name = min(accepted, key=lambda name: accepted[name])
    headers = {"Authorization": f"Bearer ns_{name}"}
    (run,) = cast("list[str]", redis.zrange(queued(line_of(name)), 0, 0))
    sweep = f"/sweeps/{parse_run_id(run)[0]}"
    for process in api_processes:
        process.http.post(f"{sweep}/cancel", headers=headers).raise_for_status()
        statuses = [each.http.post(f"{sweep}/retry", headers=headers).status_code for each in api_processes]
        assert statuses == [202] * 4
        assert process.http.post("/runs", json={"scale": 0.5}, headers=headers).status_code == 429


def test_retry_and_extension_use_the_limit_and_turns_of_the_key_that_asks(
    settings: Settings, leases: Leases, redis: Redis
) -> None:
    keys = configured("alice", bob="instructor", carol="instructor")
    served = ApiThread(settings.model_copy(update={"api_keys": keys, "max_queued_runs_per_key": 6}))

    def post(name: str, path: str, body: object = None) -> httpx.Response:
        return served.http.post(path, json=body, headers={"Authorization": f"Bearer ns_{name}"})

    def queued_runs() -> list[int]:
        return [redis.zcard(queued(line_of(name))) for name in keys]

    try:
        retried = post("alice", "/sweeps", THREE).json()["links"]["self"]
        post("alice", f"{retried}/cancel")
        extended, waiting = (post("alice", "/sweeps", THREE).json()["links"]["self"] for _ in range(2))
        assert queued_runs() == [6, 0, 0]
        assert post("alice", f"{retried}/retry").status_code == 429
        assert post("alice", f"{extended}/runs", {"scales": [2.0]}).status_code == 429
        assert post("bob", f"{retried}/retry").status_code == 202
        assert post("carol", f"{extended}/runs", {"scales": [2.0, 3.0]}).status_code == 202
        assert queued_runs() == [6, 3, 2]
        assert post("bob", "/sweeps", {"scales": [1.0, 2.0, 3.0, 4.0]}).status_code == 429
        claims = [claim_next(leases) for _ in range(3)]  # one turn of each key
        assert queued_runs() == [5, 2, 1]
        claimed = sorted((f"/sweeps/{claim.sweep_id}", claim.runs[0].scale) for claim in claims)
        assert claimed == sorted([(retried, 0.1), (extended, 0.1), (extended, 2.0)])
        assert waiting not in dict(claimed)
    finally:
        served.close()


def test_full_store_can_cancel(http: httpx.Client, redis: Redis) -> None:
    sweep = http.post("/sweeps", json=THREE).json()["links"]["self"]
    redis.config_set("maxmemory", 1)
    try:
        assert http.post(f"{sweep}/cancel").status_code == 202
    finally:
        redis.config_set("maxmemory", 0)
    assert http.get(sweep).json()["status"] == "cancelled"


def test_full_store_rejects_until_memory_is_available(http: httpx.Client, redis: Redis) -> None:
    redis.config_set("maxmemory", 1)
    try:
        for _ in range(2):
            refused = http.post("/sweeps", json=THREE)
            assert (refused.status_code, refused.json()["type"]) == (507, "/problems/store-full")
        assert http.get("/queue").json()["queued_runs"] == 0
    finally:
        redis.config_set("maxmemory", 0)
    assert http.post("/sweeps", json=THREE).status_code == 202
