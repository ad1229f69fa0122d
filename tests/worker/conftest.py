from collections.abc import Iterator

import pytest
from redis import Redis

from noisesweep.models import DatasetFacts
from shared.datasets import Dataset
from shared.settings import Settings
from tests.support.stored_sweeps import Sweeps
from tests.support.trainer import Trainer
from worker import devices
from worker.leases import Leases
from worker.trainer.stack_cache import StackCache

# Set up TensorFlow as in a training process before any test uses it.
devices.prepare(devices.find(Settings()))


@pytest.fixture
def redis_bytes(redis: Redis, settings: Settings) -> Iterator[Redis]:
    """Yield a client of the same store that does not decode replies."""
    client: Redis = Redis.from_url(settings.redis_url.get_secret_value())
    yield client
    client.close()


def no_added_data(facts: DatasetFacts) -> Dataset:
    raise AssertionError(f"These tests have no data set {facts.name}.")


@pytest.fixture(scope="session")
def stack_cache() -> StackCache:
    return StackCache(Settings(), no_added_data, xla=bool(Settings().xla))


@pytest.fixture
def trainer(sweeps: Sweeps, leases: Leases, settings: Settings, stack_cache: StackCache) -> Trainer:
    return Trainer(sweeps, leases, settings, stack_cache)
