"""Sweeps with a newer schema, which workers and reapers must not change."""

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from noisesweep.models import SweepRequest
from shared.settings import Settings
from shared.store.keys import OPEN, QUEUE, SCHEMA, SWEEPS, SweepKeys
from shared.store.queue import celery_app
from shared.store.scripts import is_newer
from tests.support.stored_sweeps import Sweeps
from worker.leases import Leases
from worker.reaper import Reaper

LONG_AGO = 1


def make_newer(sweep_id: str, redis: Redis) -> None:
    redis.hset(SweepKeys(sweep_id).record, "schema", SCHEMA + 1)


def test_a_sweep_stores_its_schema(sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1]))
    assert redis.hget(SweepKeys(sweep_id).record, "schema") == str(SCHEMA)


def test_a_newer_sweep_is_not_claimed(sweeps: Sweeps, leases: Leases, redis: Redis) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1]))
    make_newer(sweep_id, redis)
    assert leases.claim(sweep_id, limit=1) is None


def test_a_sweep_without_schema_is_claimed(sweeps: Sweeps, leases: Leases, redis: Redis) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1]))
    redis.hdel(SweepKeys(sweep_id).record, "schema")
    assert leases.claim(sweep_id, limit=1)


def test_every_write_to_a_newer_sweep_is_rejected(sweeps: Sweeps, leases: Leases, redis: Redis) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1]))
    claim = leases.claim(sweep_id, limit=1)
    assert claim
    make_newer(sweep_id, redis)
    before = redis.dump(SweepKeys(sweep_id).record), redis.dump(SweepKeys(sweep_id).leases)
    for write in (lambda: leases.renew(claim), lambda: leases.cancel(claim, claim.runs[0])):
        with pytest.raises(ResponseError) as error:
            write()
        assert is_newer(error.value)
    assert (redis.dump(SweepKeys(sweep_id).record), redis.dump(SweepKeys(sweep_id).leases)) == before


def test_a_reaper_skips_newer_sweeps_only(sweeps: Sweeps, leases: Leases, redis: Redis, settings: Settings) -> None:
    newer, known = (sweeps.create(SweepRequest(scales=[0.1])) for _ in range(2))
    for sweep_id in (newer, known):
        redis.zadd(OPEN, {sweep_id: LONG_AGO})
        redis.zadd(SWEEPS, {sweep_id: LONG_AGO})
        leases.claim(sweep_id, limit=1)
        redis.zadd(SweepKeys(sweep_id).leases, {"0": LONG_AGO})
    make_newer(newer, redis)
    app = celery_app(settings)
    reaper = Reaper(app, settings)
    reaper.round()
    reaper.close()
    app.close()
    assert redis.zcard(SweepKeys(newer).leases) == 1
    assert redis.zscore(OPEN, newer) == redis.zscore(SWEEPS, newer) == LONG_AGO
    assert redis.zcard(SweepKeys(known).queued) == redis.llen(QUEUE) == 1
