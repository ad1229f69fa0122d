"""The service with one Redis user per role, with the permissions in deploy/redis/roles."""

import os
import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError

from shared.settings import Settings
from shared.store.keys import COUNTERS, PACE, idempotency
from tests.support.api import ApiThread
from tests.support.fleet import TIMES
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until
from tests.support.worker import Worker

ROLES = Path(__file__).parents[2] / "deploy" / "redis" / "roles"
SWEEP = {"scales": [0.1, 1.0], "dataset": "digits", "epochs": 2, "hidden_units": [16], "tags": {"by": "role"}}


class Roles:
    """Store with one user per role and no default user.

    Attributes:
        server: The server, with a connection from before the default user was disabled.
        passwords: Passwords by role.
    """

    def __init__(self, folder: Path) -> None:
        self.server = RedisServer(folder)
        self.passwords = {path.name: secrets.token_hex(8) for path in ROLES.iterdir()}
        for role, password in self.passwords.items():
            lines = (ROLES / role).read_text().splitlines()
            rules = [rule for line in lines if not line.startswith("#") for rule in line.split()]
            self.server.client.execute_command("ACL", "SETUSER", role, "reset", "on", f">{password}", *rules)  # type: ignore[no-untyped-call]
        # The open connection of the test stays authenticated. New connections are rejected.
        self.server.client.execute_command("ACL", "SETUSER", "default", "resetpass")  # type: ignore[no-untyped-call]

    def url(self, role: str) -> str:
        return self.server.url.replace("redis://", f"redis://{role}:{self.passwords[role]}@")

    def client(self, role: str) -> "closing[Redis]":
        return closing(Redis.from_url(self.url(role), decode_responses=True))

    def pop_denials(self) -> object:
        """Return and clear the log of commands that the ACL has denied."""
        log = self.server.client.acl_log()
        self.server.client.acl_log_reset()
        return log


@pytest.fixture(scope="module")
def roles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Roles]:
    roles = Roles(tmp_path_factory.mktemp("roles"))
    yield roles
    roles.server.close()


def test_roles_permit_everything_the_service_does(roles: Roles, tmp_path: Path) -> None:
    served = ApiThread(Settings(redis_url=SecretStr(roles.url("api"))))
    environment = os.environ | TIMES | {"NOISESWEEP_REDIS_URL": roles.url("worker")}
    worker = Worker(environment, tmp_path / "worker.log", processes=1)
    try:
        answer = served.http.post("/sweeps", json=SWEEP, headers={"Idempotency-Key": "once"}).raise_for_status()
        sweep = answer.headers["Location"]
        wait_until(lambda: served.http.get(sweep).json()["status"] == "succeeded", seconds=60)
        served.http.post(f"{sweep}/runs", json={"scales": [2.0]}).raise_for_status()
        wait_until(lambda: len(served.http.get(sweep).json()["runs"]) == 3)
        wait_until(lambda: served.http.get(sweep).json()["status"] == "succeeded", seconds=60)
        served.http.get(f"{sweep}/events", headers={"Accept": "application/json"}).raise_for_status()
        for path in ("", "/plot", "/summary", "/results"):
            served.http.get(sweep + path).raise_for_status()
        for path in ("/sweeps", "/queue", "/workers", "/metrics", "/readyz"):
            served.http.get(path).raise_for_status()
        waiting = served.http.post("/sweeps", json=SWEEP | {"epochs": 200, "reuse": False}).headers["Location"]
        wait_until(lambda: served.http.get(waiting).json()["status"] == "running", seconds=60)
        assert worker.terminate() == 0  # requeues its run and publishes a message for it
        served.http.post(f"{waiting}/cancel").raise_for_status()
        served.http.post(f"{waiting}/retry").raise_for_status()
        served.http.post(f"{waiting}/cancel").raise_for_status()
        served.http.delete(waiting).raise_for_status()
    finally:
        worker.close()
        served.close()
    assert roles.pop_denials() == []


@pytest.mark.parametrize(
    ("role", "command"),
    [
        ("api", ["FLUSHALL"]),
        ("api", ["CONFIG", "GET", "*"]),
        ("api", ["SET", PACE, "x"]),
        ("api", ["GET", "unrelated-key"]),
        ("worker", ["KEYS", "*"]),
        ("worker", ["GET", idempotency("", "once")]),
        ("worker", ["ACL", "LIST"]),
        ("worker", ["PUBLISH", "celery", "shutdown"]),
        ("worker", ["SCRIPT", "FLUSH"]),
        ("metrics", ["HGETALL", COUNTERS]),
        ("metrics", ["CLIENT", "KILL", "ID", "1"]),
        ("metrics", ["CONFIG", "GET", "*"]),
    ],
)
def test_roles_deny_other_commands_and_keys(roles: Roles, role: str, command: list[str]) -> None:
    with roles.client(role) as client, pytest.raises(NoPermissionError):
        client.execute_command(*command)  # type: ignore[no-untyped-call]
    assert roles.pop_denials() != []


def test_script_has_no_more_permissions_than_its_caller(roles: Roles) -> None:
    with roles.client("worker") as client, pytest.raises(Exception, match=r"(?i)acl|perm"):
        client.eval("return redis.call('GET', KEYS[1])", 1, idempotency("", "once"))
    assert roles.pop_denials() != []


def test_metrics_role_can_read_server_info(roles: Roles) -> None:
    with roles.client("metrics") as client:
        assert client.info()["used_memory"] > 0


def test_connection_without_a_role_is_rejected(roles: Roles) -> None:
    with closing(Redis.from_url(roles.server.url)) as client, pytest.raises(AuthenticationError):
        client.ping()
