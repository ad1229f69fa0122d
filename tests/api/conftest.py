from collections.abc import Iterator

import pytest

from shared.settings import Settings
from tests.support.training import Training
from worker.leases import Leases


@pytest.fixture
def leases(settings: Settings) -> Iterator[Leases]:
    leases = Leases(settings)
    yield leases
    leases.close()


@pytest.fixture
def training(leases: Leases) -> Training:
    return Training(leases)
