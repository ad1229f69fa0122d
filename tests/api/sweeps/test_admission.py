"""How runs come into the queue: only where there is room, and again where they failed."""

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
from tests.support.api import Served
from tests.support.records import evaluation
from tests.support.redis_server import RedisServer
from tests.support.training import Training
from worker.leases import LeaseLostError, Leases

THREE = {"scales": [0.1, 0.5, 1.0]}


@pytest.fixture(scope="module")
def narrow(redis_server: RedisServer) -> Iterator[Served]:
    served = Served(Settings(redis_url=redis_server.url, max_queued_runs=7))
    yield served
    served.close()


@pytest.fixture
def http_of_narrow(narrow: Served, redis: Redis) -> httpx.Client:
    return narrow.http


def stored(redis: Redis) -> int:
    return int(redis.zcard(OPEN))


def test_a_sweep_for_which_there_is_no_room_is_refused_whole(http_of_narrow: httpx.Client, redis: Redis) -> None:
    for _ in range(2):
        assert http_of_narrow.post("/sweeps", json=THREE).status_code == 202
    refused = http_of_narrow.post("/sweeps", json=THREE)
    assert refused.status_code == 429
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json()["detail"].startswith("6 runs are queued and 7 may be: there is no room for 3 more now.")
    assert refused.headers["Retry-After"] == "60"  # nothing has ended yet, so nothing is known of the rate
    assert (stored(redis), redis.llen(QUEUE)) == (2, 6)
    assert http_of_narrow.post("/runs", json={"scale": 0.5}).status_code == 202  # for which there is


def test_runs_count_whether_or_not_their_messages_wait(http_of_narrow: httpx.Client, redis: Redis) -> None:
    for _ in range(2):
        http_of_narrow.post("/sweeps", json=THREE)
    redis.delete(QUEUE)  # as if workers had taken every message
    assert http_of_narrow.post("/sweeps", json=THREE).status_code == 429


def test_runs_that_train_make_room(http_of_narrow: httpx.Client, training: Training) -> None:
    first = http_of_narrow.post("/sweeps", json=THREE).json()["links"]["self"]
    http_of_narrow.post("/sweeps", json=THREE)
    training.epochs(first, runs=2, epochs=1)
    assert http_of_narrow.post("/sweeps", json=THREE).status_code == 202


def test_the_time_to_wait_follows_from_how_fast_runs_have_ended_lately(
    http_of_narrow: httpx.Client, redis: Redis
) -> None:
    for _ in range(2):
        http_of_narrow.post("/sweeps", json=THREE)
    now_seconds, _ = redis.time()
    for seconds_ago in (5000, 400, 300, 200, 100):  # the first is too long ago: four ends in 400 s
        redis.xadd(ENDED, {"run": "some"}, id=f"{(now_seconds - seconds_ago) * 1000}-0")
    refused = http_of_narrow.post("/sweeps", json=THREE)
    assert 200 <= int(refused.headers["Retry-After"]) <= 203  # two runs too many at one in 100 s


def test_a_sweep_that_could_never_wait_whole_is_told_so(http_of_narrow: httpx.Client, redis: Redis) -> None:
    refused = http_of_narrow.post("/sweeps", json={"scales": [0.1, 0.5], "seeds": [0, 1, 2, 3]})
    assert refused.status_code == 422
    assert refused.json()["detail"] == "It has 8 runs, and no more than 7 runs may wait: split it."
    assert "Retry-After" not in refused.headers
    assert stored(redis) == 0


def test_sweeps_that_come_at_once_do_not_slip_in_together(http_of_narrow: httpx.Client) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: http_of_narrow.post("/sweeps", json=THREE).status_code, range(8)))
    assert sorted(answers) == [202, 202, 429, 429, 429, 429, 429, 429]


def mixed(http: httpx.Client, leases: Leases) -> str:
    """A sweep of three whose runs have succeeded, failed and been cancelled."""
    sweep_id = str(http.post("/sweeps", json=THREE).json()["id"])
    claim = leases.claim(sweep_id, limit=2)
    assert claim
    leases.succeed(claim, claim.runs[0], "ab" * 32, evaluation())
    leases.fail(claim, claim.runs[1], RunError(code="diverged", message="The loss is gone."))
    assert http.post(f"/runs/{sweep_id}-2/cancel").json()["status"] == "cancelled"
    return sweep_id


def test_what_failed_and_what_was_cancelled_is_tried_again_and_what_succeeded_is_kept(
    http: httpx.Client, leases: Leases, redis: Redis
) -> None:
    sweep_id = mixed(http, leases)
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


def test_to_retry_again_changes_nothing(http: httpx.Client, leases: Leases, redis: Redis) -> None:
    sweep_id = mixed(http, leases)
    first = http.post(f"/sweeps/{sweep_id}/retry")
    version = redis.hget(SweepKeys(sweep_id).record, "version")
    second = http.post(f"/sweeps/{sweep_id}/retry")
    assert second.status_code == 202
    assert second.json() == first.json()
    assert redis.hget(SweepKeys(sweep_id).record, "version") == version


def test_a_sweep_is_not_tried_again_while_its_runs_are_being_cancelled(http: httpx.Client, training: Training) -> None:
    sweep = http.post("/sweeps", json=THREE).json()["links"]["self"]
    training.claim(sweep, runs=1)
    http.post(f"{sweep}/cancel")
    answer = http.post(f"{sweep}/retry")
    assert answer.status_code == 409
    assert "when they have ended" in answer.json()["detail"]


def test_a_sweep_that_has_succeeded_is_not_tried_again(http: httpx.Client, training: Training) -> None:
    sweep = http.post("/sweeps", json=THREE).json()["links"]["self"]
    training.epochs(sweep, runs=3, epochs=1, end=True)
    answer = http.post(f"{sweep}/retry")
    assert answer.status_code == 409
    assert "nothing to try again" in answer.json()["detail"]


def test_the_owner_of_a_run_that_is_tried_again_can_write_nothing_more(http: httpx.Client, leases: Leases) -> None:
    sweep_id = str(http.post("/runs", json={"scale": 1}).json()["sweep_id"])
    claim = leases.claim(sweep_id, limit=1)
    assert claim
    leases.fail(claim, claim.runs[0], RunError(code="diverged", message="The loss is gone."))
    http.post(f"/sweeps/{sweep_id}/retry")
    with pytest.raises(LeaseLostError):
        leases.succeed(claim, claim.runs[0], "ab" * 32, evaluation())


def test_a_sweep_is_accepted_though_its_messages_cannot_be_published(http: httpx.Client, redis: Redis) -> None:
    redis.set(QUEUE, "no list")
    answer = http.post("/sweeps", json=THREE)
    assert answer.status_code == 202
    assert redis.zcard(SweepKeys(answer.json()["id"]).queued) == 3  # a reaper publishes for it


def test_the_queue_says_what_waits_what_trains_and_how_fast_runs_end(
    http: httpx.Client, training: Training, redis: Redis
) -> None:
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
    assert state["runs_per_minute"] == 1.0  # one end, and the first minute counts whole
    http.post(f"{oldest['links']['self']}/cancel")
    assert http.get("/queue").json()["oldest_wait_seconds"] < 100


def test_no_count_lets_in_too_many_while_submissions_are_being_written(redis_server: RedisServer, redis: Redis) -> None:
    # Counted beside every submission.
    limits = Limits(count_seconds=-1, recount_seconds=-1)
    served = Served(Settings(redis_url=redis_server.url, max_queued_runs=40), limits)
    with ThreadPoolExecutor(16) as threads:
        answers = threads.map(lambda _: served.http.post("/runs", json={"scale": 0.5}).status_code, range(120))
        counted = Counter(answers)
    served.close()
    assert counted == {202: 40, 429: 80}
    assert stored(redis) == 40


def test_repeated_refusals_do_not_count_the_queue_each_time(redis_server: RedisServer, redis: Redis) -> None:
    settings = Settings(redis_url=redis_server.url, max_queued_runs=7)
    served = Served(settings, Limits(recount_seconds=60))
    for _ in range(2):
        served.http.post("/sweeps", json=THREE)
    redis.config_resetstat()
    assert served.http.post("/sweeps", json=THREE).status_code == 429
    assert "cmdstat_zcard" in redis.info("commandstats")
    redis.config_resetstat()
    assert served.http.post("/sweeps", json=THREE).status_code == 429
    assert "cmdstat_zcard" not in redis.info("commandstats")
    served.close()


def test_a_retry_counts_for_the_key_that_submitted(redis_server: RedisServer, redis: Redis) -> None:
    keys = {"alice": hash_api_key("a"), "bob": hash_api_key("b")}
    served = Served(Settings(redis_url=redis_server.url, api_keys=keys, max_queued_runs_per_key=4))
    alice, bob = {"Authorization": "Bearer a"}, {"Authorization": "Bearer b"}
    first = served.http.post("/sweeps", json=THREE, headers=alice).json()["links"]["self"]
    served.http.post(f"{first}/cancel", headers=alice)
    assert served.http.post("/sweeps", json=THREE, headers=alice).status_code == 202
    assert served.http.post(f"{first}/retry", headers=bob).status_code == 429
    assert served.http.post("/sweeps", json=THREE, headers=bob).status_code == 202
    served.close()


def test_a_full_store_cancels_all_the_same(http: httpx.Client, redis: Redis) -> None:
    sweep = http.post("/sweeps", json=THREE).json()["links"]["self"]
    redis.config_set("maxmemory", 1)
    try:
        assert http.post(f"{sweep}/cancel").status_code == 202
    finally:
        redis.config_set("maxmemory", 0)
    assert http.get(sweep).json()["status"] == "cancelled"


def test_a_full_store_refuses_and_takes_again_when_there_is_room(http: httpx.Client, redis: Redis) -> None:
    redis.config_set("maxmemory", 1)
    try:
        for _ in range(2):
            refused = http.post("/sweeps", json=THREE)
            assert (refused.status_code, refused.json()["type"]) == (507, "/problems/store-full")
        assert http.get("/queue").json()["queued_runs"] == 0
    finally:
        redis.config_set("maxmemory", 0)
    assert http.post("/sweeps", json=THREE).status_code == 202
