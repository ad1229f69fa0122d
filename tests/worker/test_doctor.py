import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from socketserver import StreamRequestHandler, TCPServer
from threading import Thread

import pooch
import psutil
import pytest
import tensorflow as tf
from rich.console import Console

from client.launcher import free_port, store_binary
from shared.keys import PROBE
from shared.models import DatasetName
from shared.settings import Settings
from tests.conftest import RedisServer, wait_until
from worker.devices import Device, DeviceKind, find
from worker.doctor import host
from worker.doctor.findings import Finding, Verdict, as_json, show, summary
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


@pytest.mark.parametrize(
    "url",
    [
        f"redis://:{PASSWORD}/3@127.0.0.1:6379/0",
        f"redis://{PASSWORD}?3@127.0.0.1:6379/0",
        f"redis://:6379/{PASSWORD}@127.0.0.1:6379/0",
        f"redis://:{PASSWORD}@127.0.0.1:port/0",
        f"redis://:{PASSWORD}@[::1:6379/0",
        f"redis://:{PASSWORD}@127.0.0.1:6379/0?socket_timeout=soon",
        f"redis://:{PASSWORD}@127.0.0.1:6379/0?{PASSWORD}=1",
    ],
)
def test_an_address_that_makes_no_sense_is_a_problem_that_quotes_nothing_of_it(url: str) -> None:
    findings = store(url)
    assert wrong(findings) == {"store": PROBLEM}
    assert findings["store"].found == "NOISESWEEP_REDIS_URL cannot be read as an address"


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


@pytest.mark.parametrize(
    ("version", "verdict"), [((3, 10, 14), PROBLEM), ((3, 11, 0), OK), ((3, 13, 9), OK), ((3, 14, 0), PROBLEM)]
)
def test_python_is_to_be_one_that_tensorflow_has_wheels_for(version: tuple[int, int, int], verdict: Verdict) -> None:
    assert host.check_python(version).verdict is verdict


def test_tensorflow_computes_on_the_device_that_a_worker_picks() -> None:
    device = find(Settings())
    finding = host.check_tensorflow(device)
    assert finding.verdict is (WARNING if device.idle_gpu else OK), finding
    assert finding.found.startswith(f"{tf.__version__} computes on the {device.kind.upper()}: ")


STUB = """
import contextlib
import numpy
__version__ = "2.99"
device = contextlib.nullcontext
ones = numpy.ones
reduce_all = numpy.all
"""
DLOPEN = "dlopen(tensorflow-plugins/libmetal_plugin.dylib, 0x0006): Symbol not found: __ZN3tsl8internal10LogMessage"


def fake_tensorflow(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    (folder / "tensorflow.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))


@pytest.mark.parametrize(
    ("code", "found", "remedy"),
    [
        (f"raise OSError({DLOPEN!r})", "does not go with this TensorFlow", "pip uninstall tensorflow-metal"),
        ("raise ModuleNotFoundError(\"No module named 'tensorflow'\")", "not installed", "noisesweep[worker]"),
        ("raise ImportError('libcudart is amiss')", "ImportError: libcudart is amiss", "reinstall"),
        ("import os; os.abort()", "SIGABRT", "AVX"),
        (STUB + "ones = numpy.zeros", "product of matrices came out wrong", "reinstall"),
    ],
)
def test_a_tensorflow_that_does_not_work_is_a_problem_with_the_remedy_that_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, found: str, remedy: str
) -> None:
    fake_tensorflow(tmp_path, monkeypatch, code)
    finding = host.check_tensorflow(CPU)
    assert finding.verdict is PROBLEM
    assert found in finding.found
    assert remedy in finding.remedy


def test_a_tensorflow_that_hangs_is_waited_for_so_long_and_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_tensorflow(tmp_path, monkeypatch, "import time; time.sleep(300)")
    finding = host.check_tensorflow(CPU, seconds=0.5)
    assert finding.verdict is PROBLEM
    assert "within 0.5 s" in finding.found


def test_a_gpu_left_idle_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_tensorflow(tmp_path, monkeypatch, STUB)
    idle = Device(DeviceKind.CPU, processes=2, stack=1, xla=False, reason="a GPU is here", idle_gpu=True)
    finding = host.check_tensorflow(idle)
    assert (finding.verdict, finding.found) == (WARNING, "2.99 computes on the CPU: a GPU is here")
    assert "noisesweep[gpu]" in finding.remedy
    assert host.check_tensorflow(CPU).verdict is OK


def test_memory_for_fewer_processes_is_a_warning_that_says_how_many_and_for_none_a_problem() -> None:
    each = host.TRAINING_PROCESS_BYTES
    assert host.check_memory(processes=4, free_bytes=4 * each).verdict is OK
    scarce = host.check_memory(processes=4, free_bytes=4 * each - 1)
    assert scarce.verdict is WARNING
    assert "--workers 3" in scarce.remedy
    assert host.check_memory(processes=4, free_bytes=each - 1).verdict is PROBLEM


def test_the_limit_of_a_container_counts_where_it_leaves_less_than_the_machine_has(tmp_path: Path) -> None:
    total = psutil.virtual_memory().total
    assert 0 < host.free_memory(tmp_path) <= total
    (tmp_path / "memory.current").write_text("700000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 200000\n")
    (tmp_path / "memory.max").write_text("1000000\n")
    assert host.free_memory(tmp_path) == 500_000  # files that are only cached can be dropped
    for no_limit in ("max\n", f"{2 * total}\n"):
        (tmp_path / "memory.max").write_text(no_limit)
        assert 500_000 < host.free_memory(tmp_path) <= total


@pytest.fixture
def no_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def refuse(*arguments: object, **options: object) -> None:
        pytest.fail("A check has begun a download.")

    monkeypatch.setattr(pooch, "retrieve", refuse)


def test_the_bundled_digits_are_there() -> None:
    finding = host.check_dataset(DatasetName.DIGITS, Settings())
    assert (finding.verdict, finding.found) == (OK, "1,442 training images from scikit-learn")


@pytest.mark.skipif(not os.environ.get("NOISESWEEP_DATA_DIR"), reason="set NOISESWEEP_DATA_DIR to a folder with MNIST")
def test_mnist_is_said_to_be_where_it_is() -> None:
    finding = host.check_dataset(DatasetName.MNIST, Settings())
    assert (finding.verdict, finding.found) == (OK, f"60,000 training images from {os.environ['NOISESWEEP_DATA_DIR']}")


@pytest.mark.usefixtures("no_mnist")
def test_mnist_that_would_have_to_be_downloaded_is_a_warning_and_no_download(tmp_path: Path) -> None:
    finding = host.check_dataset(DatasetName.MNIST, Settings(data_dir=tmp_path))
    assert finding.verdict is WARNING
    assert f"NOISESWEEP_DATA_DIR={tmp_path} (neither mnist.npz nor" in finding.found
    assert "-m shared.datasets mnist" in finding.remedy


@pytest.mark.usefixtures("no_mnist")
def test_something_else_under_the_name_of_mnist_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "mnist.npz").write_text("not an archive")
    finding = host.check_dataset(DatasetName.MNIST, Settings(data_dir=tmp_path))
    assert (finding.verdict, finding.remedy) == (PROBLEM, "Remove or replace it.")
    assert finding.found.startswith(f"{tmp_path / 'mnist.npz'} is not the archive of MNIST")


def test_settings_that_do_not_validate_are_problems_that_name_the_variable_and_hide_its_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_tensorflow(tmp_path, monkeypatch, STUB)
    monkeypatch.setenv("NOISESWEEP_PORT", "abc")
    monkeypatch.setenv("NOISESWEEP_REDIS_URL", f"{PASSWORD}@host")
    command = [sys.executable, "-m", "worker.doctor", "--json"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    findings = [(finding["check"], finding["found"]) for finding in json.loads(answer.stdout)]
    faults = [found for check, found in findings if check == "settings"]
    assert sorted(fault.split(":")[0] for fault in faults) == ["NOISESWEEP_PORT", "NOISESWEEP_REDIS_URL"]
    assert dict(findings)["TensorFlow"].startswith("2.99 computes")
    assert answer.returncode == 1
    assert answer.stderr == ""
    assert PASSWORD not in answer.stdout


FINDINGS = [
    Finding("Python", OK, "3.12"),
    Finding("memory", WARNING, "[little] " * 20, "Add some."),
    Finding("store", PROBLEM, "gone"),
]


def shown(console: Console) -> list[str]:
    for finding in FINDINGS:
        show(finding, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_in_a_pipe_a_finding_is_one_line_and_its_remedy_another() -> None:
    lines = shown(Console(file=io.StringIO()))
    assert lines == [
        "ok       Python: 3.12",
        f"warning  memory: {'[little] ' * 20}",
        "         -> Add some.",
        "problem  store: gone",
    ]


def test_on_a_terminal_each_finding_has_its_mark_and_long_ones_keep_to_their_column() -> None:
    lines = shown(Console(file=io.StringIO(), force_terminal=True, color_system=None, width=60))
    assert [line.rstrip() for line in lines if line[0] != " "] == [
        "✓ Python          3.12",
        f"! memory          {'[little] ' * 4}".rstrip(),
        "✗ store           gone",
    ]
    assert any(line.strip() == "→ Add some." for line in lines)
    assert all(len(line) <= 60 for line in lines)


def test_the_summary_counts_what_is_wrong() -> None:
    assert summary(FINDINGS) == "Found 1 problem and 1 warning."
    assert summary([*FINDINGS, FINDINGS[2]]) == "Found 2 problems and 1 warning."
    assert summary(FINDINGS[:1]) == "All is well."
