"""Tests of /metrics: store, workers, counters and versions."""

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
from tests.support.api import ApiThread
from tests.support.redis_server import RedisServer
from tests.support.training import Training
from worker.devices import Device, DeviceKind
from worker.presence import Presence, profile

CPU = Device(DeviceKind.CPU, processes=2, stack=1, xla=False, reason="no GPU on this host")
GPU = Device(DeviceKind.GPU, processes=1, stack=32, xla=True, reason="NVIDIA GPU, through CUDA")
PASSWORD = "hunter2"  # noqa: S105 - a test password
# Store metrics that need no INFO.
WITHOUT_INFO = {"noisesweep_store_up", "noisesweep_store_info_up"}
MetricsOf = Callable[[str], dict[tuple[str, ...], float]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RedisServer]:
    """Yield a Redis server with an append-only file."""
    folder = tmp_path / "store"
    folder.mkdir()
    server = RedisServer(folder, free_port(), durable=True)
    yield server
    server.close()


@pytest.fixture
def metrics_of() -> Iterator[MetricsOf]:
    """Yield a function that returns the metrics of an API with the store at a URL."""
    served: list[ApiThread] = []

    def metrics_of(url: str) -> dict[tuple[str, ...], float]:
        served.append(ApiThread(Settings(redis_url=url)))
        return metrics(served[-1].http)

    yield metrics_of
    for each in served:
        each.close()


def test_store_metrics_come_from_info(store: RedisServer, metrics_of: MetricsOf) -> None:
    store.client.config_set("maxmemory", "100mb")
    values = metrics_of(store.url)
    assert values["noisesweep_store_info_up",] == 1
    assert values["noisesweep_store_memory_limit_bytes",] == 100 * 1024**2
    used = store.client.info("memory")["used_memory"]
    assert values["noisesweep_store_memory_used_bytes",] == pytest.approx(used, rel=0.5)
    assert values["noisesweep_store_append_only",] == 1
    assert values["noisesweep_store_append_only_write_ok",] == 1
    assert values["noisesweep_store_append_only_rewrite_ok",] == 1
    assert values["noisesweep_store_clients",] >= 2
    assert values["noisesweep_store_replicas",] == 0
    assert values["noisesweep_store_uptime_seconds",] >= 0


def test_store_metrics_without_memory_limit_and_file(http: httpx.Client) -> None:
    values = metrics(http)
    assert values["noisesweep_store_memory_limit_bytes",] == 0
    assert values["noisesweep_store_append_only",] == 0


def test_failed_rewrite_is_reported(store: RedisServer, metrics_of: MetricsOf, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "store")
    with pytest.raises(ResponseError):
        store.client.bgrewriteaof()
    values = metrics_of(store.url)
    assert values["noisesweep_store_append_only_rewrite_ok",] == 0
    assert values["noisesweep_store_append_only_write_ok",] == 1


def test_failed_write_is_reported_and_missing_fields_are_omitted() -> None:
    """Check the reply that Redis gives on a full disk with appendfsync everysec. With always, Redis exits."""
    figures = {
        family.name: family.samples[0].value for family in RedisMetrics({"aof_last_write_status": "err"}).collect()
    }
    assert figures == {"noisesweep_store_info_up": 1, "noisesweep_store_append_only_write_ok": 0}


def test_info_metrics_are_missing_without_permission(store: RedisServer, metrics_of: MetricsOf) -> None:
    user = ["reset", "on", f">{PASSWORD}", "~*", "&*", "+@all", "-info"]
    store.client.execute_command("ACL", "SETUSER", "somebody", *user)  # type: ignore[no-untyped-call]
    values = metrics_of(store.url.replace("//", f"//somebody:{PASSWORD}@"))
    assert values["noisesweep_store_up",] == 1
    assert values["noisesweep_store_info_up",] == 0
    assert {name for name, *_ in values if name.startswith("noisesweep_store_")} == WITHOUT_INFO
    assert values["noisesweep_queued_runs",] == 0


def test_stored_sweeps_are_counted(http: httpx.Client, training: Training) -> None:
    assert metrics(http)["noisesweep_sweeps",] == 0
    sweeps = [http.post("/sweeps", json={"scales": [0.5]}).json()["links"]["self"] for _ in range(2)]
    assert metrics(http)["noisesweep_sweeps",] == 2
    training.epochs(sweeps[0], runs=1, epochs=1, end=True)
    http.delete(sweeps[0])
    assert metrics(http)["noisesweep_sweeps",] == 1


def test_workers_are_counted_by_liveness_device_and_version(http: httpx.Client, redis: Redis) -> None:
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


def test_version_is_reported_without_the_store(store: RedisServer) -> None:
    served = ApiThread(Settings(redis_url=store.url))
    available = metrics(served.http)
    store.stop()
    unavailable = metrics(served.http)
    served.close()
    assert available["noisesweep_build_info", __version__] == unavailable["noisesweep_build_info", __version__] == 1
    assert {name for name, *_ in unavailable if name.startswith("noisesweep_store_")} == {"noisesweep_store_up"}


def test_counters_start_at_zero(http: httpx.Client) -> None:
    values = {
        key: value for key, value in metrics(http).items() if key[0].endswith("_total") and "requests" not in key[0]
    }
    assert set(values.values()) == {0}
    assert {key[1] for key in values if key[0] == "noisesweep_runs_total"} == {"succeeded", "failed", "cancelled"}
    assert {key[1] for key in values if key[0] == "noisesweep_reaper_actions_total"} == set(REAPER_ACTIONS)
    data_sets = {"mnist", "fashion_mnist", "digits", "own"}
    assert {key[1] for key in values if key[0] == "noisesweep_epochs_total"} == data_sets
