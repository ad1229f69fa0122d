from collections.abc import Iterator

import pytest

from shared.settings import Settings
from tests.api.conformance.routes import Service
from tests.support.api import ApiThread
from tests.support.redis_server import RedisServer
from tests.support.training import Training
from worker.leases import Leases


@pytest.fixture(scope="module")
def service(redis_server: RedisServer) -> Iterator[Service]:
    redis_server.client.flushall()
    settings = Settings(redis_url=redis_server.url, cors_origins=["https://lab.example"])
    api, leases = ApiThread(settings), Leases(settings)
    sweep = api.http.post("/sweeps", json={"scales": [0.5], "dataset": "digits", "keep_model": True}).json()
    Training(leases).epochs(sweep["links"]["self"], runs=1, epochs=2, end=True, model=b"PK")
    other = api.http.post("/sweeps", json={"scales": [0.5]}).json()
    yield Service(api, sweep["id"], other["id"])
    leases.close()
    api.close()
