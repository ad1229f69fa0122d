"""/metrics: what alerts follow from, of the store and of the versions at work."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from redis import Redis
from redis.exceptions import ResponseError

from api.sweeps.redis_metrics import RedisMetrics
from noisesweep import __version__
from noisesweep.local.launcher import free_port
from shared.settings import Settings
from shared.store.counters import REAPER_ACTIONS
from shared.store.keys import WORKERS
from tests.api.http.test_telemetry import metrics
from tests.support.api import Served
from tests.support.redis_server import RedisServer
from tests.support.training import Training
from worker.devices import Device, DeviceKind
from worker.presence import Presence, profile

CPU = Device(DeviceKind.CPU, processes=2, stack=1, xla=False, reason="no GPU on this host")
GPU = Device(DeviceKind.GPU, processes=1, stack=32, xla=True, reason="NVIDIA GPU, through CUDA")
PASSWORD = "hunter2"  # noqa: S105 - it protects nothing
# What is known without INFO.
ALWAYS = {"noisesweep_store_up", "noisesweep_store_info_up"}
Told = Callable[[str], dict[tuple[str, ...], float]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RedisServer]:
    """One with an append-only file."""
    folder = tmp_path / "store"
    folder.mkdir()
    server = RedisServer(folder, free_port(), durable=True)
    yield server
    server.close()


@pytest.fixture
def told_by() -> Iterator[Told]:
    """What the API tells on the store of a URL."""
    served: list[Served] = []

    def told_by(url: str) -> dict[tuple[str, ...], float]:
        served.append(Served(Settings(redis_url=url)))
        return metrics(served[-1].http)

    yield told_by
    for each in served:
        each.close()


def test_the_store_tells_of_its_memory_its_file_and_its_clients(store: RedisServer, told_by: Told) -> None:
    store.client.config_set("maxmemory", "100mb")
    told = told_by(store.url)
    assert told["noisesweep_store_info_up",] == 1
    assert told["noisesweep_store_memory_limit_bytes",] == 100 * 1024**2
    used = store.client.info("memory")["used_memory"]
    assert told["noisesweep_store_memory_used_bytes",] == pytest.approx(used, rel=0.5)
    assert told["noisesweep_store_append_only",] == 1
    assert told["noisesweep_store_append_only_write_ok",] == 1
    assert told["noisesweep_store_append_only_rewrite_ok",] == 1
    assert told["noisesweep_store_clients",] >= 2
    assert told["noisesweep_store_replicas",] == 0
    assert told["noisesweep_store_uptime_seconds",] >= 0


def test_a_store_without_a_limit_and_a_file_says_so(http: httpx.Client) -> None:
    told = metrics(http)
    assert told["noisesweep_store_memory_limit_bytes",] == 0
    assert told["noisesweep_store_append_only",] == 0


def test_a_rewrite_that_fails_is_told(store: RedisServer, told_by: Told, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "store")
    with pytest.raises(ResponseError):
        store.client.bgrewriteaof()
    told = told_by(store.url)
    assert told["noisesweep_store_append_only_rewrite_ok",] == 0
    assert told["noisesweep_store_append_only_write_ok",] == 1


def test_a_write_that_fails_is_told_and_what_is_not_told_is_missing() -> None:
    """As Redis has it with appendfsync everysec on a full disk: with always, it ends."""
    figures = {
        family.name: family.samples[0].value for family in RedisMetrics({"aof_last_write_status": "err"}).collect()
    }
    assert figures == {"noisesweep_store_info_up": 1, "noisesweep_store_append_only_write_ok": 0}


def test_without_the_right_to_ask_the_stores_own_figures_are_missing_and_that_is_told(
    store: RedisServer, told_by: Told
) -> None:
    user = ["reset", "on", f">{PASSWORD}", "~*", "&*", "+@all", "-info"]
    store.client.execute_command("ACL", "SETUSER", "somebody", *user)  # type: ignore[no-untyped-call]
    told = told_by(store.url.replace("//", f"//somebody:{PASSWORD}@"))
    assert told["noisesweep_store_up",] == 1
    assert told["noisesweep_store_info_up",] == 0
    assert {name for name, *_ in told if name.startswith("noisesweep_store_")} == ALWAYS
    assert told["noisesweep_queued_runs",] == 0


def test_the_sweeps_that_are_kept_are_counted(http: httpx.Client, training: Training) -> None:
    assert metrics(http)["noisesweep_sweeps",] == 0
    sweeps = [http.post("/sweeps", json={"scales": [0.5]}).json()["links"]["self"] for _ in range(2)]
    assert metrics(http)["noisesweep_sweeps",] == 2
    training.epochs(sweeps[0], runs=1, epochs=1, end=True)
    http.delete(sweeps[0])
    assert metrics(http)["noisesweep_sweeps",] == 1


def test_the_workers_are_counted_by_life_device_and_version(http: httpx.Client, redis: Redis) -> None:
    for name, device, version in (("1", CPU, "1.0"), ("2", CPU, "1.0"), ("3", CPU, "2.0"), ("4", GPU, "2.0")):
        known = profile(name, device, processes=1).model_copy(update={"version": version})
        Presence(redis, known).beat()
    redis.zincrby(WORKERS, -16e6, "2")
    counted = {key[1:]: value for key, value in metrics(http).items() if key[0] == "noisesweep_workers"}
    assert counted == {
        ("true", "cpu", "1.0"): 1,
        ("false", "cpu", "1.0"): 1,
        ("true", "cpu", "2.0"): 1,
        ("true", "gpu", "2.0"): 1,
    }


def test_the_apis_version_is_told_with_and_without_the_store(store: RedisServer) -> None:
    served = Served(Settings(redis_url=store.url))
    there = metrics(served.http)
    store.stop()
    gone = metrics(served.http)
    served.close()
    assert there["noisesweep_build_info", __version__] == gone["noisesweep_build_info", __version__] == 1
    assert {name for name, *_ in gone if name.startswith("noisesweep_store_")} == {"noisesweep_store_up"}


def test_counters_begin_at_zero_so_that_their_first_step_is_seen(http: httpx.Client) -> None:
    told = {
        key: value for key, value in metrics(http).items() if key[0].endswith("_total") and "requests" not in key[0]
    }
    assert set(told.values()) == {0}
    assert {key[1] for key in told if key[0] == "noisesweep_runs_total"} == {"succeeded", "failed", "cancelled"}
    assert {key[1] for key in told if key[0] == "noisesweep_reaper_actions_total"} == set(REAPER_ACTIONS)
    assert {key[1] for key in told if key[0] == "noisesweep_epochs_total"} == {"mnist", "fashion_mnist", "digits"}
