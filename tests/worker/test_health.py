import pytest
from redis import Redis

from shared.store.clock import server_time
from shared.store.heartbeat import ALIVE_SECONDS
from shared.store.keys import WORKERS
from tests.support.redis_server import RedisServer
from worker.health import find_problem


def add_heartbeat(redis: Redis, name: str, seconds_ago: float) -> None:
    redis.zadd(WORKERS, {name: server_time(redis) - seconds_ago * 1_000_000})


def test_a_worker_with_a_recent_heartbeat_is_healthy(redis: Redis) -> None:
    add_heartbeat(redis, "1-aaaa@here", seconds_ago=ALIVE_SECONDS - 5)
    assert find_problem(redis, "here") is None


def test_a_worker_with_an_old_heartbeat_is_unhealthy(redis: Redis) -> None:
    add_heartbeat(redis, "1-aaaa@here", seconds_ago=ALIVE_SECONDS + 5)
    assert "has not sent a heartbeat for" in (find_problem(redis, "here") or "")


def test_a_restarted_worker_is_healthy(redis: Redis) -> None:
    add_heartbeat(redis, "1-aaaa@here", seconds_ago=600)
    add_heartbeat(redis, "1-bbbb@here", seconds_ago=1)
    assert find_problem(redis, "here") is None


@pytest.mark.parametrize("other", ["1-aaaa@there", "1-aaaa@elsewhere.here.net"])
def test_a_worker_on_another_host_does_not_count(redis: Redis, other: str) -> None:
    add_heartbeat(redis, other, seconds_ago=1)
    assert find_problem(redis, "here") == "No worker on here has sent a heartbeat."


def test_an_unreachable_store_is_a_problem(redis_server: RedisServer) -> None:
    with Redis(port=1, socket_connect_timeout=1) as unreachable:
        assert (find_problem(unreachable, "here") or "").startswith("The store does not answer")
