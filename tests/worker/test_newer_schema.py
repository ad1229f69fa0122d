"""What a worker does with sweeps of a newer schema than its own: nothing."""

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


def let_be_newer(sweep_id: str, redis: Redis) -> None:
    redis.hset(SweepKeys(sweep_id).record, "schema", SCHEMA + 1)


def test_a_sweep_says_which_schema_it_was_written_with(sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1]))
    assert redis.hget(SweepKeys(sweep_id).record, "schema") == str(SCHEMA)


def test_no_run_of_a_newer_sweep_is_claimed(sweeps: Sweeps, leases: Leases, redis: Redis) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1]))
    let_be_newer(sweep_id, redis)
    assert leases.claim(sweep_id, limit=1) is None


def test_a_sweep_from_before_there_were_schemas_is_trained(sweeps: Sweeps, leases: Leases, redis: Redis) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1]))
    redis.hdel(SweepKeys(sweep_id).record, "schema")
    assert leases.claim(sweep_id, limit=1)


def test_every_write_to_a_newer_sweep_is_refused(sweeps: Sweeps, leases: Leases, redis: Redis) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[0.1]))
    claim = leases.claim(sweep_id, limit=1)
    assert claim
    let_be_newer(sweep_id, redis)
    before = redis.dump(SweepKeys(sweep_id).record), redis.dump(SweepKeys(sweep_id).leases)
    for write in (lambda: leases.renew(claim), lambda: leases.cancel(claim, claim.runs[0])):
        with pytest.raises(ResponseError) as refused:
            write()
        assert is_newer(refused.value)
    assert (redis.dump(SweepKeys(sweep_id).record), redis.dump(SweepKeys(sweep_id).leases)) == before


def test_reapers_leave_newer_sweeps_alone_and_look_after_the_others(
    sweeps: Sweeps, leases: Leases, redis: Redis, settings: Settings
) -> None:
    newer, known = (sweeps.create(SweepRequest(scales=[0.1])) for _ in range(2))
    for sweep_id in (newer, known):
        redis.zadd(OPEN, {sweep_id: LONG_AGO})
        redis.zadd(SWEEPS, {sweep_id: LONG_AGO})
        leases.claim(sweep_id, limit=1)
        redis.zadd(SweepKeys(sweep_id).leases, {"0": LONG_AGO})
    let_be_newer(newer, redis)
    app = celery_app(settings)
    reaper = Reaper(app, settings)
    reaper.round()
    reaper.close()
    app.close()
    assert redis.zcard(SweepKeys(newer).leases) == 1
    assert redis.zscore(OPEN, newer) == redis.zscore(SWEEPS, newer) == LONG_AGO
    assert redis.zcard(SweepKeys(known).queued) == redis.llen(QUEUE) == 1
