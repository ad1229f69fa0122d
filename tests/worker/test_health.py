import pytest
from redis import Redis

from shared.store.clock import server_time
from shared.store.heartbeat import ALIVE_SECONDS
from shared.store.keys import WORKERS
from tests.conftest import RedisServer
from worker.health import fault


def seen(redis: Redis, name: str, seconds_ago: float) -> None:
    redis.zadd(WORKERS, {name: server_time(redis) - seconds_ago * 1_000_000})


def test_a_worker_that_gave_a_sign_of_life_lately_is_well(redis: Redis) -> None:
    seen(redis, "1-aaaa@here", seconds_ago=ALIVE_SECONDS - 5)
    assert fault(redis, "here") is None


def test_one_that_has_fallen_silent_is_not(redis: Redis) -> None:
    seen(redis, "1-aaaa@here", seconds_ago=ALIVE_SECONDS + 5)
    assert "no sign of life for" in (fault(redis, "here") or "")


def test_one_that_was_started_anew_on_its_host_is_well_whatever_became_of_the_first(redis: Redis) -> None:
    seen(redis, "1-aaaa@here", seconds_ago=600)
    seen(redis, "1-bbbb@here", seconds_ago=1)
    assert fault(redis, "here") is None


@pytest.mark.parametrize("other", ["1-aaaa@there", "1-aaaa@elsewhere.here.net"])
def test_another_hosts_worker_does_not_speak_for_this_one(redis: Redis, other: str) -> None:
    seen(redis, other, seconds_ago=1)
    assert fault(redis, "here") == "No worker of here has given a sign of life."


def test_without_the_store_nothing_is_well(redis_server: RedisServer) -> None:
    with Redis(port=1, socket_connect_timeout=1) as nobody:
        assert (fault(nobody, "here") or "").startswith("The store does not answer")
