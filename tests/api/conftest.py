from collections.abc import Iterator

import pytest

import api.sweeps.service
from shared.settings import Settings
from tests.support.training import Training
from worker.leases import Leases


@pytest.fixture(autouse=True)
def counted_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue that was full in the test before may be empty in this one."""
    monkeypatch.setattr(api.sweeps.service, "RECOUNT_SECONDS", -1.0)


@pytest.fixture
def leases(settings: Settings) -> Iterator[Leases]:
    leases = Leases(settings)
    yield leases
    leases.close()


@pytest.fixture
def training(leases: Leases) -> Training:
    return Training(leases)
