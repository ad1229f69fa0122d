"""Tests of admission to the queue and of retries."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from redis import Redis

from api.limits import Limits
from noisesweep.models import RunError, hash_api_key
from shared.settings import Settings
from shared.store.keys import ENDED, OPEN, QUEUE, SweepKeys
from tests.support.api import ApiThread
from tests.support.records import evaluation
from tests.support.redis_server import RedisServer
from tests.support.training import Training
from worker.leases import LeaseLostError, Leases

THREE = {"scales": [0.1, 0.5, 1.0]}


@pytest.fixture(scope="module")
def small_queue(redis_server: RedisServer) -> Iterator[ApiThread]:
    served = ApiThread(Settings(redis_url=redis_server.url, max_queued_runs=7))
    yield served
    served.close()


@pytest.fixture
def small_queue_http(small_queue: ApiThread, redis: Redis) -> httpx.Client:
    return small_queue.http


def stored(redis: Redis) -> int:
    return int(redis.zcard(OPEN))


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
    claim = leases.claim(sweep_id, limit=2)
    assert claim
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
    again = leases.claim(sweep_id, limit=3)
    assert again
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
    claim = leases.claim(sweep_id, limit=1)
    assert claim
    leases.fail(claim, claim.runs[0], RunError(code="diverged", message="The loss is gone."))
    http.post(f"/sweeps/{sweep_id}/retry")
    with pytest.raises(LeaseLostError):
        leases.succeed(claim, claim.runs[0], "ab" * 32, evaluation())


def test_sweep_is_accepted_if_publishing_fails(http: httpx.Client, redis: Redis) -> None:
    redis.set(QUEUE, "no list")
    answer = http.post("/sweeps", json=THREE)
    assert answer.status_code == 202
    assert redis.zcard(SweepKeys(answer.json()["id"]).queued) == 3  # a reaper republishes


def test_queue_statistics(http: httpx.Client, training: Training, redis: Redis) -> None:
    assert http.get("/queue").json() == {
        "queued_runs": 0,
        "running_runs": 0,
        "oldest_wait_seconds": None,
        "runs_per_minute": 0.0,
    }
    oldest = http.post("/sweeps", json=THREE).json()
    http.post("/sweeps", json=THREE)
    redis.zincrby(OPEN, -3_600_000_000, oldest["id"])  # an hour ago
    claim = training.claim(oldest["links"]["self"], runs=2)
    training.succeed(claim, 0)
    state = http.get("/queue").json()
    assert (state["queued_runs"], state["running_runs"]) == (4, 1)
    assert 3600 <= state["oldest_wait_seconds"] < 3700
    assert state["runs_per_minute"] == 1.0  # one run ended, and the period is at least a minute
    http.post(f"{oldest['links']['self']}/cancel")
    assert http.get("/queue").json()["oldest_wait_seconds"] < 100


def test_recounts_respect_the_limit_during_submissions(redis_server: RedisServer, redis: Redis) -> None:
    # The queue is counted again with every submission.
    limits = Limits(count_seconds=-1, recount_seconds=-1)
    served = ApiThread(Settings(redis_url=redis_server.url, max_queued_runs=40), limits)
    with ThreadPoolExecutor(16) as threads:
        statuses = threads.map(lambda _: served.http.post("/runs", json={"scale": 0.5}).status_code, range(120))
        counted = Counter(statuses)
    served.close()
    assert counted == {202: 40, 429: 80}
    assert stored(redis) == 40


def test_repeated_rejections_do_not_recount_the_queue(redis_server: RedisServer, redis: Redis) -> None:
    settings = Settings(redis_url=redis_server.url, max_queued_runs=7)
    served = ApiThread(settings, Limits(recount_seconds=60))
    for _ in range(2):
        served.http.post("/sweeps", json=THREE)
    redis.config_resetstat()
    assert served.http.post("/sweeps", json=THREE).status_code == 429
    assert "cmdstat_zcard" in redis.info("commandstats")
    redis.config_resetstat()
    assert served.http.post("/sweeps", json=THREE).status_code == 429
    assert "cmdstat_zcard" not in redis.info("commandstats")
    served.close()


def test_retry_counts_for_the_submitting_key(redis_server: RedisServer, redis: Redis) -> None:
    keys = {"alice": hash_api_key("a"), "bob": hash_api_key("b")}
    served = ApiThread(Settings(redis_url=redis_server.url, api_keys=keys, max_queued_runs_per_key=4))
    alice, bob = {"Authorization": "Bearer a"}, {"Authorization": "Bearer b"}
    first = served.http.post("/sweeps", json=THREE, headers=alice).json()["links"]["self"]
    served.http.post(f"{first}/cancel", headers=alice)
    assert served.http.post("/sweeps", json=THREE, headers=alice).status_code == 202
    assert served.http.post(f"{first}/retry", headers=bob).status_code == 429
    assert served.http.post("/sweeps", json=THREE, headers=bob).status_code == 202
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
