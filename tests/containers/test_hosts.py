"""Workers on another host than the store, and workers outside containers."""

import ipaddress
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from noisesweep.local.launcher import free_port
from noisesweep.models import Sweep
from tests.support.compose import Project
from tests.support.tls import CertificateAuthority
from tests.support.worker import Worker

SWEEP: dict[str, object] = {"scales": [0.1, 1.0], "dataset": "digits", "epochs": 5, "reuse": False}


@pytest.fixture
def gateway() -> str:
    """Return the address of this host for containers outside the network of the service."""
    answer = subprocess.run(["docker", "network", "inspect", "bridge"], capture_output=True, check=True)
    subnet = ipaddress.ip_network(json.loads(answer.stdout)[0]["IPAM"]["Config"][0]["Subnet"])
    return str(next(subnet.hosts()))


@pytest.fixture
def remote_worker(tmp_path: Path, gateway: str) -> Iterator[tuple[Project, Project]]:
    """Yield a service with TLS and without a worker, and a separate worker that knows only its Redis URL."""
    authority = CertificateAuthority(tmp_path, "ca")
    certificate, key = authority.issue(f"IP:{gateway}")
    certificate.rename(tmp_path / "redis.crt")
    key.rename(tmp_path / "redis.key").chmod(0o644)
    (tmp_path / "ca.key").unlink()
    tmp_path.chmod(0o755)
    port = free_port()
    tls = {"NOISESWEEP_TLS_DIR": str(tmp_path), "NOISESWEEP_TLS_ADDRESS": gateway, "NOISESWEEP_TLS_PORT": str(port)}
    service = Project(tmp_path, tls, "docker-compose.yml", "docker-compose.tls.yml")
    try:
        service.up("--build", "redis", "api")
        url = service.run("redis", "noisesweep-redis", "tls-url", "worker", f"{gateway}:{port}").strip()
        worker = Project(tmp_path, tls | {"NOISESWEEP_REDIS_URL": url}, "docker-compose.worker.yml")
        try:
            worker.up("--build", "worker")
            yield service, worker
        finally:
            worker.close()
    finally:
        service.close()


def wait_for_end(service: Project, sweep_id: str, host: str) -> Sweep:
    """Wait until the sweep has succeeded on a worker of this host."""
    sweep = service.wait_for_end_with_retries(sweep_id)
    assert sweep.status == "succeeded"
    assert {run.worker.split("@")[1] for run in sweep.runs if run.worker} == {host}
    return sweep


def test_worker_on_another_host_trains_over_tls(remote_worker: tuple[Project, Project]) -> None:
    service, worker = remote_worker
    wait_for_end(service, service.submit(SWEEP), worker.run("worker", "hostname").strip())


def test_worker_outside_containers_trains(tmp_path: Path) -> None:
    # On a Mac, containers cannot use the GPU.
    port = free_port()
    loopback = {"NOISESWEEP_REDIS_PORT": str(port)}
    service = Project(tmp_path, loopback, "docker-compose.yml", "docker-compose.loopback.yml")
    try:
        service.up("--build", "redis", "api")
        url = service.run("redis", "noisesweep-redis", "url", "worker", f"127.0.0.1:{port}").strip()
        environment = os.environ | {"NOISESWEEP_REDIS_URL": url}
        worker = Worker(environment, tmp_path / "worker.log", processes=1)
        try:
            wait_for_end(service, service.submit(SWEEP), os.uname().nodename)
        finally:
            worker.close()
    finally:
        service.close()
