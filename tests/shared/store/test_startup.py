import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from redis import Redis

from noisesweep.models import OLD_SWEEPS_EXIT_CODE
from tests.support.old_redis import OldRedisDouble
from tests.support.old_store import write_schema_1
from tests.support.redis_server import RedisServer
from tests.support.roles import PASSWORD, add_user

every_part = pytest.mark.parametrize("part", ["api", "worker"])


@pytest.fixture
def old(redis_server: RedisServer) -> Iterator[OldRedisDouble]:
    double = OldRedisDouble(redis_server)
    yield double
    double.close()


def start(part: str, url: str) -> tuple[int, str]:
    """Start a process that refuses its store. Return its exit code and its only line of output."""
    environment = os.environ | {"NOISESWEEP_REDIS_URL": url}
    command = [sys.executable, "-m", part]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    (line,) = (result.stdout + result.stderr).splitlines()
    return result.returncode, line


@every_part
def test_old_store_is_refused(old: OldRedisDouble, part: str) -> None:
    code, line = start(part, old.url)
    assert code == 1
    assert line.startswith(f"noisesweep {part}: The store is too old: expected Redis 7.0 or newer, or Valkey")


@every_part
def test_store_with_sweeps_of_an_older_version_is_refused(redis: Redis, redis_server: RedisServer, part: str) -> None:
    write_schema_1(redis)
    code, line = start(part, redis_server.url)
    assert code == OLD_SWEEPS_EXIT_CODE
    assert line.startswith(f"noisesweep {part}: The store contains sweeps of an older version of noisesweep (schema 1)")
    assert "Save their results with the older version. Then use another store: " in line


@every_part
def test_store_without_functions_is_refused_if_the_user_may_not_load_them(
    redis: Redis, redis_server: RedisServer, part: str
) -> None:
    url = add_user(redis_server, "~*", "+@all", "-function")
    redis.function_flush()
    code, line = start(part, url)
    assert code == 1
    assert line.startswith(f"noisesweep {part}: The store lacks the functions of this version of noisesweep")
    assert "noisesweep-redis load" in line
    assert PASSWORD not in line
