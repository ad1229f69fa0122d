from collections.abc import Iterator

import pytest
from celery import Celery
from redis import Redis

from noisesweep.models import SweepRequest
from shared.settings import Settings
from shared.store.keys import COUNTERS, OPEN, QUEUE, SWEEPS, SweepKeys
from shared.store.queue import celery_app, publish
from tests.support.stored_sweeps import Sweeps
from worker.leases import Leases
from worker.reaper import BATCH_SIZE, Reaper
from worker.reaping import Reaping

THREE = SweepRequest(scales=[0.1, 0.5, 1.0], dataset="digits")
LONG_AGO = 1


@pytest.fixture
def app(settings: Settings) -> Iterator[Celery]:
    app = celery_app(settings)
    yield app
    app.close()


@pytest.fixture
def reaper(app: Celery, settings: Settings) -> Iterator[Reaper]:
    reaper = Reaper(app, settings)
    yield reaper
    reaper.close()


def open_sweep(sweeps: Sweeps, redis: Redis, request: SweepRequest = THREE, at: int = LONG_AGO) -> str:
    sweep_id = sweeps.create(request)
    redis.zadd(OPEN, {sweep_id: at})
    redis.zadd(SWEEPS, {sweep_id: at})
    return sweep_id


def age_last_message(redis: Redis, sweep_id: str) -> None:
    """Set the time of the last published message to long ago."""
    redis.hset(SweepKeys(sweep_id).record, "hinted_at", LONG_AGO)


def test_a_lost_run_gets_a_new_message(reaper: Reaper, sweeps: Sweeps, leases: Leases, redis: Redis) -> None:
    sweep_id = open_sweep(sweeps, redis, SweepRequest(scales=[0.1]))
    leases.claim(sweep_id, limit=1)
    reaper.round()
    assert redis.llen(QUEUE) == 0
    redis.zadd(SweepKeys(sweep_id).leases, {"0": LONG_AGO})
    reaper.round()
    assert redis.llen(QUEUE) == 1
    assert redis.zcard(SweepKeys(sweep_id).queued) == 1


def test_only_missing_messages_are_republished(reaper: Reaper, app: Celery, sweeps: Sweeps, redis: Redis) -> None:
    sweep_id, other = open_sweep(sweeps, redis), open_sweep(sweeps, redis)
    publish(app, {sweep_id: 1})
    publish(app, {other: 3})
    for _ in range(2):
        age_last_message(redis, sweep_id)
        age_last_message(redis, other)
        reaper.round()
        assert redis.llen(QUEUE) == 6


def test_an_unreadable_message_does_not_stop_the_round(reaper: Reaper, sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = open_sweep(sweeps, redis)
    redis.lpush(QUEUE, b"\xff\xfe")
    age_last_message(redis, sweep_id)
    reaper.round()
    assert redis.llen(QUEUE) == 1 + 3


def test_two_reapers_do_the_work_of_one(
    reaper: Reaper, app: Celery, settings: Settings, sweeps: Sweeps, redis: Redis
) -> None:
    sweep_id = open_sweep(sweeps, redis)
    age_last_message(redis, sweep_id)
    second = Reaper(app, settings)
    for each in (reaper, second):
        each.round()
    second.close()
    assert redis.llen(QUEUE) == 3


def test_an_ended_sweep_is_no_longer_listed_as_open(
    reaper: Reaper, sweeps: Sweeps, leases: Leases, redis: Redis
) -> None:
    sweep_id, recent = open_sweep(sweeps, redis), open_sweep(sweeps, redis, at=2**52)
    sweeps.cancel(sweep_id)
    sweeps.cancel(recent)
    reaper.round()
    assert redis.zrange(OPEN, 0, -1) == [recent]  # a client may be retrying it


def test_a_sweep_reopened_during_a_round_stays_open(
    settings: Settings, sweeps: Sweeps, leases: Leases, redis: Redis
) -> None:
    sweep_id = open_sweep(sweeps, redis, at=2)
    sweeps.cancel(sweep_id)
    reaping = Reaping(leases.redis, settings)
    this_round = reaping.begin_round()
    for opened_at, expected in ((1.0, [sweep_id]), (2.0, [])):
        reaping.reap({sweep_id: opened_at}, this_round)
        assert redis.zrange(OPEN, 0, -1) == expected


def test_old_sweeps_and_orphaned_list_entries_are_deleted(reaper: Reaper, sweeps: Sweeps, redis: Redis) -> None:
    ended_long_ago, ended_now, running = (open_sweep(sweeps, redis) for _ in range(3))
    redis.zadd(SWEEPS, {"0123456789abcdef": LONG_AGO})
    sweeps.cancel(ended_long_ago)
    sweeps.cancel(ended_now)
    for index in range(3):
        redis.hset(SweepKeys(ended_long_ago).run(index), "ended_at", LONG_AGO)
    reaper.round()
    assert set(redis.zrange(SWEEPS, 0, -1)) == {ended_now, running}
    assert redis.keys(f"*{ended_long_ago}*") == []


def test_a_broken_sweep_does_not_affect_others(reaper: Reaper, sweeps: Sweeps, redis: Redis) -> None:
    broken, healthy = open_sweep(sweeps, redis, at=1), open_sweep(sweeps, redis, at=2)
    redis.set(SweepKeys(broken).leases, "not a sorted set")
    age_last_message(redis, healthy)
    reaper.round()
    assert redis.llen(QUEUE) == 3


def test_actions_of_the_reaper_are_counted(reaper: Reaper, sweeps: Sweeps, leases: Leases, redis: Redis) -> None:
    sweep_id = open_sweep(sweeps, redis)
    keys = SweepKeys(sweep_id)
    leases.claim(sweep_id, limit=3)
    sweeps.cancel(sweep_id, 1)
    redis.hset(keys.run(2), "fruitless", 2)  # its last two workers were lost
    redis.zadd(keys.leases, {"0": LONG_AGO, "1": LONG_AGO, "2": LONG_AGO})
    reaper.round()
    counts = redis.hgetall(COUNTERS)
    assert counts == {
        "reaper:requeued": "1",
        "reaper:lost": "1",
        "reaper:cancelled": "1",
        "reaper:republished": "1",
        "runs:failed": "1",
        "runs:cancelled": "1",
    }


def test_a_round_reads_many_sweeps_per_round_trip(reaper: Reaper, sweeps: Sweeps, redis: Redis) -> None:
    for _ in range(2 * BATCH_SIZE + 1):
        sweeps.cancel(open_sweep(sweeps, redis))
    reaper.round()  # registers the scripts
    for sweep_id in redis.zrange(SWEEPS, 0, -1):
        redis.zadd(OPEN, {str(sweep_id): LONG_AGO})
    reads = redis.info("stats")["total_reads_processed"]
    assert sum(1 for _ in reaper.steps()) == 3  # the event loop of the worker continues between them
    # The server reads a large request in several parts.
    assert redis.info("stats")["total_reads_processed"] - reads < BATCH_SIZE
    assert redis.zcard(OPEN) == 0


def test_sweeps_that_cannot_be_deleted_do_not_keep_others(reaper: Reaper, sweeps: Sweeps, redis: Redis) -> None:
    for _ in range(BATCH_SIZE):
        open_sweep(sweeps, redis, SweepRequest(scales=[0.1]))
    broken = open_sweep(sweeps, redis, SweepRequest(scales=[0.1]), at=2)
    redis.set(SweepKeys(broken).queued, "not a sorted set")
    ended = open_sweep(sweeps, redis, SweepRequest(scales=[0.1]), at=3)
    sweeps.cancel(ended)
    redis.hset(SweepKeys(ended).run(0), "ended_at", LONG_AGO)
    for _ in range(2):
        reaper.round()
    assert redis.zscore(SWEEPS, ended) is None
    assert redis.zcard(SWEEPS) == BATCH_SIZE + 1
    first = str(redis.zrange(SWEEPS, 0, 0)[0])  # it can be deleted later, and its turn comes again
    sweeps.cancel(first)
    redis.hset(SweepKeys(first).run(0), "ended_at", LONG_AGO)
    for _ in range(2):
        reaper.round()
    assert redis.zscore(SWEEPS, first) is None
