"""Fuzz tests against the whole service: the API, a worker and Redis, each in its own process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fuzzing import FuzzedService


@pytest.fixture
def service(tmp_path: Path) -> Iterator[FuzzedService]:
    service = FuzzedService(tmp_path)
    try:
        service.start()
        yield service
    finally:
        service.close()
