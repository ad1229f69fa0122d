from collections.abc import Iterator

import pytest
from celery import Celery
from redis import Redis

from noisesweep.models import SweepRequest
from shared.settings import Settings
from shared.store.keys import COUNTERS, LEASES, QUEUE, SWEEPS, SweepKeys, run_id
from shared.store.queue import celery_app, publish
from tests.support.claims import claim_next, claim_runs
from tests.support.stored_sweeps import Sweeps
from worker.leases import Leases
from worker.reaper import BATCH_SIZE, Reaper
from worker.reaping import LEASES_PER_CALL

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


def old_sweep(sweeps: Sweeps, redis: Redis, request: SweepRequest = THREE, at: int = LONG_AGO) -> str:
    sweep_id = sweeps.create(request)
    redis.zadd(SWEEPS, {sweep_id: at})
    return sweep_id


def test_a_lost_run_gets_a_new_message(reaper: Reaper, sweeps: Sweeps, leases: Leases, redis: Redis) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1]))
    claim_runs(leases, sweep_id)
    reaper.round()
    assert redis.llen(QUEUE) == 0
    redis.zadd(LEASES, {run_id(sweep_id, 0): LONG_AGO})
    reaper.round()
    assert redis.llen(QUEUE) == 1
    assert sweeps.queued(sweep_id) == ["0"]


def test_only_missing_messages_are_published(reaper: Reaper, app: Celery, sweeps: Sweeps, redis: Redis) -> None:
    for _ in range(2):
        sweeps.create(THREE)
    publish(app, 4)
    for _ in range(2):
        reaper.round()
        assert redis.llen(QUEUE) == 6


def test_two_reapers_do_the_work_of_one(
    reaper: Reaper, app: Celery, settings: Settings, sweeps: Sweeps, redis: Redis
) -> None:
    sweeps.create(THREE)
    second = Reaper(app, settings)
    for each in (reaper, second):
        each.round()
    second.close()
    assert redis.llen(QUEUE) == 3


def test_old_sweeps_and_orphaned_list_entries_are_deleted(reaper: Reaper, sweeps: Sweeps, redis: Redis) -> None:
    ended_long_ago, ended_now, running = (old_sweep(sweeps, redis) for _ in range(3))
    redis.zadd(SWEEPS, {"0123456789abcdef": LONG_AGO})
    sweeps.cancel(ended_long_ago)
    sweeps.cancel(ended_now)
    for index in range(3):
        redis.hset(SweepKeys(ended_long_ago).run(index), "ended_at", LONG_AGO)
    reaper.round()
    assert set(redis.zrange(SWEEPS, 0, -1)) == {ended_now, running}
    assert redis.keys(f"*{ended_long_ago}*") == []


def test_a_broken_run_does_not_affect_others(
    reaper: Reaper, sweeps: Sweeps, leases: Leases, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    broken, healthy = (sweeps.create(SweepRequest(scales=[0.1])) for _ in range(2))
    for moment, sweep_id in enumerate((broken, healthy)):
        claim_runs(leases, sweep_id)
        redis.zadd(LEASES, {run_id(sweep_id, 0): moment + 1})
    redis.delete(SweepKeys(broken).run(0))
    redis.set(SweepKeys(broken).run(0), "not a hash")
    for _ in range(2):
        reaper.round()
    assert sweeps.queued(healthy) == ["0"]
    assert redis.llen(QUEUE) == 1
    assert sum(f"{broken}-0: WRONGTYPE" in message for message in caplog.messages) == 1  # and not in every round


def test_a_queued_run_that_cannot_be_read_blocks_no_claim(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    damages = (
        lambda keys: redis.delete(keys.record),
        lambda keys: redis.delete(keys.run(0)),
        lambda keys: (redis.delete(keys.run(0)), redis.set(keys.run(0), "not a hash")),
    )
    for damage in damages:
        broken, healthy = (sweeps.create(SweepRequest(scales=[0.1])) for _ in range(2))
        damage(SweepKeys(broken))
        assert claim_next(leases).sweep_id == healthy
        assert leases.claim(limit=1) is None


def test_actions_of_the_reaper_are_counted(reaper: Reaper, sweeps: Sweeps, leases: Leases, redis: Redis) -> None:
    sweep_id = sweeps.create(THREE)
    claim_runs(leases, sweep_id, limit=3)
    sweeps.cancel(sweep_id, 1)
    redis.hset(SweepKeys(sweep_id).run(2), "attempts_without_progress", 2)  # its last two workers were lost
    redis.zadd(LEASES, {run_id(sweep_id, index): LONG_AGO for index in range(3)})
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


def test_a_round_needs_few_round_trips_for_many_leases(
    reaper: Reaper, sweeps: Sweeps, leases: Leases, redis: Redis
) -> None:
    lost = 2 * LEASES_PER_CALL + 1
    for _ in range(lost):
        sweeps.create(SweepRequest(scales=[0.1]))
        leases.claim(limit=1)
    for run in redis.zrange(LEASES, 0, -1):
        redis.zadd(LEASES, {str(run): LONG_AGO})
    calls = redis.info("commandstats")["cmdstat_fcall"]["calls"]
    assert sum(1 for _ in reaper.steps()) == 3  # the event loop of the worker continues between them
    assert redis.info("commandstats")["cmdstat_fcall"]["calls"] - calls < 10
    assert redis.zcard(LEASES) == 0
    assert redis.llen(QUEUE) == lost


def test_sweeps_that_cannot_be_deleted_do_not_keep_others(reaper: Reaper, sweeps: Sweeps, redis: Redis) -> None:
    for _ in range(BATCH_SIZE):
        old_sweep(sweeps, redis, SweepRequest(scales=[0.1]))
    broken = old_sweep(sweeps, redis, SweepRequest(scales=[0.1]), at=2)
    redis.delete(SweepKeys(broken).run(0))
    redis.set(SweepKeys(broken).run(0), "not a hash")
    ended = old_sweep(sweeps, redis, SweepRequest(scales=[0.1]), at=3)
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
