"""Tests of the dry run, which estimates the cost of a submission."""

from contextlib import closing
from typing import Any

import httpx
import pytest
from redis import Redis

from api.sweeps.paces import TYPICAL_PACES
from noisesweep.models import EpochMetrics, SweepRequest, TrainingConfig
from shared.datasets import epoch_work, run_work
from shared.settings import Settings
from shared.store.keys import PACES, pace
from shared.store.paces import EPOCHS, KINDS, Kind, add_epoch
from tests.support.api import ApiThread
from tests.support.claims import claim_next
from tests.support.keys import configured
from tests.support.training import invented_metrics
from worker.devices import Device, DeviceKind
from worker.leases import Leases
from worker.presence import Presence, profile

DIGITS = {"scales": [0.1, 0.5], "seeds": [0, 1], "epochs": 3, "dataset": "digits"}
CPU = Device(DeviceKind.CPU, processes=2, stack=1, xla=False, reason="no GPU on this host")
GPU = Device(DeviceKind.GPU, processes=1, stack=8, xla=True, reason="a GPU")


def estimate(http: httpx.Client, body: dict[str, object], path: str = "/sweeps") -> dict[str, Any]:
    answer = http.post(path, params={"dry_run": "true"}, json=body)
    assert answer.status_code == 200
    return dict(answer.json())


def trained(redis: Redis, seconds: float, *, epoch: int = 1, device: str = "cpu", **config: Any) -> None:
    """Record an epoch of a training on MNIST."""
    kind = Kind.of(TrainingConfig(**config), device)
    metrics = EpochMetrics(epoch=epoch, loss=0.5, accuracy=0.8, val_loss=0.6, val_accuracy=0.7, seconds=seconds)
    with redis.pipeline() as pipeline:
        add_epoch(pipeline, kind, metrics, seconds)
        pipeline.execute()


def epoch_seconds(http: httpx.Client, *, rough: bool = False, **config: Any) -> float:
    """Return the estimated time of a run of one epoch on MNIST, without its tests. Assert that it is rough or not."""
    answer = estimate(http, {"scale": 1, "epochs": 1, **config}, "/runs")
    assert answer["is_rough"] is rough
    request = SweepRequest(scales=[1], epochs=1, **config)
    return float(answer["estimated_seconds"]) * epoch_work(request) / run_work(request)


def test_dry_run_counts_runs_and_stores_nothing(http: httpx.Client, redis: Redis) -> None:
    assert estimate(http, DIGITS) == {
        "runs": 4,
        "reused_runs": 0,
        "images": 4 * 3 * 1442,
        "estimated_seconds": None,
        "is_rough": False,
        "queue_position": 0,
        "core_seconds": pytest.approx(
            4 * run_work(SweepRequest.model_validate(DIGITS)) / TYPICAL_PACES["cpu"], abs=4 * 3 * 0.001
        ),
        "model_bytes": 0,
    }
    assert estimate(http, {"scale": 0.5}, "/runs")["images"] == 20 * 60_000
    assert redis.keys() == []


def test_dry_run_rejects_invalid_requests(http: httpx.Client) -> None:
    assert http.post("/sweeps?dry_run=true", json={"scales": [-1]}).status_code == 422
    assert http.post("/sweeps?dry_run=perhaps", json=DIGITS).status_code == 422


def test_queue_position_counts_queued_runs(http: httpx.Client) -> None:
    http.post("/sweeps", json=DIGITS)
    assert estimate(http, DIGITS)["queue_position"] == 4


def test_time_depends_on_pace_and_live_processes(http: httpx.Client, redis: Redis, leases: Leases) -> None:
    first = http.post("/sweeps", json=DIGITS).json()["id"]
    claim = leases.claim(2, device="cpu")
    assert claim
    for run in claim.runs:
        for epoch in range(3):
            leases.commit(claim, run, invented_metrics(epoch, run.scale))  # 1.5 s for two runs at once
    assert estimate(http, DIGITS)["estimated_seconds"] is None  # no worker is alive
    Presence(redis, profile("7@here", CPU, processes=2)).beat()
    # Two processes share 2 running, 2 queued and 4 new runs. Each run has three epochs of 0.75 s and is tested at two
    # scales and clean. Testing an image is a third of the work of training on it.
    tests = 3 * 355 / 3 / 1442
    assert estimate(http, DIGITS)["estimated_seconds"] == pytest.approx((2 + 2 + 4) * (3 + tests) * 0.75 / 2, abs=0.01)
    # Two processes cannot share a single run.
    http.post(f"/sweeps/{first}/cancel").raise_for_status()
    for run in claim.runs:
        leases.cancel(claim, run)
    one = {"scale": 0.5, "epochs": 3, "dataset": "digits"}
    tests = 2 * 355 / 3 / 1442
    assert estimate(http, one, "/runs")["estimated_seconds"] == pytest.approx((3 + tests) * 0.75, abs=0.01)


def test_many_other_epochs_do_not_hide_a_kind(http: httpx.Client, redis: Redis) -> None:
    Presence(redis, profile("7@here", CPU, processes=1)).beat()
    trained(redis, 3)
    for number in range(300):
        trained(redis, 0.01, dataset="digits", hidden_units=[16 + number % 3])
    assert epoch_seconds(http) == pytest.approx(3, rel=0.01)


def test_slow_epochs_do_not_make_an_estimate_absurd(http: httpx.Client, redis: Redis) -> None:
    Presence(redis, profile("7@here", CPU, processes=1)).beat()
    for seconds in (3, 3, 600, 3):
        trained(redis, seconds)
    assert epoch_seconds(http) == pytest.approx(3, rel=0.01)


def test_first_epochs_are_only_an_upper_bound(http: httpx.Client, redis: Redis) -> None:
    # They include the start of the training program, which may take much longer than an epoch.
    Presence(redis, profile("7@here", CPU, processes=1)).beat()
    typical = epoch_seconds(http, rough=True)
    trained(redis, 20, epoch=0, dataset="digits")
    assert epoch_seconds(http, rough=True) == typical
    trained(redis, 60, epoch=0)
    assert epoch_seconds(http, rough=True) == typical
    trained(redis, 0.5, epoch=0)
    assert epoch_seconds(http, rough=True) == pytest.approx(0.5, rel=0.03)
    trained(redis, 0.3, epoch=1)
    assert epoch_seconds(http) == pytest.approx(0.3, rel=0.03)


def test_first_estimate_is_rough(http: httpx.Client, redis: Redis) -> None:
    Presence(redis, profile("7@here", CPU, processes=1)).beat()
    assert 1 < epoch_seconds(http, rough=True) < 20  # of a notebook's epoch on common processors


def test_unknown_time_on_a_device_that_has_not_trained(http: httpx.Client, redis: Redis) -> None:
    Presence(redis, profile("7@here", GPU, processes=1)).beat()
    trained(redis, 3, device="cpu")
    body: dict[str, object] = {"scale": 1, "epochs": 1}
    assert estimate(http, body, "/runs")["estimated_seconds"] is None
    trained(redis, 0.2, device="gpu")
    assert epoch_seconds(http) == pytest.approx(0.2, rel=0.03)
    # A CPU takes its share of the work.
    Presence(redis, profile("8@here", CPU, processes=1)).beat()
    eight = estimate(http, {"scales": [1], "epochs": 1, "repeats": 8})["estimated_seconds"]
    assert eight == pytest.approx(8 * estimate(http, body, "/runs")["estimated_seconds"] / (1 + 0.2 / 3), rel=0.03)


@pytest.mark.parametrize(
    ("config", "expected", "is_rough"),
    [
        ({"hidden_units": [256, 512]}, 2 * 336_384 / 668_672, False),
        ({"dataset": "fashion_mnist"}, 2, False),
        ({"precision": "mixed_bfloat16"}, 2, True),
        ({"batch_size": 8}, 2, True),
        ({"model": {"kind": "cnn"}}, 2 * 2_297_000 / 668_672, True),
        ({"noise": "shot", "noise_on": "both"}, 2, False),  # it is drawn once
        ({"noise": "shot", "resample": True}, 2 * 2.3, True),
    ],
)
def test_time_is_scaled_from_other_kinds(
    http: httpx.Client, redis: Redis, config: dict[str, Any], expected: float, is_rough: bool
) -> None:
    Presence(redis, profile("7@here", CPU, processes=1)).beat()
    trained(redis, 2)
    assert epoch_seconds(http, rough=is_rough, **config) == pytest.approx(expected, rel=0.02)


def test_fresh_shot_noise_is_a_kind_of_its_own(http: httpx.Client, redis: Redis) -> None:
    Presence(redis, profile("7@here", CPU, processes=1)).beat()
    trained(redis, 2)
    trained(redis, 5, noise="shot", resample=True)
    assert epoch_seconds(http) == pytest.approx(2, rel=0.01)
    assert epoch_seconds(http, noise="shot", resample=True) == pytest.approx(5, rel=0.01)


def test_short_epochs_give_a_rough_estimate_of_long_ones(http: httpx.Client, redis: Redis) -> None:
    Presence(redis, profile("7@here", CPU, processes=1)).beat()
    trained(redis, 0.07, dataset="digits")
    assert epoch_seconds(http, rough=True) == pytest.approx(0.07 * 60_000 / 1_442, rel=0.01)
    trained(redis, 2)
    assert epoch_seconds(http) == pytest.approx(2, rel=0.01)


def test_overhead_of_small_networks_is_not_scaled_up(http: httpx.Client, redis: Redis) -> None:
    Presence(redis, profile("7@here", CPU, processes=1)).beat()
    expected = epoch_seconds(http, rough=True)
    trained(redis, 0.07, dataset="digits", hidden_units=[8])
    assert epoch_seconds(http, rough=True) == expected


def test_kinds_of_other_versions_and_expired_ones_are_skipped(http: httpx.Client, redis: Redis) -> None:
    Presence(redis, profile("7@here", CPU, processes=1)).beat()
    redis.zadd(PACES, {"cpu:mlp:of-another-version": 1, str(Kind.of(TrainingConfig(), "cpu")): 2})
    redis.lpush(pace("cpu:mlp:of-another-version"), "1:2")
    expected = epoch_seconds(http, rough=True)
    trained(redis, 2, dataset="fashion_mnist", batch_size=64)
    assert epoch_seconds(http) == pytest.approx(2, rel=0.02) != expected


def test_stored_epochs_and_kinds_are_bounded(redis: Redis) -> None:
    for number in range(KINDS + 10):
        trained(redis, 1, hidden_units=[number + 1])
    for seconds in range(EPOCHS + 10):
        trained(redis, seconds)
    kind = str(Kind.of(TrainingConfig(), "cpu"))
    assert redis.zcard(PACES) == KINDS
    assert redis.lrange(pace(kind), 0, 0) == [f"1:{EPOCHS + 9}"]
    assert redis.llen(pace(kind)) == EPOCHS
    assert 0 < int(str(redis.ttl(pace(kind)))) <= 90 * 86_400


def test_estimates_follow_the_turns_of_keys(settings: Settings, redis: Redis, leases: Leases) -> None:
    keys = configured("alice", "bob")
    served = ApiThread(settings.model_copy(update={"api_keys": keys}))

    def post(name: str, path: str, body: object) -> dict[str, Any]:
        answer = served.http.post(path, json=body, headers={"Authorization": f"Bearer ns_{name}"})
        return dict(answer.raise_for_status().json())

    def estimates(body: object) -> dict[str, tuple[float, float]]:
        """Return the queue position, and the time as a multiple of the time of a run, by key."""
        answers = {name: post(name, "/sweeps?dry_run=true", body) for name in keys}
        return {
            name: (answer["queue_position"], round(answer["estimated_seconds"] / run_seconds, 1))
            for name, answer in answers.items()
        }

    sixty = {"scales": [0.5], "seeds": list(range(60)), "epochs": 3, "dataset": "digits"}
    one = sixty | {"seeds": [100]}
    run_work_in_epochs = 3 + 2 * 355 / 3 / 1442
    trained(redis, 10, dataset="digits")
    run_seconds = 10 * run_work_in_epochs
    Presence(redis, profile("7@here", CPU, processes=1)).beat()
    try:
        post("alice", "/sweeps", sixty)
        assert estimates(one) == {"alice": (60, 61), "bob": (0, 1)}
        claim_next(leases)
        assert estimates(one) == {"alice": (59, 61), "bob": (0, 2)}  # the running run counts in full
        # The last of sixty runs follows as many of the other key.
        position, runs = estimates(sixty)["bob"]
        assert position == 0
        assert 118 <= runs <= 121
        bobs = post("bob", "/sweeps", one)["id"]
        assert estimates(one)["alice"] == (60, 62)
        assert estimates(one)["bob"][0] in (1, 2)
        assert claim_next(leases).sweep_id == bobs
    finally:
        served.close()


def test_size_of_models_is_estimated_and_limited(settings: Settings, redis: Redis) -> None:
    served = ApiThread(settings.model_copy(update={"max_model_bytes": 100_000_000}))
    http = served.http
    body = {"scales": [n / 10 for n in range(18)], "dataset": "digits", "keep_model": True}
    with closing(served):
        assert estimate(http, body)["model_bytes"] == 18 * (8 * 669_706 + 32_000)
        assert estimate(http, body | {"keep_model": False})["model_bytes"] == 0
        largest = {"scale": 1, "hidden_units": [3500, 3500], "keep_model": True}
        for path, too_large, reason in (
            ("/sweeps", body | {"repeats": 2}, "194.0 MB: 36 x 5.4 MB."),
            ("/sweeps?dry_run=true", body | {"repeats": 2}, "194.0 MB: 36 x 5.4 MB."),
            ("/runs", largest, "120.3 MB: 1 x 120.3 MB."),
        ):
            refused = http.post(path, json=too_large)
            assert refused.status_code == 422
            (error,) = refused.json()["errors"]
            assert error["pointer"] == "#/keep_model"
            assert f"expected at most 100.0 MB of models in a sweep, received {reason}" in error["detail"]
        assert redis.keys() == []
        sweep = http.post("/sweeps", json=body).raise_for_status().json()["links"]["self"]
        refused = http.post(f"{sweep}/runs", json={"scales": [2.0]})
        assert (refused.status_code, refused.json()["type"]) == (422, "/problems/sweep-too-large")
        assert "102.4 MB: 19 x 5.4 MB." in refused.json()["detail"]
        assert http.post("/sweeps", json=body | {"repeats": 2, "keep_model": False}).status_code == 202
