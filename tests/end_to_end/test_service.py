"""The whole service: the API and a Celery worker in their own processes, on a real store."""

import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import pytest

from noisesweep.models import EpochMetrics, Run, RunStatus, Sweep
from shared.settings import Settings
from shared.store.keys import QUEUE, UNACKED, SweepKeys
from shared.store.queue import celery_app, publish
from tests.support.pictures import PNG_MAGIC
from tests.support.service import Service
from tests.support.waiting import wait_until

SMALL = {"epochs": 3, "hidden_units": [32], "dataset": "digits", "reuse": False}


def metrics_of(run: Run) -> list[dict[str, float]]:
    """Return the metrics of all epochs without the duration, which differs from run to run."""
    return [metrics.model_dump(exclude={"seconds"}) for metrics in run.epochs]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    (folder / "mnist.npz").write_bytes(b"not an archive")
    service = Service(folder, {"NOISESWEEP_DATA_DIR": str(folder)})
    try:
        service.start_worker()
        service.api.wait_until_ready()
        yield service
    finally:
        service.close()


def train(service: Service, body: dict[str, object]) -> Sweep:
    """Submit a sweep, wait until it has ended, and return it."""
    return service.wait_for_end(service.submit(body))


def test_submitted_sweep_is_trained_and_plotted(service: Service) -> None:
    sweep = train(service, {"scales": [0.1, 1.0, 4.0], "seeds": [0, 1], **SMALL})
    assert sweep.status is RunStatus.SUCCEEDED
    assert sweep.progress.epochs_done == sweep.progress.epochs_total == 18
    for summary in sweep.runs:
        run = service.get_run(summary.id)
        assert [metrics.epoch for metrics in run.epochs] == [0, 1, 2]
        assert run.latest_metrics == run.epochs[-1] == summary.latest_metrics
        assert run.epochs[-1].loss < run.epochs[0].loss
        assert service.http.get(run.links.plot).content.startswith(PNG_MAGIC)
    by_scale = [run.latest_metrics.val_accuracy for run in sweep.runs[:3] if run.latest_metrics]
    assert all(first > second for first, second in pairwise(by_scale)), by_scale
    assert service.http.get(sweep.links.plot).content.startswith(PNG_MAGIC)


def test_single_run_is_trained(service: Service) -> None:
    run = service.http.post("/runs", json={"scale": 0.5, **SMALL}).raise_for_status().headers["Location"].split("/")[-1]
    wait_until(lambda: service.get_run(run).status.is_final, seconds=60)
    assert service.get_run(run).epochs_done == 3


def test_training_is_reproducible(service: Service) -> None:
    body = {"scales": [0.3, 0.6], **SMALL}
    first, second = (train(service, body) for _ in range(2))
    for run, again in zip(first.runs, second.runs, strict=True):
        assert metrics_of(service.get_run(run.id)) == metrics_of(service.get_run(again.id))
        assert run.weights_sha256 == again.weights_sha256


def test_extension_and_resubmission_reuse_runs(service: Service) -> None:
    body = {"scales": [0.2, 0.4], "include_clean": True, "epochs": 2, "hidden_units": [24], "dataset": "digits"}
    first = train(service, body)
    service.http.post(f"{first.links.self}/runs", json={"scales": [0.8]}).raise_for_status()
    extended = service.wait_for_end(first.id)
    assert [run.scale for run in extended.runs] == [0.0, 0.2, 0.4, 0.8]
    assert extended.runs[:3] == first.runs
    again = service.sweep(service.submit(body | {"scales": [0.2, 0.4, 0.8]}))
    assert again.status is RunStatus.SUCCEEDED
    assert [run.reused_from for run in again.runs] == [run.id for run in extended.runs]
    matrix = service.http.get(again.links.results).json()["matrix"]
    for row, run in zip(matrix["val_accuracy"], sorted(again.runs, key=lambda run: run.scale), strict=True):
        assert run.latest_metrics
        assert row[matrix["test_scales"].index(run.scale)] == run.latest_metrics.val_accuracy
    before = [None in row for row in matrix["val_accuracy"]]
    assert before == [True, True, True, False]  # runs trained before the last scale was added were not tested at it


def test_failed_sweep_has_an_error_and_the_worker_continues(service: Service) -> None:
    failed = train(service, {"scales": [0.1, 0.5], "dataset": "mnist"})
    assert failed.status is RunStatus.FAILED
    for run in failed.runs:
        assert run.error
        assert run.error.code == "dataset_unavailable"
        assert "Remove or replace it" in run.error.message
    assert train(service, {"scales": [0.1], **SMALL}).status is RunStatus.SUCCEEDED


def test_extra_messages_train_nothing_twice(service: Service) -> None:
    sweep_id = service.submit({"scales": [0.1, 0.5], **SMALL})
    app = celery_app(Settings(redis_url=service.store.url))
    publish(app, 20)
    app.close()
    sweep = service.wait_for_end(sweep_id)
    wait_until(lambda: service.redis.llen(QUEUE) == 0 and service.redis.hlen(UNACKED) == 0)
    keys = SweepKeys(sweep.id)
    events = Counter((event["type"], event["index"]) for event in service.events(sweep.id))
    expected = {("run.started", index): 1 for index in "01"} | {("run.ended", index): 1 for index in "01"}
    expected |= {("epoch", index): 3 for index in "01"} | {("sweep.ended", ""): 1}
    assert events == expected
    for index in range(2):
        assert service.redis.hget(keys.run(index), "attempts") == "1"


def test_worker_logs_the_request_id(service: Service) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    headers = {"X-Request-ID": "test-request", "traceparent": trace}
    submitted = service.http.post("/sweeps", json={"scales": [0.1], **SMALL}, headers=headers)
    sweep = service.wait_for_end(submitted.json()["id"])
    logged = service.api_log() + service.log()
    # Libraries that bypass Python's logging print lines that are not JSON.
    lines = [json.loads(line) for line in logged.splitlines() if line.startswith("{")]
    lines = [line for line in lines if line.get("request_id") == "test-request"]
    assert {line["traceparent"] for line in lines} == {trace}
    by_worker = [line["message"] for line in lines if line["logger"].startswith("worker")]
    assert by_worker == [f"Sweep {sweep.id}: training scales 0.1", f"Run {sweep.runs[0].id} succeeded"]


def test_worker_is_listed_and_named_by_its_runs(service: Service) -> None:
    sweep = train(service, {"scales": [0.1], **SMALL})
    (worker,) = service.http.get("/workers").json()["workers"]
    assert (worker["device"], worker["processes"], worker["alive"]) == ("cpu", 2, True)
    assert sweep.runs[0].worker == worker["name"]


def test_every_epoch_has_an_event_with_its_metrics(service: Service) -> None:
    sweep = train(service, {"scales": [0.2], **SMALL})
    published = [
        EpochMetrics.model_validate_json(event["data"])
        for event in service.events(sweep.id)
        if event["type"] == "epoch"
    ]
    assert published == service.get_run(sweep.runs[0].id).epochs


def test_trained_model_can_be_downloaded(service: Service) -> None:
    sweep = train(service, {"scales": [0.2], "keep_model": True, **SMALL})
    (run,) = sweep.runs
    assert run.links.model
    assert zipfile.is_zipfile(io.BytesIO(service.http.get(run.links.model).content))


def test_stopped_worker_requeues_runs_without_changing_results(service: Service) -> None:
    body = {**SMALL, "scales": [0.1, 1.0], "epochs": 40, "batch_size": 8, "hidden_units": [128]}
    undisturbed = train(service, body)
    sweep_id = service.submit(body)
    service.wait_for_epochs(sweep_id, 6)
    assert service.workers.pop().terminate() == 0  # SIGTERM, as in a rolling deployment
    assert not service.sweep(sweep_id).status.is_final
    service.start_worker()
    disturbed = service.wait_for_end(sweep_id)
    assert [run.weights_sha256 for run in disturbed.runs] == [run.weights_sha256 for run in undisturbed.runs]
    for first, second in zip(undisturbed.runs, disturbed.runs, strict=True):
        assert metrics_of(service.get_run(first.id)) == metrics_of(service.get_run(second.id))
    types = Counter(event["type"] for event in service.events(disturbed.id))
    assert types["run.queued"] > 0
    assert types["epoch"] == 80
