"""The service with a user of the store for each role, as deploy/redis/roles gives them."""

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
from tests.support.api import Served
from tests.support.fleet import TIMES
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until
from tests.support.worker import Worker

ROLES = Path(__file__).parents[2] / "deploy" / "redis" / "roles"
SWEEP = {"scales": [0.1, 1.0], "dataset": "digits", "epochs": 2, "hidden_units": [16], "tags": {"by": "role"}}


class Roles:
    """A store that nobody enters without a role, and the passwords of those."""

    def __init__(self, folder: Path) -> None:
        self.server = RedisServer(folder)
        self.passwords = {path.name: secrets.token_hex(8) for path in ROLES.iterdir()}
        for role, password in self.passwords.items():
            lines = (ROLES / role).read_text().splitlines()
            rules = [rule for line in lines if not line.startswith("#") for rule in line.split()]
            self.server.client.execute_command("ACL", "SETUSER", role, "reset", "on", f">{password}", *rules)  # type: ignore[no-untyped-call]
        # The tests' own connection stays; new ones are refused.
        self.server.client.execute_command("ACL", "SETUSER", "default", "resetpass")  # type: ignore[no-untyped-call]

    def url(self, role: str) -> str:
        return self.server.url.replace("redis://", f"redis://{role}:{self.passwords[role]}@")

    def client(self, role: str) -> "closing[Redis]":
        return closing(Redis.from_url(self.url(role), decode_responses=True))

    def refusals(self) -> object:
        """What was refused to anybody since the last time."""
        log = self.server.client.acl_log()
        self.server.client.acl_log_reset()
        return log


@pytest.fixture(scope="module")
def roles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Roles]:
    roles = Roles(tmp_path_factory.mktemp("roles"))
    yield roles
    roles.server.close()


def test_the_api_and_a_worker_do_all_they_have_to_and_nothing_is_refused(roles: Roles, tmp_path: Path) -> None:
    served = Served(Settings(redis_url=SecretStr(roles.url("api"))))
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
        assert worker.terminate() == 0  # hands its run back, and publishes a message for it
        served.http.post(f"{waiting}/cancel").raise_for_status()
        served.http.post(f"{waiting}/retry").raise_for_status()
        served.http.post(f"{waiting}/cancel").raise_for_status()
        served.http.delete(waiting).raise_for_status()
    finally:
        worker.close()
        served.close()
    assert roles.refusals() == []


@pytest.mark.parametrize(
    ("role", "command"),
    [
        ("api", ["FLUSHALL"]),
        ("api", ["CONFIG", "GET", "*"]),
        ("api", ["SET", PACE, "x"]),
        ("api", ["GET", "somebody-elses"]),
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
def test_what_is_not_a_roles_business_is_refused_to_it(roles: Roles, role: str, command: list[str]) -> None:
    with roles.client(role) as client, pytest.raises(NoPermissionError):
        client.execute_command(*command)  # type: ignore[no-untyped-call]
    assert roles.refusals() != []


def test_a_script_may_do_no_more_than_who_calls_it(roles: Roles) -> None:
    with roles.client("worker") as client, pytest.raises(Exception, match=r"(?i)acl|perm"):
        client.eval("return redis.call('GET', KEYS[1])", 1, idempotency("", "once"))
    assert roles.refusals() != []


def test_metrics_sees_how_the_server_is(roles: Roles) -> None:
    with roles.client("metrics") as client:
        assert client.info()["used_memory"] > 0


def test_nobody_enters_without_a_role(roles: Roles) -> None:
    with closing(Redis.from_url(roles.server.url)) as client, pytest.raises(AuthenticationError):
        client.ping()
