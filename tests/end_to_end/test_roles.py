"""The service with one Redis user per role, with the permissions in deploy/redis/roles."""

import os
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError

from noisesweep.models import SweepRequest
from shared.settings import Settings
from shared.store.functions import LIBRARY, Function
from shared.store.keys import BYTES, COUNTERS, LEASES, PACES, SCHEMA, SWEEPS, SweepKeys
from tests.support.api import ApiThread
from tests.support.fleet import TIMES
from tests.support.roles import Roles
from tests.support.stored_sweeps import Sweeps
from tests.support.waiting import wait_until
from tests.support.worker import Worker

SWEEP = {"scales": [0.1, 1.0], "dataset": "digits", "epochs": 2, "hidden_units": [16], "tags": {"by": "role"}}
LONG = SWEEP | {"epochs": 200, "reuse": False}
ENDLESS = "#!lua name=endless\nredis.register_function('endless', function() while true do end end)"


@pytest.fixture(scope="module")
def roles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Roles]:
    roles = Roles(tmp_path_factory.mktemp("roles"))
    roles.load_functions()
    yield roles
    roles.server.close()


@pytest.fixture
def http(roles: Roles) -> Iterator[httpx.Client]:
    """Yield a client of an API with the role `api`."""
    served = ApiThread(Settings(redis_url=roles.url("api")))
    yield served.http
    served.close()


@pytest.fixture
def worker(roles: Roles, tmp_path: Path) -> Iterator[Worker]:
    """Yield a worker with the role `worker`."""
    environment = os.environ | TIMES | {"NOISESWEEP_REDIS_URL": roles.url("worker")}
    worker = Worker(environment, tmp_path / "worker.log", processes=1)
    yield worker
    worker.close()


def test_roles_permit_everything_the_service_does(roles: Roles, http: httpx.Client, worker: Worker) -> None:
    body = SWEEP | {"keep_model": True}
    answer = http.post("/sweeps", json=body, headers={"Idempotency-Key": "once"}).raise_for_status()
    again = http.post("/sweeps", json=body, headers={"Idempotency-Key": "once"})
    sweep = answer.headers["Location"]
    assert again.headers["Location"] == sweep
    wait_until(lambda: http.get(sweep).json()["status"] == "succeeded", seconds=60)
    http.post(f"{sweep}/runs", json={"scales": [2.0]}).raise_for_status()
    wait_until(lambda: len(http.get(sweep).json()["runs"]) == 3)
    wait_until(lambda: http.get(sweep).json()["status"] == "succeeded", seconds=60)
    assert http.post("/sweeps", json=SWEEP).raise_for_status().json()["runs"][0]["reused_from"]
    http.get(f"{sweep}/events", headers={"Accept": "application/json"}).raise_for_status()
    run = http.get(sweep).json()["runs"][0]["id"]
    for path in (f"/runs/{run}", f"/runs/{run}/model", f"{sweep}/plot", f"{sweep}/summary", f"{sweep}/results"):
        http.get(path).raise_for_status()
    for path in ("/sweeps", "/queue", "/workers", "/metrics", "/readyz", "/estimate?scales=1"):
        http.get(path)
    waiting = http.post("/sweeps", json=LONG).headers["Location"]
    wait_until(lambda: http.get(waiting).json()["status"] == "running", seconds=60)
    killed = worker.training_processes()[0]
    killed.kill()  # a reaper requeues its run
    wait_until(lambda: any(run["attempts"] > 1 for run in http.get(waiting).json()["runs"]), seconds=60)
    assert worker.terminate() == 0  # requeues its run and publishes a message for it
    http.post(f"{waiting}/cancel").raise_for_status()
    http.post(f"{waiting}/retry").raise_for_status()
    http.post(f"{waiting}/cancel").raise_for_status()
    http.delete(waiting).raise_for_status()
    http.delete(sweep).raise_for_status()
    assert roles.pop_denials() == []


def test_missing_functions_are_reported_until_an_administrator_loads_them(
    roles: Roles, http: httpx.Client, worker: Worker
) -> None:
    sweep = http.post("/sweeps", json=LONG).headers["Location"]

    def epochs_done() -> int:
        return int(http.get(sweep).raise_for_status().json()["progress"]["epochs_done"])

    wait_until(lambda: epochs_done() > 0, seconds=60)
    before = epochs_done()
    roles.server.client.function_flush()
    for response in (http.get(sweep), http.get("/queue"), http.post("/sweeps", json=SWEEP)):
        assert response.status_code == 503
        problem = response.json()
        assert problem["type"] == "/problems/store-without-functions"
        assert "noisesweep-redis load" in problem["detail"]
        assert http.get(problem["type"]).is_success
    wait_until(lambda: "The store lacks the functions of this version of noisesweep" in worker.log.read_text())
    roles.load_functions()
    wait_until(lambda: epochs_done() > before, seconds=60)
    (attempts,) = {run["attempts"] for run in http.get(sweep).json()["runs"] if run["status"] == "running"}
    assert attempts == 1  # training has waited, and no lease was lost
    http.post(f"{sweep}/cancel").raise_for_status()
    wait_until(lambda: http.delete(sweep).is_success, seconds=60)
    roles.pop_denials()  # the attempts to load the library


@pytest.mark.parametrize("role", ["api", "worker"])
@pytest.mark.parametrize(
    "command",
    [
        ["EVAL", "while true do end", "0"],
        ["EVAL_RO", "while true do end", "0"],
        ["EVALSHA", "0" * 40, "0"],
        ["SCRIPT", "LOAD", "while true do end"],
        ["SCRIPT", "FLUSH"],
        ["FUNCTION", "LOAD", "REPLACE", ENDLESS],
        ["FUNCTION", "LOAD", "REPLACE", LIBRARY],
        ["FUNCTION", "DELETE", f"noisesweep{SCHEMA}"],
        ["FUNCTION", "FLUSH"],
        ["FUNCTION", "RESTORE", "x"],
        ["DEBUG", "SLEEP", "0"],
        ["CONFIG", "GET", "*"],
        ["CONFIG", "SET", "maxmemory", "0"],
        ["FLUSHALL"],
        ["KEYS", "*"],
        ["ACL", "LIST"],
        ["SHUTDOWN"],
        ["REPLICAOF", "NO", "ONE"],
        ["CLIENT", "PAUSE", "1000"],
        ["MONITOR"],
        ["SORT", SWEEPS],
        ["LCS", SWEEPS, BYTES],
        ["SETRANGE", COUNTERS, "536870000", "x"],
        ["SETBIT", COUNTERS, "4294967295", "1"],
    ],
    ids=" ".join,
)
def test_roles_can_neither_run_scripts_nor_administer_the_store(roles: Roles, role: str, command: list[str]) -> None:
    with roles.client(role) as client, pytest.raises(NoPermissionError):
        client.execute_command(*command)  # type: ignore[no-untyped-call]
    assert roles.pop_denials() != []


@pytest.mark.parametrize(
    ("role", "command"),
    [
        ("api", ["SET", PACES, "x"]),
        ("api", ["GET", "unrelated-key"]),
        ("api", ["SET", "ns:2:turn", "0"]),
        ("api", ["GET", "ns:2:claim:x"]),
        ("api", ["GET", "ns:unacked"]),
        ("worker", ["SET", "_kombu.other", "x"]),
        ("worker", ["PUBLISH", "celery", "shutdown"]),
        ("metrics", ["HGETALL", COUNTERS]),
        ("metrics", ["FCALL", f"ns{SCHEMA}_check", "0"]),
        ("metrics", ["CLIENT", "KILL", "ID", "1"]),
        ("metrics", ["CONFIG", "GET", "*"]),
    ],
)
def test_roles_deny_other_commands_and_keys(roles: Roles, role: str, command: list[str]) -> None:
    with roles.client(role) as client, pytest.raises(NoPermissionError):
        client.execute_command(*command)  # type: ignore[no-untyped-call]
    assert roles.pop_denials() != []


@pytest.mark.parametrize("function", ["read", "cancel", "delete", "retry"])
def test_function_does_not_loop_over_an_invented_number_of_runs(roles: Roles, function: str) -> None:
    limits = ["role", "member", "max_queued_runs", "1", "max_queued_runs_per_key", "1", "max_stored_bytes", "1"]
    limits += ["submitter", "", "retry_bytes", "1", "epoch_compute", "1"]
    record = SweepKeys("0" * 16).record
    with roles.client("api") as client:
        client.hset(record, mapping={"run_count": 10**12, "open_runs": 0})
        arguments = ["sweep", "0" * 16, *(limits if function == Function.RETRY else [])]
        with pytest.raises(ResponseError, match="too many runs"):
            client.execute_command("FCALL", f"ns{SCHEMA}_{function}", 0, *arguments)  # type: ignore[no-untyped-call]
        client.delete(record)


@pytest.mark.parametrize("limit", ["0", "-1", "0.5"])
def test_claim_of_no_runs_takes_one(roles: Roles, limit: str) -> None:
    sweeps = Sweeps(roles.server.client)
    sweeps.create(SweepRequest(scales=[0.1, 0.2], epochs=1, dataset="digits"))
    arguments = ["owner", "x", "lease", "1000000", "limit", limit, "worker", "x", "device", "cpu", "numerics", "1"]
    with roles.client("worker") as client:
        _, *runs = client.execute_command("FCALL", f"ns{SCHEMA}_claim", 0, *arguments)  # type: ignore[no-untyped-call]
    assert len(runs) == 1
    roles.server.client.flushall()


@pytest.mark.parametrize("role", ["api", "worker"])
def test_roles_permit_every_command_of_the_functions(roles: Roles, role: str) -> None:
    commands = set(re.findall(r"redis\.call[(,] ?'([A-Z]+)'", LIBRARY))
    assert {"HSET", "ZADD", "TIME"} < commands
    known = roles.server.client.command()
    for command in commands:
        arguments = [SWEEPS] * (abs(known[command.lower()]["arity"]) - 1)
        reply = roles.server.client.execute_command("ACL", "DRYRUN", role, command, *arguments)  # type: ignore[no-untyped-call]
        assert reply == "OK", command


def test_function_has_no_more_permissions_than_its_caller(roles: Roles) -> None:
    arguments = ["owner", "x", "lease", "1", "limit", "1", "worker", "x", "device", "cpu", "numerics", "1"]
    roles.server.client.zadd("ns:2:turns", {f"{SCHEMA}:": 0})
    with roles.client("api") as client, pytest.raises(ResponseError, match=r"can't access|permission"):
        client.execute_command("FCALL", f"ns{SCHEMA}_{Function.CLAIM}", 0, *arguments)  # type: ignore[no-untyped-call]
    assert roles.server.client.zcard(LEASES) == 0
    assert roles.pop_denials() != []


def test_metrics_role_can_read_server_info(roles: Roles) -> None:
    with roles.client("metrics") as client:
        assert client.info()["used_memory"] > 0


def test_connection_without_a_role_is_rejected(roles: Roles) -> None:
    with closing(Redis.from_url(roles.server.url)) as client, pytest.raises(AuthenticationError):
        client.ping()
