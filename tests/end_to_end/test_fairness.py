"""Fair queue with two API keys and a real worker."""

import hashlib
from collections.abc import Iterator

import httpx
import pytest

from noisesweep.models import Sweep
from tests.support.service import Service
from tests.support.waiting import wait_until

PROCESSES = 2
KEYS = {"alice": "a" * 32, "bob": "b" * 32}
BODY = {"epochs": 2, "hidden_units": [16], "dataset": "digits", "reuse": False}


@pytest.fixture
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    keys = ",".join(f"{name}:{hashlib.sha256(key.encode()).hexdigest()}" for name, key in KEYS.items())
    service = Service(tmp_path_factory.mktemp("service"), {"NOISESWEEP_API_KEYS": keys})
    try:
        service.start_worker(PROCESSES)
        service.api.wait_until_ready()
        yield service
    finally:
        service.close()


def client_of(service: Service, name: str) -> httpx.Client:
    return httpx.Client(base_url=service.api.url, headers={"Authorization": f"Bearer {KEYS[name]}"}, trust_env=False)


def submit(client: httpx.Client, **grid: object) -> str:
    return str(client.post("/sweeps", json=BODY | grid).raise_for_status().json()["id"])


def read(client: httpx.Client, sweep_id: str) -> Sweep:
    return Sweep.model_validate_json(client.get(f"/sweeps/{sweep_id}").raise_for_status().content)


def test_one_run_does_not_wait_for_sixty_of_another_key(service: Service) -> None:
    with client_of(service, "alice") as alice, client_of(service, "bob") as bob:
        heavy = submit(alice, scales=[0.1], seeds=list(range(60)))
        wait_until(lambda: read(alice, heavy).progress.epochs_done >= 4, seconds=60)
        light = submit(bob, scales=[0.1])
        wait_until(lambda: read(bob, light).status == "succeeded", seconds=60)
        submitted, started = read(bob, light).created_at, read(bob, light).runs[0].started_at
        assert started
        starts = [run.started_at for run in read(alice, heavy).runs if run.started_at]
        assert sum(submitted < start < started for start in starts) <= PROCESSES
        assert len(starts) < 60
