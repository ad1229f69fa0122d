"""The service on a store behind TLS: a user with a name, and a certificate of an authority that is not public."""

import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from noisesweep.local.launcher import free_port, store_binary
from noisesweep.models import RunStatus
from shared.settings import Settings
from shared.store.keys import new_sweep_id
from shared.store.queue import celery_app, publish
from tests.support.api import Served
from tests.support.redis_server import RedisServer
from tests.support.service import Service
from tests.support.tls import Authority, Pair, TlsFront
from tests.support.waiting import wait_until
from tests.support.worker import Worker
from worker.doctor.findings import Verdict
from worker.doctor.store import check_store

USER, PASSWORD = "sweeper", "p@ss/w:o#r?d%20"
SMALL = {"scales": [0.1, 1.0], "epochs": 2, "hidden_units": [16], "dataset": "digits", "reuse": False}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "authority")


@pytest.fixture(scope="module")
def server_pair(authority: Authority) -> Pair:
    return authority.issue("DNS:localhost,IP:127.0.0.1")


def url(port: int, authority: Authority) -> str:
    return f"rediss://{USER}:{quote(PASSWORD, safe='')}@localhost:{port}/0?ssl_ca_certs={authority.certificate}"


def admit_user(store: RedisServer) -> None:
    rules = ["reset", "on", f">{PASSWORD}", "~*", "&*", "+@all"]
    store.client.execute_command("ACL", "SETUSER", USER, *rules)  # type: ignore[no-untyped-call]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    store = RedisServer(tmp_path_factory.mktemp("store"))
    admit_user(store)
    yield store
    store.close()


@pytest.fixture(params=["behind a front", "by itself"])
def tls_store(
    request: pytest.FixtureRequest, tmp_path: Path, server_pair: Pair, store: RedisServer
) -> Iterator[tuple[RedisServer, int]]:
    """A store and its port for TLS."""
    if request.param == "behind a front":
        front = TlsFront(server_pair, store.port)
        yield store, front.port
        front.close()
        return
    if not speaks_tls(store_binary()):
        pytest.skip(f"{store_binary()} was built without TLS")
    port = free_port()
    files = ["--tls-cert-file", str(server_pair.certificate), "--tls-key-file", str(server_pair.key)]
    options = ["--tls-port", str(port), *files, "--tls-auth-clients", "no"]
    own = RedisServer(tmp_path, options=options)
    admit_user(own)
    yield own, port
    own.close()


def speaks_tls(binary: str) -> bool:
    """Whether a server that is told to speak TLS misses the certificate, and not the words."""
    missing = ["--tls-port", "1", "--tls-auth-clients", "no", "--tls-cert-file", "none", "--tls-key-file", "none"]
    trial = subprocess.run([binary, "--port", "0", *missing], capture_output=True, text=True, timeout=10, check=False)
    return "Failed to configure TLS" in trial.stdout


def test_a_sweep_over_tls_by_a_user_of_the_store(
    tls_store: tuple[RedisServer, int], authority: Authority, tmp_path: Path
) -> None:
    store, port = tls_store
    service = Service(tmp_path, store=store, url=url(port, authority))
    try:
        service.start_worker(processes=1)
        service.api.wait_until_ready()
        assert service.wait_for_end(service.submit(SMALL), seconds=120).status is RunStatus.SUCCEEDED
        connected = Counter(client["user"] for client in store.client.client_list())
        assert connected.keys() == {"default", USER}
        assert connected["default"] == 1  # the test's own
    finally:
        service.close_parts()
    for log in (service.api_log(), service.log()):
        assert log
        assert "insecure" not in log
        assert PASSWORD not in log
        assert quote(PASSWORD, safe="") not in log


@pytest.fixture(params=["another name", "an unknown authority"])
def false_url(
    request: pytest.FixtureRequest, tmp_path: Path, authority: Authority, store: RedisServer
) -> Iterator[str]:
    """The address of a server whose certificate is not the store's."""
    stranger = Authority(tmp_path, "stranger")
    pair = authority.issue("DNS:example.org") if request.param == "another name" else stranger.issue("DNS:localhost")
    front = TlsFront(pair, store.port)
    yield url(front.port, authority)
    front.close()


def test_a_server_that_is_not_certified_to_be_the_store_is_refused_by_all_and_told_of(
    false_url: str, store: RedisServer, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    served = Served(Settings(redis_url=false_url))
    try:
        assert served.http.get("/readyz").status_code == 503
        assert "CERTIFICATE_VERIFY_FAILED" in caplog.text
        assert "CERTIFICATE_VERIFY_FAILED" not in served.http.get("/readyz").text
    finally:
        served.close()
    caplog.clear()
    app = celery_app(Settings(redis_url=false_url))
    publish(app, {new_sweep_id(): 1})
    app.close()
    assert "CERTIFICATE_VERIFY_FAILED" in caplog.text
    reached, *_ = check_store(Settings(redis_url=false_url), own_store=None)
    assert reached.verdict is Verdict.PROBLEM
    assert "CERTIFICATE_VERIFY_FAILED" in reached.found
    worker = Worker(os.environ | {"NOISESWEEP_REDIS_URL": false_url}, tmp_path / "worker.log", processes=1)
    try:
        wait_until(lambda: "Cannot connect to rediss://" in worker.log.read_text())
        assert "CERTIFICATE_VERIFY_FAILED" in worker.log.read_text()
    finally:
        worker.close()
    assert store.client.acl_whoami() == "default"
    assert {client["user"] for client in store.client.client_list()} == {"default"}
