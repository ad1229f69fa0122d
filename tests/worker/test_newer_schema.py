"""Sweeps with a newer schema, which workers and reapers must not change."""

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from noisesweep.models import SweepRequest
from shared.settings import Settings
from shared.store.functions import is_newer
from shared.store.keys import LEASES, QUEUE, SCHEMA, SWEEPS, SweepKeys, run_id
from shared.store.queue import celery_app
from tests.support.claims import claim_runs
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
    assert leases.claim(limit=1) is None


def test_a_sweep_without_schema_is_claimed(sweeps: Sweeps, leases: Leases, redis: Redis) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1]))
    redis.hdel(SweepKeys(sweep_id).record, "schema")
    assert leases.claim(limit=1)


def test_every_write_to_a_newer_sweep_is_rejected(sweeps: Sweeps, leases: Leases, redis: Redis) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1]))
    claim = claim_runs(leases, sweep_id)
    make_newer(sweep_id, redis)
    before = redis.dump(SweepKeys(sweep_id).record), redis.dump(LEASES)
    for write in (lambda: leases.renew(claim), lambda: leases.cancel(claim, claim.runs[0])):
        with pytest.raises(ResponseError) as error:
            write()
        assert is_newer(error.value)
    assert (redis.dump(SweepKeys(sweep_id).record), redis.dump(LEASES)) == before


def test_a_reaper_skips_newer_sweeps_only(sweeps: Sweeps, leases: Leases, redis: Redis, settings: Settings) -> None:
    newer, known = (sweeps.create(SweepRequest(scales=[0.1])) for _ in range(2))
    for sweep_id in (newer, known):
        claim_runs(leases, sweep_id)
        redis.zadd(SWEEPS, {sweep_id: LONG_AGO})
        redis.zadd(LEASES, {run_id(sweep_id, 0): LONG_AGO})
    make_newer(newer, redis)
    app = celery_app(settings)
    reaper = Reaper(app, settings)
    reaper.round()
    reaper.close()
    app.close()
    assert redis.zrange(LEASES, 0, -1) == [run_id(newer, 0)]
    assert redis.zscore(SWEEPS, newer) == LONG_AGO
    assert sweeps.queued(known) == ["0"]
    assert redis.llen(QUEUE) == 1
