"""The service as a user has it: an API and a Celery worker in processes of their own, on a real store."""

import io
import json
import os
import subprocess
import zipfile
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import cast

import httpx
import pytest

from noisesweep.local.launcher import Processes, free_port, launch
from noisesweep.models import EpochMetrics, Run, RunStatus, Sweep
from shared.settings import Settings
from shared.store.keys import SweepKeys
from shared.store.queue import celery_app, publish
from tests.api.conftest import PNG_MAGIC
from tests.conftest import RedisServer, wait_until

SMALL = {"epochs": 3, "hidden_units": [32], "dataset": "digits", "reuse": False}


class Service:
    def __init__(self, http: httpx.Client, store: RedisServer, stack: Processes) -> None:
        self.http = http
        self.store = store
        self._stack = stack

    def log(self) -> list[dict[str, str]]:
        """The lines of the parts' log that are JSON, which those of libraries without Python's logging are not."""
        assert self._stack.log
        return [json.loads(line) for line in self._stack.log.read_text().splitlines() if line.startswith("{")]

    def restart_worker(self) -> None:
        """As a rolling deploy does: SIGTERM, wait, start anew."""
        old = self._stack.processes["worker"]
        old.terminate()
        assert old.wait(timeout=15) == 0
        new = subprocess.Popen(old.args, process_group=os.getpgid(self._stack.processes["API"].pid))
        self._stack.processes["worker"] = new

    def sweep(self, location: str) -> Sweep:
        return Sweep.model_validate_json(self.http.get(location).raise_for_status().content)

    def run(self, location: str) -> Run:
        return Run.model_validate_json(self.http.get(location).raise_for_status().content)

    def submit(self, path: str, body: dict[str, object]) -> str:
        return str(self.http.post(path, json=body).raise_for_status().headers["Location"])

    def events(self, sweep: Sweep) -> list[dict[str, str]]:
        entries = self.store.client.xrange(SweepKeys(sweep.id).events)
        return [event for _, event in cast("list[tuple[str, dict[str, str]]]", entries)]

    def finished(self, location: str) -> Sweep:
        wait_until(lambda: self.sweep(location).status.is_final, seconds=60)
        return self.sweep(location)


def figures(run: Run) -> list[dict[str, float]]:
    return [metrics.model_dump(exclude={"seconds"}) for metrics in run.epochs]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    (folder / "mnist.npz").write_bytes(b"not an archive")
    store = RedisServer(folder, free_port())
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("NOISESWEEP_REDIS_URL", store.url)
        environment.setenv("NOISESWEEP_DATA_DIR", str(folder))
        with (
            launch(folder, port=None, workers=2, log=folder / "log") as stack,
            httpx.Client(base_url=stack.url) as http,
        ):
            yield Service(http, store, stack)
    store.close()


def test_from_post_to_the_plot(service: Service) -> None:
    sweep = service.finished(service.submit("/sweeps", {"scales": [0.1, 1.0, 4.0], "seeds": [0, 1], **SMALL}))
    assert sweep.status is RunStatus.SUCCEEDED
    assert sweep.progress.epochs_done == sweep.progress.epochs_total == 18
    for summary in sweep.runs:
        run = service.run(summary.links.self)
        assert [metrics.epoch for metrics in run.epochs] == [0, 1, 2]
        assert run.latest_metrics == run.epochs[-1] == summary.latest_metrics
        assert run.epochs[-1].loss < run.epochs[0].loss
        assert service.http.get(run.links.plot).content.startswith(PNG_MAGIC)
    by_scale = [run.latest_metrics.val_accuracy for run in sweep.runs[:3] if run.latest_metrics]
    assert all(first > second for first, second in pairwise(by_scale)), by_scale
    assert service.http.get(sweep.links.plot).content.startswith(PNG_MAGIC)


def test_a_single_run_trains_too(service: Service) -> None:
    location = service.submit("/runs", {"scale": 0.5, **SMALL})
    wait_until(lambda: service.run(location).status.is_final, seconds=60)
    assert service.run(location).epochs_done == 3


def test_the_same_sweep_trained_again_gives_the_same_figures(service: Service) -> None:
    body = {"scales": [0.3, 0.6], **SMALL}
    first, second = (service.finished(service.submit("/sweeps", body)) for _ in range(2))
    for run, again in zip(first.runs, second.runs, strict=True):
        assert figures(service.run(run.links.self)) == figures(service.run(again.links.self))
        assert run.weights_sha256 == again.weights_sha256


def test_a_sweep_grows_by_what_is_new_and_the_same_sweep_again_trains_nothing(service: Service) -> None:
    body = {"scales": [0.2, 0.4], "include_clean": True, "epochs": 2, "hidden_units": [24], "dataset": "digits"}
    first = service.finished(service.submit("/sweeps", body))
    service.http.post(f"{first.links.self}/runs", json={"scales": [0.8]}).raise_for_status()
    extended = service.finished(first.links.self)
    assert [run.scale for run in extended.runs] == [0.0, 0.2, 0.4, 0.8]
    assert extended.runs[:3] == first.runs
    again = service.sweep(service.submit("/sweeps", body | {"scales": [0.2, 0.4, 0.8]}))
    assert again.status is RunStatus.SUCCEEDED
    assert [run.reused_from for run in again.runs] == [run.id for run in extended.runs]
    matrix = service.http.get(again.links.results).json()["matrix"]
    for row, run in zip(matrix["val_accuracy"], sorted(again.runs, key=lambda run: run.scale), strict=True):
        assert run.latest_metrics
        assert row[matrix["test_scales"].index(run.scale)] == run.latest_metrics.val_accuracy
    before = [None in row for row in matrix["val_accuracy"]]
    assert before == [True, True, True, False]  # those that were trained before the sweep had the last scale


def test_a_sweep_that_fails_says_why_and_the_worker_goes_on(service: Service) -> None:
    failed = service.finished(service.submit("/sweeps", {"scales": [0.1, 0.5], "dataset": "mnist"}))
    assert failed.status is RunStatus.FAILED
    for run in failed.runs:
        assert run.error
        assert run.error.code == "dataset_unavailable"
        assert "Remove or replace it" in run.error.message
    assert service.finished(service.submit("/sweeps", {"scales": [0.1], **SMALL})).status is RunStatus.SUCCEEDED


def test_messages_too_many_train_nothing_twice(service: Service) -> None:
    location = service.submit("/sweeps", {"scales": [0.1, 0.5], **SMALL})
    app = celery_app(Settings(redis_url=service.store.url))
    publish(app, {location.split("/")[-1]: 20})
    app.close()
    sweep = service.finished(location)
    wait_until(lambda: service.store.client.llen("noisesweep") == 0)
    keys = SweepKeys(sweep.id)
    events = Counter((event["type"], event["index"]) for event in service.events(sweep))
    expected = {("run.started", index): 1 for index in "01"} | {("run.ended", index): 1 for index in "01"}
    expected |= {("epoch", index): 3 for index in "01"} | {("sweep.ended", ""): 1}
    assert events == expected
    for index in range(2):
        assert service.store.client.hget(keys.run(index), "attempts") == "1"


def test_the_worker_says_of_a_run_which_request_asked_for_it(service: Service) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    headers = {"X-Request-ID": "asked-for-this", "traceparent": trace}
    submitted = service.http.post("/sweeps", json={"scales": [0.1], **SMALL}, headers=headers)
    sweep = service.finished(submitted.headers["Location"])
    lines = [line for line in service.log() if line.get("request_id") == "asked-for-this"]
    assert {line["traceparent"] for line in lines} == {trace}
    by_worker = [line["message"] for line in lines if line["logger"].startswith("worker")]
    assert by_worker == [f"Sweep {sweep.id}: training scales 0.1", f"Run {sweep.runs[0].id} succeeded"]


def test_the_worker_is_listed_and_its_runs_name_it(service: Service) -> None:
    sweep = service.finished(service.submit("/sweeps", {"scales": [0.1], **SMALL}))
    (worker,) = service.http.get("/workers").json()["workers"]
    assert (worker["device"], worker["processes"], worker["alive"]) == ("cpu", 2, True)
    assert sweep.runs[0].worker == worker["name"]


def test_every_epoch_is_an_event_that_carries_its_metrics(service: Service) -> None:
    sweep = service.finished(service.submit("/sweeps", {"scales": [0.2], **SMALL}))
    told = [
        EpochMetrics.model_validate_json(event["data"]) for event in service.events(sweep) if event["type"] == "epoch"
    ]
    assert told == service.run(sweep.runs[0].links.self).epochs


def test_a_trained_model_can_be_downloaded(service: Service) -> None:
    sweep = service.finished(service.submit("/sweeps", {"scales": [0.2], "keep_model": True, **SMALL}))
    (run,) = sweep.runs
    assert run.links.model
    assert zipfile.is_zipfile(io.BytesIO(service.http.get(run.links.model).content))


def test_a_worker_told_to_stop_hands_its_runs_over_and_they_end_with_the_same_bits(service: Service) -> None:
    body = {"scales": [0.1, 1.0], "dataset": "digits", "epochs": 25, "batch_size": 8, "reuse": False}
    undisturbed = service.finished(service.submit("/sweeps", body))
    location = service.submit("/sweeps", body)
    wait_until(lambda: service.sweep(location).progress.epochs_done > 5)
    service.restart_worker()
    disturbed = service.finished(location)
    assert [run.weights_sha256 for run in disturbed.runs] == [run.weights_sha256 for run in undisturbed.runs]
    for first, second in zip(undisturbed.runs, disturbed.runs, strict=True):
        assert figures(service.run(first.links.self)) == figures(service.run(second.links.self))
    kinds = Counter(event["type"] for event in service.events(disturbed))
    assert kinds["run.queued"] > 0
    assert kinds["epoch"] == 50
