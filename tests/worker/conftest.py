from collections.abc import Iterator
from typing import cast

import pytest
from redis import Redis

from shared.keys import SweepKeys, new_sweep_id
from shared.models import SweepRequest
from shared.scripts import Script, source
from shared.settings import Settings
from worker import devices
from worker.leases import Leases

# TensorFlow is set up here as in a training process, before any test computes with it.
devices.prepare(devices.find(Settings()))


class Sweeps:
    """Writes sweeps as the API does, and reads what has become of them, key by key."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self._create = redis.register_script(source(Script.CREATE))
        self._cancel = redis.register_script(source(Script.CANCEL))

    def create(self, request: SweepRequest) -> str:
        sweep_id = new_sweep_id()
        assert self.write(sweep_id, request) == 1
        return sweep_id

    def write(self, sweep_id: str, request: SweepRequest) -> int:
        grid = [field for pair in request.grid() for field in pair]
        arguments = [request.model_dump_json(), "1", "", "", "", *grid]
        return int(self._create(keys=SweepKeys(sweep_id).for_scripts, args=arguments))

    def cancel(self, sweep_id: str, *indices: int) -> int:
        return int(self._cancel(keys=SweepKeys(sweep_id).for_scripts, args=indices)[0])

    def run(self, sweep_id: str, index: int) -> dict[str, str]:
        return cast("dict[str, str]", self.redis.hgetall(SweepKeys(sweep_id).run(index)))

    def epochs(self, sweep_id: str, index: int) -> list[str]:
        return cast("list[str]", self.redis.lrange(SweepKeys(sweep_id).epochs(index), 0, -1))

    def events(self, sweep_id: str) -> list[tuple[str, str]]:
        entries = cast("list[tuple[str, dict[str, str]]]", self.redis.xrange(SweepKeys(sweep_id).events))
        return [(event["type"], event["index"]) for _, event in entries]


@pytest.fixture
def sweeps(redis: Redis) -> Sweeps:
    return Sweeps(redis)


@pytest.fixture
def leases(settings: Settings) -> Iterator[Leases]:
    leases = Leases(settings)
    yield leases
    leases.close()


@pytest.fixture
def redis_bytes(redis: Redis, settings: Settings) -> Iterator[Redis]:
    """A client of the same store that leaves what it reads as bytes."""
    client: Redis = Redis.from_url(settings.redis_url.get_secret_value())
    yield client
    client.close()
