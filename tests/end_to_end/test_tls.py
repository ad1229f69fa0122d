"""The service on a store with TLS, a named user, and a certificate from a private authority."""

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
from shared.store.queue import celery_app, publish
from tests.support.api import ApiThread
from tests.support.redis_server import RedisServer
from tests.support.service import Service
from tests.support.tls import CertificateAuthority, KeyPair, TlsProxy
from tests.support.waiting import wait_until
from tests.support.worker import Worker
from worker.doctor.findings import Verdict
from worker.doctor.store import check_store

USER, PASSWORD = "sweeper", "p@ss/w:o#r?d%20"
SMALL = {"scales": [0.1, 1.0], "epochs": 2, "hidden_units": [16], "dataset": "digits", "reuse": False}


@pytest.fixture(scope="module")
def server_pair(authority: CertificateAuthority) -> KeyPair:
    return authority.issue("DNS:localhost,IP:127.0.0.1")


def url(port: int, authority: CertificateAuthority) -> str:
    return f"rediss://{USER}:{quote(PASSWORD, safe='')}@localhost:{port}/0?ssl_ca_certs={authority.certificate}"


def create_user(store: RedisServer) -> None:
    rules = ["reset", "on", f">{PASSWORD}", "~*", "&*", "+@all"]
    store.client.execute_command("ACL", "SETUSER", USER, *rules)  # type: ignore[no-untyped-call]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    store = RedisServer(tmp_path_factory.mktemp("store"))
    create_user(store)
    yield store
    store.close()


@pytest.fixture(params=["tls proxy", "native tls"])
def tls_store(
    request: pytest.FixtureRequest, tmp_path: Path, server_pair: KeyPair, store: RedisServer
) -> Iterator[tuple[RedisServer, int]]:
    """Yield a store and its TLS port."""
    if request.param == "tls proxy":
        proxy = TlsProxy(server_pair, store.port)
        yield store, proxy.port
        proxy.close()
        return
    if not supports_tls(store_binary()):
        pytest.skip(f"{store_binary()} was built without TLS")
    port = free_port()
    files = ["--tls-cert-file", str(server_pair.certificate), "--tls-key-file", str(server_pair.key)]
    options = ["--tls-port", str(port), *files, "--tls-auth-clients", "no"]
    own = RedisServer(tmp_path, options=options)
    create_user(own)
    yield own, port
    own.close()


def supports_tls(binary: str) -> bool:
    """Return true if the server was built with TLS: it then fails on the missing certificate, not on the options."""
    missing = ["--tls-port", "1", "--tls-auth-clients", "no", "--tls-cert-file", "none", "--tls-key-file", "none"]
    trial = subprocess.run([binary, "--port", "0", *missing], capture_output=True, text=True, timeout=10, check=False)
    return "Failed to configure TLS" in trial.stdout


def test_sweep_is_trained_over_tls_as_named_user(
    tls_store: tuple[RedisServer, int], authority: CertificateAuthority, tmp_path: Path
) -> None:
    store, port = tls_store
    service = Service(tmp_path, store=store, url=url(port, authority))
    try:
        service.start_worker(processes=1)
        service.api.wait_until_ready()
        assert service.wait_for_end(service.submit(SMALL), seconds=120).status is RunStatus.SUCCEEDED
        connected = Counter(client["user"] for client in store.client.client_list())
        assert connected.keys() == {"default", USER}
        assert connected["default"] == 1  # the connection of the test
    finally:
        service.close_parts()
    for log in (service.api_log(), service.log()):
        assert log
        assert "insecure" not in log
        assert PASSWORD not in log
        assert quote(PASSWORD, safe="") not in log


@pytest.fixture(params=["wrong host name", "unknown authority"])
def untrusted_url(
    request: pytest.FixtureRequest, tmp_path: Path, authority: CertificateAuthority, store: RedisServer
) -> Iterator[str]:
    """Yield the URL of a server whose certificate is not valid for the store."""
    unknown = CertificateAuthority(tmp_path, "unknown")
    pair = authority.issue("DNS:example.org") if request.param == "wrong host name" else unknown.issue("DNS:localhost")
    proxy = TlsProxy(pair, store.port)
    yield url(proxy.port, authority)
    proxy.close()


def test_untrusted_certificate_is_rejected_and_reported(
    untrusted_url: str, store: RedisServer, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    served = ApiThread(Settings(redis_url=untrusted_url))
    try:
        assert served.http.get("/readyz").status_code == 503
        assert "CERTIFICATE_VERIFY_FAILED" in caplog.text
        assert "CERTIFICATE_VERIFY_FAILED" not in served.http.get("/readyz").text
    finally:
        served.close()
    caplog.clear()
    app = celery_app(Settings(redis_url=untrusted_url))
    publish(app, 1)
    app.close()
    assert "CERTIFICATE_VERIFY_FAILED" in caplog.text
    reached, *_ = check_store(Settings(redis_url=untrusted_url), own_store=None)
    assert reached.verdict is Verdict.PROBLEM
    assert "CERTIFICATE_VERIFY_FAILED" in reached.found
    worker = Worker(os.environ | {"NOISESWEEP_REDIS_URL": untrusted_url}, tmp_path / "worker.log", processes=1)
    try:
        wait_until(lambda: "Cannot connect to rediss://" in worker.log.read_text())
        assert "CERTIFICATE_VERIFY_FAILED" in worker.log.read_text()
    finally:
        worker.close()
    assert store.client.acl_whoami() == "default"
    assert {client["user"] for client in store.client.client_list()} == {"default"}
