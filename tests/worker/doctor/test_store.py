import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from socketserver import StreamRequestHandler, TCPServer
from threading import Thread

import pytest

from noisesweep.local.launcher import free_port, store_binary
from shared.settings import Settings
from shared.store.keys import PROBE
from tests.support.old_redis import OldRedisDouble, write_redis_server_double
from tests.support.old_store import write_schema_1
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until
from worker.devices import Device, DeviceKind
from worker.doctor.findings import Finding, Verdict, as_json
from worker.doctor.store import check_store

OK, WARNING, PROBLEM = Verdict.OK, Verdict.WARNING, Verdict.PROBLEM
CPU = Device(DeviceKind.CPU, processes=2, stack=1, xla=False, reason="no GPU on this host")
PASSWORD = "hunter2"  # noqa: S105 - test data

WRITES = {"store writes": PROBLEM, "store functions": PROBLEM}

Start = Callable[..., RedisServer]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Yield a function that starts a Redis server with command line options; stop all servers at the end."""
    servers: list[RedisServer] = []

    def start(*options: str, durable: bool = False) -> RedisServer:
        folder = tmp_path / f"redis-{len(servers)}"
        folder.mkdir()
        servers.append(RedisServer(folder, free_port(), durable=durable, options=options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def check(url: str) -> dict[str, Finding]:
    findings = list(check_store(Settings(redis_url=url), own_store=None))
    assert PASSWORD not in as_json(findings)
    return {finding.check: finding for finding in findings}


def failures(findings: dict[str, Finding]) -> dict[str, Verdict]:
    return {check: finding.verdict for check, finding in findings.items() if finding.verdict is not OK}


def test_a_well_configured_store_has_no_problems(start: Start) -> None:
    server = start("--maxmemory", "100mb", "--maxmemory-policy", "noeviction", durable=True)
    findings = check(server.url)
    assert failures(findings) == {}
    assert server.url.split("/")[2] in findings["store"].found
    assert findings["store version"].found.split()[-1] in subprocess.check_output([store_binary(), "-v"], text=True)
    assert findings["store memory"].found.endswith("MB used of 105 MB, 1%")


def test_the_check_leaves_no_keys_in_the_store(start: Start) -> None:
    server = start(durable=True)
    check(server.url)
    assert server.client.pttl(PROBE) in range(-2, 1001)
    wait_until(lambda: server.client.dbsize() == 0)


def test_a_store_without_an_append_only_file_is_a_problem(start: Start) -> None:
    findings = check(start().url)
    assert failures(findings) == {"store log": PROBLEM}
    assert "CONFIG SET appendonly yes" in findings["store log"].remedy


@pytest.mark.parametrize(("policy", "lost"), [("everysec", "up to a second"), ("no", "up to 30 seconds")])
def test_a_late_fsync_is_a_warning(start: Start, policy: str, lost: str) -> None:
    findings = check(start("--appendonly", "yes", "--appendfsync", policy).url)
    assert failures(findings) == {"store fsync": WARNING}
    assert lost in findings["store fsync"].found
    assert "CONFIG SET appendfsync always" in findings["store fsync"].remedy


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_eviction_is_a_problem_with_a_working_remedy(start: Start, policy: str) -> None:
    server = start("--maxmemory", "100mb", "--maxmemory-policy", policy, durable=True)
    findings = check(server.url)
    assert failures(findings) == {"store eviction": PROBLEM}
    assert policy in findings["store eviction"].found
    setting = findings["store eviction"].remedy.split("`redis-cli CONFIG SET ")[1].split("`")[0]
    server.client.config_set(*setting.split())
    assert failures(check(server.url)) == {}


def test_an_eviction_policy_without_memory_limit_is_ok(start: Start) -> None:
    assert failures(check(start("--maxmemory-policy", "allkeys-lru", durable=True).url)) == {}


def test_a_nearly_full_store_is_a_warning(start: Start) -> None:
    server = start(durable=True)
    server.client.setrange("filler", 20_000_000, "x")  # filled by the server, so that no network buffers count
    server.client.config_set("maxmemory", "22mb")
    assert failures(check(server.url)) == {"store memory": WARNING}
    server.client.config_set("maxmemory", "10mb")
    findings = check(server.url)
    assert failures(findings) == {"store memory": WARNING, "store writes": PROBLEM}
    assert "full" in findings["store writes"].found


def test_a_read_only_replica_is_a_problem(start: Start) -> None:
    primary = start(durable=True)
    findings = check(start("--replicaof", f"127.0.0.1 {primary.url.split(':')[2][:-2]}", durable=True).url)
    assert failures(findings) == {"store writes": PROBLEM}
    assert "primary" in findings["store writes"].remedy


@pytest.mark.parametrize(
    ("rules", "verdicts", "hidden"),
    [
        ("+@all -config", {"store settings": WARNING}, "appendfsync"),
        ("+@all -@dangerous", {"store settings": WARNING}, "appendonly, appendfsync, maxmemory, maxmemory-policy"),
        ("+@read +info", {"store settings": WARNING, **WRITES}, "appendfsync"),
        ("-@all", {"store settings": WARNING, **WRITES}, "appendonly"),
    ],
)
def test_missing_permissions_are_reported(start: Start, rules: str, verdicts: dict[str, Verdict], hidden: str) -> None:
    server = start(durable=True)
    user = ["reset", "on", f">{PASSWORD}", "~*", "&*", *rules.split()]
    server.client.execute_command("ACL", "SETUSER", "limited", *user)  # type: ignore[no-untyped-call]
    findings = check(server.url.replace("//", f"//limited:{PASSWORD}@"))
    assert failures(findings) == verdicts
    assert hidden in findings["store settings"].found


def test_missing_functions_are_a_problem_if_the_user_may_not_load_them(start: Start) -> None:
    server = start(durable=True)
    user = ["reset", "on", f">{PASSWORD}", "~*", "+@all", "-function"]
    server.client.execute_command("ACL", "SETUSER", "limited", *user)  # type: ignore[no-untyped-call]
    findings = check(server.url.replace("//", f"//limited:{PASSWORD}@"))
    assert failures(findings) == {"store functions": PROBLEM}
    assert "noisesweep-redis load" in findings["store functions"].remedy
    check(server.url)  # this user may load them
    assert failures(check(server.url.replace("//", f"//limited:{PASSWORD}@"))) == {}


def test_sweeps_of_an_older_version_are_a_problem(start: Start) -> None:
    server = start(durable=True)
    write_schema_1(server.client)
    findings = check(server.url)
    assert failures(findings) == {"store functions": PROBLEM}
    assert "sweeps of an older version of noisesweep (schema 1)" in findings["store functions"].found
    assert "NOISESWEEP_REDIS_URL" in findings["store functions"].remedy


def test_a_wrong_password_is_a_problem_and_is_never_shown(start: Start) -> None:
    server = start(durable=True)
    server.client.config_set("requirepass", PASSWORD)
    for credentials in ("", f":not-{PASSWORD}@", f"unknown:{PASSWORD}@"):
        findings = check(server.url.replace("//", f"//{credentials}"))
        assert failures(findings) == {"store": PROBLEM}
        assert "rejects the user or password" in findings["store"].found
    assert failures(check(server.url.replace("//", f"//:{PASSWORD}@"))) == {}


def test_an_unreachable_store_is_a_problem() -> None:
    address = f"127.0.0.1:{free_port()}"
    findings = check(f"redis://:{PASSWORD}@{address}/0")
    assert failures(findings) == {"store": PROBLEM}
    assert findings["store"].found.startswith(f"no connection to {address}: ")
    assert "refused" in findings["store"].found


def test_a_server_other_than_redis_is_a_problem() -> None:
    class Web(StreamRequestHandler):
        def handle(self) -> None:
            request = self.rfile.readline()
            self.wfile.write(b"HTTP/1.1 400 Bad Request " + request)

    with TCPServer(("127.0.0.1", 0), Web) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        findings = check(f"redis://:{PASSWORD}@127.0.0.1:{server.server_address[1]}/0")
        server.shutdown()
    assert failures(findings) == {"store": PROBLEM}
    assert "is not Redis" in findings["store"].found


def test_without_url_the_installed_server_is_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NOISESWEEP_REDIS_URL", raising=False)

    def own(binary: str | None) -> Finding:
        (finding,) = check_store(Settings(), binary)
        return finding

    assert own(store_binary()).verdict is OK
    assert store_binary() in own(store_binary()).found
    assert own(None).verdict is OK
    assert own("").verdict is PROBLEM
    assert "install" in own("").remedy.lower()
    assert own(str(tmp_path / "missing")).verdict is PROBLEM


def test_an_old_installed_server_is_a_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NOISESWEEP_REDIS_URL", raising=False)
    program = write_redis_server_double(tmp_path)
    (finding,) = check_store(Settings(), str(program))
    assert (finding.check, finding.verdict) == ("store version", PROBLEM)
    assert finding.found == f"Redis 6.2.14 ({program}); expected Redis 7.0 or newer, or Valkey"


def test_a_skipped_server_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOISESWEEP_REDIS_URL", raising=False)
    (finding,) = check_store(Settings(), store_binary(), "The server on the PATH is too old.")
    assert finding.verdict is WARNING
    assert store_binary() in finding.found
    assert finding.found.endswith("The server on the PATH is too old.")


@pytest.mark.parametrize("denies_info", [False, True])
def test_an_old_running_server_is_a_problem(start: Start, denies_info: bool) -> None:
    old = OldRedisDouble(start(durable=True))
    old.denies_info = denies_info
    findings = check(old.url)
    old.close()
    assert failures(findings) == {"store version": PROBLEM}
    assert "expected Redis 7.0 or newer, or Valkey" in findings["store version"].found
    assert "Upgrade it" in findings["store version"].remedy
