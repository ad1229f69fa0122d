"""The API with few open files."""

import os
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from api.limits import Limits
from api.open_files import RESERVED, fit_open_files
from noisesweep.local.launcher import LOOPBACK
from shared.settings import Settings
from tests.support.api import ApiProcess
from tests.support.waiting import wait_until

HARD_LIMIT = 2 * RESERVED + 50


@pytest.fixture
def api_with_few_files(settings: Settings, tmp_path: Path) -> Iterator[ApiProcess]:
    served = ApiProcess(
        os.environ | {"NOISESWEEP_REDIS_URL": settings.redis_url.get_secret_value()},
        tmp_path / "log",
        command_prefix=["prlimit", f"--nofile=32:{HARD_LIMIT}"],
    )
    served.wait_until_ready()
    yield served
    served.close()


def test_many_connections_leave_files_for_the_store(api_with_few_files: ApiProcess) -> None:
    http = api_with_few_files.http
    address = (LOOPBACK, httpx.URL(api_with_few_files.url).port or 0)
    sweep = http.post("/sweeps", json={"scales": [0.5]}).headers["Location"]
    with ExitStack() as cleanup:
        for _ in range(HARD_LIMIT):
            cleanup.enter_context(socket.create_connection(address, timeout=10))
        refused = f"Refused a connection: all {HARD_LIMIT - RESERVED} are in use"
        wait_until(lambda: refused in api_with_few_files.log.read_text())
        assert http.get(sweep).status_code == 200  # on the connection that was opened before the others
        assert http.get("/readyz").status_code == 200
    assert f"The limit of open files is {HARD_LIMIT}" in api_with_few_files.log.read_text()
    with httpx.Client(base_url=http.base_url, trust_env=False) as other:
        wait_until(lambda: _is_served(other))


def _is_served(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").is_success
    except httpx.TransportError:
        return False


def test_soft_limit_of_open_files_is_raised() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    limits = Limits(connections=300)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (RESERVED + 299, before[1]))
        assert fit_open_files(limits) == limits
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == RESERVED + 300
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
