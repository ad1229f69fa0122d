"""Permissions of the running containers, and contents of their images."""

import json
import re
import subprocess
from itertools import combinations
from pathlib import Path

import pytest

from noisesweep.models import Sweep
from tests.support.compose import Project, inspect

SERVICES = ["redis", "api", "worker"]
# Docker mounts these memory file systems in every container.
SHARED_MEMORY = {"/dev/mqueue", "/dev/shm"}  # noqa: S108
WRITABLE = {
    "redis": {"/data", "/run/noisesweep/api", "/run/noisesweep/worker", "/tmp"},  # noqa: S108
    "api": {"/cache", "/tmp"},  # noqa: S108
    "worker": {"/cache", "/tmp"},  # noqa: S108
}
# Writable folders outside /proc.
FIND_WRITABLE = "find / -path /proc -prune -o -type d -writable -print 2>/dev/null; true"


@pytest.mark.parametrize("service", SERVICES)
def test_processes_have_no_root_user_and_no_capabilities(project: Project, service: str) -> None:
    statuses = project.run(service, "sh", "-c", "cat /proc/[0-9]*/status").split("Name:")[1:]
    assert statuses
    for status in statuses:
        fields = dict(re.findall(r"^(\w+):\s*(.*)$", status, re.MULTILINE))
        assert "0" not in fields["Uid"].split()
        assert int(fields["CapEff"], 16) == int(fields["CapPrm"], 16) == int(fields["CapBnd"], 16) == 0
        assert fields["NoNewPrivs"] == "1"
        assert fields["Seccomp"] == "2"


@pytest.mark.parametrize("service", SERVICES)
def test_only_expected_folders_are_writable(project: Project, undisturbed: Sweep, service: str) -> None:
    found = project.run(service, "sh", "-c", FIND_WRITABLE).split()
    roots = {folder for folder in found if not any(folder.startswith(f"{other}/") for other in found)}
    assert roots - SHARED_MEMORY == WRITABLE[service]


def test_only_the_api_is_published_and_only_on_loopback(project: Project) -> None:
    published = {}
    for service in SERVICES:
        (container,) = inspect("container", *project.containers(service))
        ports = container["NetworkSettings"]["Ports"] or {}
        published[service] = [(each["HostIp"], port) for port, each in list_bindings(ports)]
    assert published == {"redis": [], "api": [("127.0.0.1", "8000/tcp")], "worker": []}


def list_bindings(ports: dict[str, list[dict[str, str]] | None]) -> list[tuple[str, dict[str, str]]]:
    """Return a pair of port and host binding for each binding."""
    return [(port, binding) for port, bindings in ports.items() for binding in bindings or []]


# Exits with 0 if the address accepts a connection.
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3)"
CONNECTED = {
    ("redis", "api"), ("redis", "worker"), ("redis", "worker-gpu"), ("worker", "worker-gpu"), ("api", "prometheus"),
}  # fmt: skip
VARIANTS = [(), ("docker-compose.tls.yml",), ("docker-compose.loopback.yml",)]


def test_worker_reaches_the_store_but_not_the_api(project: Project) -> None:
    addresses = {
        service: {
            network["IPAddress"]: network["Gateway"] for network in container["NetworkSettings"]["Networks"].values()
        }
        for service in SERVICES
        for container in inspect("container", *project.containers(service))
    }
    project.run("worker", "python", "-c", CONNECT, "redis", "6379")
    project.run("api", "python", "-c", CONNECT, "redis", "6379")
    project.run("api", "python", "-c", CONNECT, "api", "8000")
    ports = [(address, "8000") for address in ("api", *addresses["api"])]
    ports += [(gateway, str(project.port)) for gateway in addresses["worker"].values()]
    for address, port in ports:
        with pytest.raises(AssertionError, match=r"gaierror|TimeoutError|timed out|refused|unreachable"):
            project.run("worker", "python", "-c", CONNECT, address, port)


@pytest.mark.parametrize("files", VARIANTS, ids=lambda files: " ".join(files) or "default")
def test_only_services_that_need_each_other_share_a_network(tmp_path: Path, files: tuple[str, ...]) -> None:
    environment = {"NOISESWEEP_TLS_DIR": str(tmp_path)}
    variant = Project(tmp_path, environment, "docker-compose.yml", *files)
    config = json.loads(variant.compose("--profile", "*", "config", "--format", "json"))
    variant.http.close()
    networks = {name: set(service["networks"]) for name, service in config["services"].items()}
    pairs = {frozenset(pair) for pair in combinations(networks, 2) if networks[pair[0]] & networks[pair[1]]}
    assert pairs == {frozenset(pair) for pair in CONNECTED}


def test_memory_and_processes_are_limited(project: Project) -> None:
    for service in SERVICES:
        (container,) = inspect("container", *project.containers(service))
        assert container["HostConfig"]["Memory"] > 0
        assert container["HostConfig"]["PidsLimit"] > 0


def test_passwords_are_in_no_environment_and_no_command(project: Project) -> None:
    passwords = [
        re.findall(r":([0-9a-f]{64})@", project.run("redis", "noisesweep-redis", "url", role))[0]
        for role in ("api", "worker", "metrics")
    ]
    assert len(set(passwords)) == 3
    for service in SERVICES:
        (container,) = inspect("container", *project.containers(service))
        visible = str(container) + project.run(service, "sh", "-c", "cat /proc/[0-9]*/cmdline")
        assert not any(password in visible for password in passwords)


def test_short_password_is_rejected(project: Project) -> None:
    with pytest.raises(AssertionError, match="shorter than 32 characters"):
        project.compose("run", "--rm", "--no-TTY", "--env", "NOISESWEEP_REDIS_PASSWORD=guessme", "redis", "serve")


@pytest.mark.parametrize(("service", "other"), [("api", "worker"), ("worker", "api")])
def test_role_has_only_its_own_secret(project: Project, service: str, other: str) -> None:
    secrets = project.run(service, "sh", "-c", "cat /run/secrets/*")
    assert secrets.startswith(f"redis://{service}:")
    assert f"//{other}:" not in secrets


def test_default_redis_user_is_disabled(project: Project) -> None:
    assert "NOAUTH" in project.run("redis", "redis-cli", "ping")


def test_api_image_is_small_and_has_no_tensorflow(project: Project) -> None:
    with pytest.raises(AssertionError, match="No module named 'tensorflow'"):
        project.run("api", "python", "-c", "import tensorflow")
    base, api = inspect("image", "python:3.11-slim-bookworm", "noisesweep-api")
    assert api["Size"] - base["Size"] < 450e6


def test_code_change_reuses_the_package_layer() -> None:
    """Check that each image copies the environment before the code."""
    for image in ("noisesweep-api", "noisesweep-worker"):
        history = subprocess.run(
            ["docker", "history", "--no-trunc", "--format", "{{.CreatedBy}}", image],
            capture_output=True, text=True, check=True,
        ).stdout.splitlines()  # fmt: skip
        steps = [line for line in reversed(history) if line.startswith("COPY")]
        assert "/opt/noisesweep" in steps[0]
        assert all("/opt/noisesweep" not in step for step in steps[1:])
