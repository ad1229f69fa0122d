import time
from collections.abc import Iterator

import pytest
from redis import Redis

from noisesweep.local.launcher import free_port
from noisesweep.models import SweepRequest
from shared.settings import Settings
from shared.store.keys import LEASES, run_id
from tests.support.claims import claim_runs, reap
from tests.support.redis_server import RedisServer
from tests.support.stored_sweeps import Sweeps
from tests.support.waiting import wait_until
from worker.claims import Claim
from worker.heartbeat import Heartbeat
from worker.leases import Leases, LeaseState


def claim_two(leases: Leases, sweeps: Sweeps) -> Claim:
    return claim_runs(leases, sweeps.create(SweepRequest(scales=[0.1, 0.5])), limit=2)


@pytest.fixture
def short_lease(settings: Settings) -> Settings:
    return settings.model_copy(update={"lease_seconds": 0.6})


@pytest.fixture
def leases(short_lease: Settings) -> Iterator[Leases]:
    leases = Leases(short_lease)
    yield leases
    leases.close()


def test_a_heartbeat_keeps_a_lease_beyond_its_duration(
    leases: Leases, sweeps: Sweeps, redis: Redis, short_lease: Settings
) -> None:
    claim = claim_two(leases, sweeps)
    run = run_id(claim.sweep_id, 0)
    first = redis.zscore(LEASES, run)
    assert first is not None
    with Heartbeat(claim, leases, short_lease) as heartbeat:
        wait_until(lambda: (redis.zscore(LEASES, run) or 0) > first + 1_000_000)
        assert reap(leases).leases == 0
        assert heartbeat.state(0) is LeaseState.HELD
    assert redis.zcard(LEASES) == 2


def test_a_cancellation_is_seen_during_training(leases: Leases, sweeps: Sweeps, short_lease: Settings) -> None:
    claim = claim_two(leases, sweeps)
    with Heartbeat(claim, leases, short_lease) as heartbeat:
        assert heartbeat.state(0) is LeaseState.HELD
        sweeps.cancel(claim.sweep_id, 0)
        wait_until(lambda: heartbeat.state(0) is LeaseState.CANCELLED)
        assert heartbeat.state(1) is LeaseState.HELD


def test_a_heartbeat_renews_expired_leases_after_an_outage(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    store = RedisServer(tmp_path_factory.mktemp("redis"), free_port(), durable=True)
    settings = Settings(redis_url=store.url, lease_seconds=0.6)
    leases = Leases(settings)
    claim = claim_two(leases, Sweeps(store.client))
    run = run_id(claim.sweep_id, 0)
    with Heartbeat(claim, leases, settings) as heartbeat:
        leased_until = store.client.zscore(LEASES, run)
        assert leased_until
        store.kill()
        wait_until(lambda: time.time() * 1_000_000 > leased_until + 1_000_000)
        store.start()
        wait_until(lambda: (store.client.zscore(LEASES, run) or 0) > time.time() * 1_000_000)
        assert heartbeat.state(0) is LeaseState.HELD
    leases.close()
    store.close()
