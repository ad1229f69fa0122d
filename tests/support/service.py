"""The whole service: the store, the API and workers, each in its own process group."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import httpx
from redis import Redis

from noisesweep.models import Run, Sweep
from shared.store.keys import SweepKeys
from tests.support.api import ApiProcess
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until
from tests.support.worker import Worker


def without_data_sets(folder: Path) -> dict[str, str]:
    """Return the environment of a host that has only the bundled digits and cannot download other data sets."""
    nowhere = str(folder / "nowhere")
    return {
        "NOISESWEEP_DATA_DIR": nowhere,
        "KERAS_HOME": nowhere,
        "XDG_CACHE_HOME": nowhere,
        "HTTPS_PROXY": f"http://{CLOSED_PORT}",
    }


CLOSED_PORT = "127.0.0.1:9"  # no server listens there


class Client:
    """Client that submits and reads sweeps.

    Attributes:
        http: An HTTP client of the API.
        body: Default request body of `submit`.
    """

    def __init__(self, http: httpx.Client, body: Mapping[str, object]) -> None:
        self.http, self.body = http, body

    def submit(self, body: Mapping[str, object] | None = None) -> str:
        """Post a sweep and return its id."""
        return str(self.http.post("/sweeps", json=body or self.body).raise_for_status().json()["id"])

    def sweep(self, sweep_id: str) -> Sweep:
        return Sweep.model_validate_json(self.http.get(f"/sweeps/{sweep_id}").raise_for_status().content)

    def get_run(self, run_id: str) -> Run:
        return Run.model_validate_json(self.http.get(f"/runs/{run_id}").raise_for_status().content)

    def wait_for_epochs(self, sweep_id: str, epochs: int, seconds: float = 60) -> None:
        wait_until(lambda: self.sweep(sweep_id).progress.epochs_done >= epochs, seconds)

    def wait_for_end(self, sweep_id: str, seconds: float = 90) -> Sweep:
        """Wait until all runs of the sweep have ended, and return the sweep."""
        wait_until(lambda: self.sweep(sweep_id).status.is_final, seconds)
        return self.sweep(sweep_id)


class Service(Client):
    """Store, API and workers.

    Args:
        folder: Folder for logs, and for the store's data if `store` is None.
        environment: Environment variables of the API and the workers, in addition to those of the test process.
        store: The store to use, which `close` stops; None starts one without persistence.
        url: The URL of the store for the API and the workers; None means the store's own URL.
        body: Default request body of `submit`.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        *,
        store: RedisServer | None = None,
        url: str | None = None,
        body: Mapping[str, object] | None = None,
    ) -> None:
        self.folder = folder
        self.workers: list[Worker] = []
        self.store = store or RedisServer(folder)
        self.environment = {**os.environ, "NOISESWEEP_REDIS_URL": url or self.store.url, **(environment or {})}
        self.api = self.start_api()
        super().__init__(self.api.http, body or {})

    @property
    def redis(self) -> Redis:
        """Return a client of the store."""
        return self.store.client

    def start_api(self) -> ApiProcess:
        """Start the API without waiting until it is ready."""
        return ApiProcess(self.environment, self.folder / "api.log")

    def start_worker(
        self, processes: int = 2, program: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> Worker:
        worker = Worker({**self.environment, **(environment or {})}, self.folder / "worker.log", processes, program)
        self.workers.append(worker)
        return worker

    def close_workers(self) -> None:
        """Kill all workers."""
        while self.workers:
            self.workers.pop().close()

    def log(self) -> str:
        """Return the output of the workers so far."""
        return (self.folder / "worker.log").read_text(errors="replace")

    def api_log(self) -> str:
        """Return the output of the API so far."""
        return self.api.log.read_text(errors="replace")

    def epochs(self, sweep_id: str, index: int) -> list[str]:
        """Return the stored metrics of each epoch of a run, as JSON."""
        return cast("list[str]", self.redis.lrange(SweepKeys(sweep_id).epochs(index), 0, -1))

    def event_entries(self, sweep_id: str) -> list[tuple[str, dict[str, str]]]:
        """Return the stored events of a sweep, with their ids."""
        return cast("list[tuple[str, dict[str, str]]]", self.redis.xrange(SweepKeys(sweep_id).events))

    def events(self, sweep_id: str) -> list[dict[str, str]]:
        return [event for _, event in self.event_entries(sweep_id)]

    def event_ids(self, sweep_id: str) -> list[str]:
        return [event_id for event_id, _ in self.event_entries(sweep_id)]

    def close_parts(self) -> None:
        """Stop the workers and the API, but not the store."""
        self.close_workers()
        self.api.close()

    def close(self) -> None:
        self.close_parts()
        self.store.close()
