import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from socketserver import StreamRequestHandler, TCPServer
from threading import Thread

import pytest

from noisesweep.local.launcher import free_port, store_binary
from shared.settings import Settings
from shared.store.keys import PROBE
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until
from worker.devices import Device, DeviceKind
from worker.doctor.findings import Finding, Verdict, as_json
from worker.doctor.store import check_store

OK, WARNING, PROBLEM = Verdict.OK, Verdict.WARNING, Verdict.PROBLEM
CPU = Device(DeviceKind.CPU, processes=2, stack=1, xla=False, reason="no GPU on this host")
PASSWORD = "hunter2"  # noqa: S105 - it protects nothing

Start = Callable[..., RedisServer]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts Redis servers with options of the command line, and stops them at the end."""
    servers: list[RedisServer] = []

    def start(*options: str, durable: bool = False) -> RedisServer:
        folder = tmp_path / f"redis-{len(servers)}"
        folder.mkdir()
        servers.append(RedisServer(folder, free_port(), durable=durable, options=options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def store(url: str) -> dict[str, Finding]:
    findings = list(check_store(Settings(redis_url=url), own_store=None))
    assert PASSWORD not in as_json(findings)
    return {finding.check: finding for finding in findings}


def wrong(findings: dict[str, Finding]) -> dict[str, Verdict]:
    return {check: finding.verdict for check, finding in findings.items() if finding.verdict is not OK}


def test_a_store_that_is_as_it_should_be_gets_no_complaint(start: Start) -> None:
    server = start("--maxmemory", "100mb", "--maxmemory-policy", "noeviction", durable=True)
    findings = store(server.url)
    assert wrong(findings) == {}
    assert server.url.split("/")[2] in findings["store"].found
    assert findings["store version"].found.split()[-1] in subprocess.check_output([store_binary(), "-v"], text=True)
    assert findings["store memory"].found.endswith("MB used of 105 MB, 1%")


def test_looking_leaves_nothing_behind_in_the_store(start: Start) -> None:
    server = start(durable=True)
    store(server.url)
    assert server.client.pttl(PROBE) in range(-2, 1001)
    wait_until(lambda: server.client.dbsize() == 0)


def test_a_store_without_an_append_only_file_is_a_problem(start: Start) -> None:
    findings = store(start().url)
    assert wrong(findings) == {"store log": PROBLEM}
    assert "CONFIG SET appendonly yes" in findings["store log"].remedy


@pytest.mark.parametrize(("policy", "lost"), [("everysec", "up to a second"), ("no", "up to 30 seconds")])
def test_a_store_that_acknowledges_before_it_is_on_the_disk_is_a_warning_of_what_can_be_lost(
    start: Start, policy: str, lost: str
) -> None:
    findings = store(start("--appendonly", "yes", "--appendfsync", policy).url)
    assert wrong(findings) == {"store fsync": WARNING}
    assert lost in findings["store fsync"].found
    assert "CONFIG SET appendfsync always" in findings["store fsync"].remedy


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_a_store_that_evicts_is_a_problem_and_says_how_to_mend_it(start: Start, policy: str) -> None:
    server = start("--maxmemory", "100mb", "--maxmemory-policy", policy, durable=True)
    findings = store(server.url)
    assert wrong(findings) == {"store eviction": PROBLEM}
    assert policy in findings["store eviction"].found
    setting = findings["store eviction"].remedy.split("`redis-cli CONFIG SET ")[1].split("`")[0]
    server.client.config_set(*setting.split())
    assert wrong(store(server.url)) == {}


def test_a_policy_of_eviction_counts_only_where_there_is_a_limit(start: Start) -> None:
    assert wrong(store(start("--maxmemory-policy", "allkeys-lru", durable=True).url)) == {}


def test_a_store_that_is_nearly_full_is_a_warning_and_a_full_one_a_problem(start: Start) -> None:
    server = start(durable=True)
    server.client.setrange("filler", 20_000_000, "x")  # as one that comes from outside, it would be in buffers too
    server.client.config_set("maxmemory", "22mb")
    assert wrong(store(server.url)) == {"store memory": WARNING}
    server.client.config_set("maxmemory", "10mb")
    findings = store(server.url)
    assert wrong(findings) == {"store memory": WARNING, "store writes": PROBLEM}
    assert "full" in findings["store writes"].found


def test_a_replica_is_a_problem_because_it_takes_no_writes(start: Start) -> None:
    primary = start(durable=True)
    findings = store(start("--replicaof", f"127.0.0.1 {primary.url.split(':')[2][:-2]}", durable=True).url)
    assert wrong(findings) == {"store writes": PROBLEM}
    assert "primary" in findings["store writes"].remedy


@pytest.mark.parametrize(
    ("rules", "verdicts", "hidden"),
    [
        ("+@all -config", {"store settings": WARNING}, "appendfsync"),
        ("+@all -@dangerous", {"store settings": WARNING}, "appendonly, appendfsync, maxmemory, maxmemory-policy"),
        ("+@read +info", {"store settings": WARNING, "store writes": PROBLEM}, "appendfsync"),
        ("-@all", {"store settings": WARNING, "store writes": PROBLEM}, "appendonly"),
    ],
)
def test_a_user_who_may_not_look_gets_a_warning_and_one_who_may_not_write_a_problem(
    start: Start, rules: str, verdicts: dict[str, Verdict], hidden: str
) -> None:
    server = start(durable=True)
    user = ["reset", "on", f">{PASSWORD}", "~*", "&*", *rules.split()]
    server.client.execute_command("ACL", "SETUSER", "somebody", *user)  # type: ignore[no-untyped-call]
    findings = store(server.url.replace("//", f"//somebody:{PASSWORD}@"))
    assert wrong(findings) == verdicts
    assert hidden in findings["store settings"].found


def test_a_password_that_is_missing_or_wrong_is_a_problem_and_the_right_one_is_shown_nowhere(start: Start) -> None:
    server = start(durable=True)
    server.client.config_set("requirepass", PASSWORD)
    for credentials in ("", f":not-{PASSWORD}@", f"nobody:{PASSWORD}@"):
        findings = store(server.url.replace("//", f"//{credentials}"))
        assert wrong(findings) == {"store": PROBLEM}
        assert "another user or password" in findings["store"].found
    assert wrong(store(server.url.replace("//", f"//:{PASSWORD}@"))) == {}


def test_no_store_at_the_address_is_a_problem() -> None:
    address = f"127.0.0.1:{free_port()}"
    findings = store(f"redis://:{PASSWORD}@{address}/0")
    assert wrong(findings) == {"store": PROBLEM}
    assert findings["store"].found.startswith(f"not reached at {address}: ")
    assert "refused" in findings["store"].found


def test_something_else_at_the_address_is_not_taken_for_a_store() -> None:
    class Web(StreamRequestHandler):
        def handle(self) -> None:
            request = self.rfile.readline()
            self.wfile.write(b"HTTP/1.1 400 Bad Request " + request)

    with TCPServer(("127.0.0.1", 0), Web) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        findings = store(f"redis://:{PASSWORD}@127.0.0.1:{server.server_address[1]}/0")
        server.shutdown()
    assert wrong(findings) == {"store": PROBLEM}
    assert "is not Redis" in findings["store"].found


def test_without_an_address_the_store_is_the_launchers_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NOISESWEEP_REDIS_URL", raising=False)

    def own(binary: str | None) -> Finding:
        (finding,) = check_store(Settings(), binary)
        return finding

    assert own(store_binary()).verdict is OK
    assert store_binary() in own(store_binary()).found
    assert own(None).verdict is OK
    assert own("").verdict is PROBLEM
    assert "install" in own("").remedy.lower()
    assert own(str(tmp_path / "gone")).verdict is PROBLEM
