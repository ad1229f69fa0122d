import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from noisesweep.models import SweepRequest
from shared.numerics import NUMERICS
from shared.settings import Settings
from shared.store.keys import LEASES, QUEUE, SweepKeys
from shared.store.queue import celery_app
from tests.support.networks import mlp
from tests.support.stored_sweeps import Sweeps
from worker import tasks

DIGITS = SweepRequest(scales=[0.1, 0.5], epochs=2, model=mlp(16), dataset="digits")


@pytest.fixture(autouse=True)
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Configure the store in the environment, from which the task reads it."""
    monkeypatch.setenv("NOISESWEEP_REDIS_URL", settings.redis_url.get_secret_value())
    yield
    if tasks.leases.cache_info().currsize:
        tasks.leases().close()
    for cached in (tasks.leases, tasks.settings, tasks.device, tasks.stack_cache):
        cached.cache_clear()


@pytest.fixture
def stopping() -> Iterator[None]:
    tasks.stop_training()
    yield
    tasks._shutting_down.value = 0  # noqa: SLF001 - only tests continue after a stop


def outcomes(sweeps: Sweeps, sweep_id: str, runs: int) -> list[str | None]:
    return [sweeps.run(sweep_id, index).get("outcome") for index in range(runs)]


def test_a_message_trains_one_run_and_a_surplus_message_none(sweeps: Sweeps) -> None:
    sweep_id = sweeps.create(DIGITS)
    tasks.train()
    assert outcomes(sweeps, sweep_id, 2) == ["succeeded", None]
    tasks.train()
    tasks.train()
    assert outcomes(sweeps, sweep_id, 2) == ["succeeded", "succeeded"]
    assert [len(sweeps.epochs(sweep_id, index)) for index in range(2)] == [2, 2]
    assert [sweeps.run(sweep_id, index)["attempts"] for index in range(2)] == ["1", "1"]


def test_an_unreadable_data_set_fails_the_run_with_advice(
    sweeps: Sweeps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mnist.npz").write_bytes(b"not an archive")
    monkeypatch.setenv("NOISESWEEP_DATA_DIR", str(tmp_path))
    sweep_id = sweeps.create(SweepRequest(scales=[0.1], dataset="mnist"))
    tasks.train()
    run = sweeps.run(sweep_id, 0)
    assert (run["outcome"], run["error_code"]) == ("failed", "dataset_unavailable")
    assert "Remove or replace it" in run["error_message"]


def test_an_unexpected_error_fails_one_run_and_hides_internals(sweeps: Sweeps, redis: Redis) -> None:
    sweep_id = sweeps.create(DIGITS)
    redis.set(SweepKeys(sweep_id).checkpoint(0), "not an archive")
    redis.hset(SweepKeys(sweep_id).run(0), "numerics", NUMERICS)  # otherwise the claim deletes the checkpoint
    tasks.train()
    tasks.train()
    assert outcomes(sweeps, sweep_id, 2) == ["failed", "succeeded"]
    run = sweeps.run(sweep_id, 0)
    assert run["error_code"] == "internal_error"
    assert run["error_message"] == "The training failed with ValueError. See the worker's log for details."


def test_a_stopping_worker_releases_and_republishes_its_run(
    sweeps: Sweeps, redis: Redis, settings: Settings, stopping: None
) -> None:
    sweep_id = sweeps.create(DIGITS)
    app = celery_app(settings)
    with app:
        app.set_current()
        tasks.train()
    assert sweeps.queued(sweep_id) == ["0", "1"]
    assert redis.zcard(LEASES) == 0
    assert redis.llen(QUEUE) == 1


def test_the_main_process_never_imports_tensorflow() -> None:
    code = (
        "import sys, worker.__main__, worker.app; worker.app.app.loader.import_default_modules(); "
        "assert 'noisesweep.train' in worker.app.app.tasks; "
        "sys.exit(any(name.split('.')[0] in ('tensorflow', 'keras') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], env=os.environ, check=False).returncode == 0
