from collections.abc import Iterator

import pytest
from redis import Redis

from shared.settings import Settings
from tests.support.stored_sweeps import Sweeps
from tests.support.trainer import Trainer
from worker import devices
from worker.leases import Leases
from worker.trainer.warm_stack import WarmStack

# TensorFlow is set up here as in a training process, before any test computes with it.
devices.prepare(devices.find(Settings()))


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


@pytest.fixture(scope="session")
def warm_stack() -> WarmStack:
    return WarmStack(Settings(), xla=bool(Settings().xla))


@pytest.fixture
def trainer(sweeps: Sweeps, leases: Leases, settings: Settings, warm_stack: WarmStack) -> Trainer:
    return Trainer(sweeps, leases, settings, warm_stack)
