"""Tests that a run that has already been trained is reused."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from redis import Redis

from noisesweep.models import Estimate, Run, RunStatus, Sweep, WorkerProfile
from shared.store.keys import QUEUE
from tests.support.records import evaluation
from tests.support.stored_sweeps import Sweeps
from tests.support.training import invented_metrics
from worker.claims import KeptEpoch
from worker.leases import Leases
from worker.presence import Presence

BODY = {"scales": [0.1, 0.5, 1.0], "epochs": 2}


class Trainer:
    """Fake worker that commits invented metrics without training."""

    def __init__(self, leases: Leases, http: httpx.Client) -> None:
        self._leases, self._http = leases, http

    def submit(self, **body: Any) -> Sweep:
        answer = self._http.post("/sweeps", json=BODY | body).raise_for_status()
        return Sweep.model_validate_json(answer.content)

    def trained(self, device: str = "cpu", **body: Any) -> Sweep:
        sweep = self.submit(**body)
        kept = KeptEpoch(0, 0.25, 0.75) if sweep.config.holdout else None
        Sweeps(self._leases.redis).put_first(sweep.id)
        claim = self._leases.claim(limit=64, worker="1@here", device=device)
        assert claim
        for run in claim.runs:
            epochs = sweep.config.epochs - (1 if sweep.config.patience else 0)
            for epoch in range(epochs):
                self._leases.commit(claim, run, invented_metrics(epoch, run.scale))
            tested = evaluation(self._leases.test_scales(claim))
            self._leases.succeed(claim, run, "ab" * 32, tested, kept=kept, epochs=epochs)
        return Sweep.model_validate_json(self._http.get(sweep.links.self).content)


@pytest.fixture
def trainer(leases: Leases, http: httpx.Client) -> Trainer:
    return Trainer(leases, http)


def reused_from(sweep: Sweep) -> list[str | None]:
    return [run.reused_from for run in sweep.runs]


def test_repeated_sweep_succeeds_immediately(trainer: Trainer, redis: Redis) -> None:
    first = trainer.trained()
    redis.delete(QUEUE)
    second = trainer.submit()
    assert second.status is RunStatus.SUCCEEDED
    assert reused_from(second) == [run.id for run in first.runs]
    assert redis.llen(QUEUE) == 0


@pytest.mark.parametrize("fields", [{}, {"holdout": 100}, {"holdout": 100, "keep": "best", "patience": 1}])
def test_reused_run_equals_the_trained_run(trainer: Trainer, http: httpx.Client, fields: dict[str, Any]) -> None:
    first, second = trainer.trained(**fields), trainer.submit(**fields)
    assert all((run.kept is None) == (not fields) for run in first.runs)
    for trained, reused in zip(first.runs, second.runs, strict=True):
        one, other = (
            Run.model_validate_json(http.get(run.links.self).content).model_dump(
                include={
                    "scale",
                    "seed",
                    "status",
                    "epochs",
                    "evaluation",
                    "weights_sha256",
                    "kept",
                    "worker",
                    "device",
                    "config",
                }
            )
            for run in (trained, reused)
        )
        assert one == other
    assert [run.attempts for run in second.runs] == [0, 0, 0]


def test_reused_sweep_has_events_of_its_end(trainer: Trainer, http: httpx.Client) -> None:
    trainer.trained()
    second = trainer.submit()
    events = http.get(second.links.events, headers={"Accept": "application/json"}).json()["events"]
    # No epoch was trained, so there are no epoch events.
    assert [event["type"] for event in events] == [*["run.ended"] * 3, "sweep.ended"]


def test_only_new_runs_of_a_sweep_are_queued(trainer: Trainer, http: httpx.Client, redis: Redis) -> None:
    first = trainer.trained()
    redis.delete(QUEUE)
    second = trainer.submit(scales=[0.5, 2.0])
    assert [(run.scale, run.status, run.reused_from) for run in second.runs] == [
        (0.5, "succeeded", first.runs[1].id),
        (2.0, "queued", None),
    ]
    assert second.status is RunStatus.RUNNING
    assert redis.llen(QUEUE) == 1
    events = http.get(second.links.events, headers={"Accept": "application/json"}).json()["events"]
    assert "sweep.ended" not in [event["type"] for event in events]


def test_run_reused_twice_names_the_trained_run(trainer: Trainer) -> None:
    first = trainer.trained()
    trainer.submit()
    assert reused_from(trainer.submit()) == [run.id for run in first.runs]


@pytest.mark.parametrize(
    "other",
    [
        {"seeds": [1]},
        {"epochs": 3},
        {"batch_size": 64},
        {"dropout": 0.1},
        {"learning_rate": 0.01},
        {"hidden_units": [512]},
        {"precision": "mixed_bfloat16"},
        {"dataset": "digits"},
        {"noise_on": "train"},
        {"clip": True},
        {"resample": True},
    ],
    ids=lambda other: next(iter(other)),
)
def test_run_with_another_config_is_not_reused(trainer: Trainer, other: dict[str, Any]) -> None:
    trainer.trained()
    assert reused_from(trainer.submit(**other)) == [None, None, None]


def test_run_with_numbers_that_train_the_same_is_reused(trainer: Trainer) -> None:
    first = trainer.trained()
    same = {"scales": [0.1 + 1e-17, 0.5000000001, 1.0], "dropout": 0.2000001, "learning_rate": 0.00100000000001}
    again = trainer.submit(**same)
    assert (again.scales, again.config) == (first.scales, first.config)
    assert reused_from(again) == [run.id for run in first.runs]


def test_name_and_tags_do_not_prevent_reuse(trainer: Trainer) -> None:
    trainer.trained()
    assert None not in reused_from(trainer.submit(name="again", tags={"course": "ml-101"}))


@pytest.mark.parametrize("body", [{"reuse": False}, {"keep_model": True}], ids=["reuse", "keep_model"])
def test_reuse_false_and_keep_model_prevent_reuse(trainer: Trainer, body: dict[str, Any]) -> None:
    trainer.trained()
    assert reused_from(trainer.submit(**body)) == [None, None, None]


@pytest.fixture
def gpu_worker(redis: Redis) -> Iterator[None]:
    profile = WorkerProfile(
        name="1@gpu",
        host="gpu",
        version="0",
        device="gpu",
        device_reason="",
        processes=1,
        stack=32,
        started_at=datetime.now(UTC),
    )
    presence = Presence(redis, profile)
    presence.beat()
    yield
    presence.remove()


@pytest.mark.usefixtures("gpu_worker")
def test_run_of_another_device_kind_is_not_reused(trainer: Trainer) -> None:
    on_cpu = trainer.trained(device="cpu")
    assert reused_from(trainer.submit()) == [None, None, None]
    on_gpu = trainer.trained(device="gpu")
    assert reused_from(trainer.submit()) == [run.id for run in on_gpu.runs] != [run.id for run in on_cpu.runs]


@pytest.mark.parametrize("deleted", ["cpu", "gpu"])
def test_runs_of_any_device_are_reused_without_workers(trainer: Trainer, http: httpx.Client, deleted: str) -> None:
    trained = {device: trainer.trained(device=device, reuse=False) for device in ("cpu", "gpu")}
    http.delete(trained.pop(deleted).links.self).raise_for_status()
    [left] = trained.values()
    assert reused_from(trainer.submit()) == [run.id for run in left.runs]


def test_extension_inherits_reuse_false(trainer: Trainer, http: httpx.Client) -> None:
    trainer.trained(scales=[3.0])
    sweep = trainer.submit(reuse=False)
    answer = http.post(f"{sweep.links.self}/runs", json={"scales": [3.0]}).raise_for_status()
    assert reused_from(Sweep.model_validate_json(answer.content)) == [None] * 4


def test_large_sweeps_are_reused_concurrently(trainer: Trainer, http: httpx.Client) -> None:
    body: dict[str, Any] = {"scales": [float(scale) for scale in range(1, 65)], "epochs": 50}
    first = trainer.trained(**body)
    with ThreadPoolExecutor(6) as threads:
        again = list(threads.map(lambda _: trainer.submit(**body), range(6)))
    for sweep in again:
        assert reused_from(sweep) == [run.id for run in first.runs]


def test_deleted_runs_are_not_reused(trainer: Trainer, http: httpx.Client) -> None:
    first = trainer.trained()
    http.delete(first.links.self).raise_for_status()
    assert reused_from(trainer.submit()) == [None, None, None]


def test_cancelled_runs_are_not_reused(trainer: Trainer, http: httpx.Client) -> None:
    first = trainer.submit()
    http.post(f"{first.links.self}/cancel").raise_for_status()
    assert reused_from(trainer.submit()) == [None, None, None]


def test_extension_reuses_trained_runs(trainer: Trainer, http: httpx.Client) -> None:
    first = trainer.trained(scales=[3.0])
    sweep = trainer.trained()
    answer = http.post(f"{sweep.links.self}/runs", json={"scales": [3.0, 6.0]}).raise_for_status()
    extended = Sweep.model_validate_json(answer.content)
    assert reused_from(extended) == [None, None, None, first.runs[0].id, None]
    assert [run.status for run in extended.runs[3:]] == ["succeeded", "queued"]
    without_reuse = {"scales": [6.0], "seeds": [1], "reuse": False}
    again = Sweep.model_validate_json(http.post(f"{first.links.self}/runs", json=without_reuse).content)
    assert reused_from(again) == [None, None, None, None]


def test_dry_run_does_not_count_reused_runs(trainer: Trainer, http: httpx.Client) -> None:
    trainer.trained()

    def dry_run(**body: Any) -> Estimate:
        answer = http.post("/sweeps", params={"dry_run": True}, json=BODY | body).raise_for_status()
        return Estimate.model_validate_json(answer.content)

    whole = dry_run()
    assert (whole.runs, whole.reused_runs, whole.images, whole.estimated_seconds) == (3, 3, 0, 0.0)
    part = dry_run(scales=[0.1, 2.0, 3.0])
    assert (part.runs, part.reused_runs, part.images) == (3, 1, 2 * 2 * 60_000)


def test_reused_runs_need_no_queue_capacity(trainer: Trainer, http: httpx.Client) -> None:
    trainer.trained()
    for _ in range(31):
        trainer.submit(scales=[float(scale) for scale in range(1, 65)], epochs=1)
    http.post("/sweeps", json={"scales": [float(scale) for scale in range(1, 17)]}).raise_for_status()
    assert http.post("/sweeps", json={"scales": [7.5]}).status_code == 429
    assert None not in reused_from(trainer.submit())
