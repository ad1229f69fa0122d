"""Tests of the limit on the bytes that the sweeps of one API key occupy in the store."""

from typing import Any, cast

import httpx
import numpy as np
import pytest
from redis import Redis

from api.sweeps.admission import RETRY_BYTES, byte_costs, stored_bytes
from noisesweep.models import Gaps, RunError, SweepRequest
from shared.bits import pack_bits
from shared.configured_keys import ConfiguredKey
from shared.settings import Settings
from shared.store.clock import server_time
from shared.store.keys import BYTES, MODELS, SWEEPS, SweepKeys, parse_sweep_id
from tests.api.conftest import Serve
from tests.support.claims import SHA, claim_runs, delete_ended
from tests.support.keys import configured
from tests.support.records import evaluation
from tests.support.stored_sweeps import Sweeps
from tests.support.training import Training, invented_metrics
from worker.leases import Leases
from worker.reaping import Reaping

KEYS = configured("alice", bob="instructor")
ALICE, BOB = {"Authorization": "Bearer ns_alice"}, {"Authorization": "Bearer ns_bob"}
# What a run on MNIST measures in addition.
BITS = pack_bits(np.ones(10_000, bool))
MEASURED = {
    "correct": BITS,
    "correct_clean": BITS,
    "gaps": Gaps(training=0.9981000000000001, fresh=0.38410000000000001),
}


def counted(redis: Redis) -> dict[str, int]:
    """Return the counted bytes by API key."""
    return {key: int(size) for key, size in cast("dict[str, str]", redis.hgetall(BYTES)).items()}


def occupied(redis: Redis, sweep_id: str) -> int:
    """Return the bytes that the keys of the sweep occupy."""
    keys = cast("list[str]", redis.keys(f"{SweepKeys(sweep_id).record}*"))
    return sum(redis.memory_usage(key, samples=0) or 0 for key in keys)


def grid(scales: int, **body: Any) -> dict[str, Any]:
    return {"scales": [scale / 10 for scale in range(1, scales + 1)], **body}


def train(leases: Leases, sweep_id: str) -> None:
    """Simulate the training of the sweep, with measurements of as many digits as real ones."""
    epochs = SweepRequest.model_validate_json(str(leases.redis.hget(SweepKeys(sweep_id).record, "request"))).epochs
    Sweeps(leases.redis).put_first(sweep_id)
    while claim := leases.claim(64, "12345@training-host", "cpu"):
        for run in claim.runs:
            for epoch in range(epochs):
                leases.commit(claim, run, invented_metrics(epoch, run.scale))
            leases.succeed(claim, run, SHA, evaluation(leases.test_scales(claim)).model_copy(update=MEASURED))


@pytest.mark.parametrize(("epochs", "scales"), [(1, 1), (20, 1), (200, 1), (1, 64), (20, 64), (200, 5)])
def test_counted_bytes_are_an_upper_bound_of_at_most_twice_the_memory(
    http: httpx.Client, redis: Redis, leases: Leases, epochs: int, scales: int
) -> None:
    body = grid(scales, epochs=epochs)
    trained = http.post("/sweeps", json=body).raise_for_status().json()["id"]
    train(leases, trained)
    of_trained = counted(redis)[""]
    assert of_trained == stored_bytes(SweepRequest(**body), scales)
    reused = http.post("/sweeps", json=body).raise_for_status().json()
    assert reused["status"] == "succeeded"
    of_reused = counted(redis)[""] - of_trained
    assert of_reused == stored_bytes(SweepRequest(**body), 0)
    for size, sweep_id in ((of_trained, trained), (of_reused, reused["id"])):
        assert occupied(redis, sweep_id) < size < 2.1 * occupied(redis, sweep_id)


def test_reused_sweeps_are_refused_when_the_limit_is_reached(serve: Serve, redis: Redis, leases: Leases) -> None:
    body = grid(64, epochs=20, seeds=[0, 1])
    request = SweepRequest(**body)
    limit = stored_bytes(request, 128) + 4 * stored_bytes(request, 0) + 100_000
    http = serve(max_stored_bytes=limit)
    first = http.post("/sweeps", json=body).raise_for_status().headers["Location"]
    train(leases, parse_sweep_id(first.removeprefix("/sweeps/")))
    answers = [http.post("/sweeps", json=body) for _ in range(15)]
    assert [answer.status_code for answer in answers] == [202] * 4 + [507] * 11
    refused = answers[-1].json()
    assert refused["type"] == "/problems/storage-full"
    assert refused["detail"].startswith(f"The stored sweeps in all occupy {counted(redis)[''] / 1e6:,.1f} MB of")
    assert "Delete sweeps" in refused["detail"]
    assert (redis.zcard(SWEEPS), counted(redis)[""]) == (5, limit - 100_000)
    dry_run = http.post("/sweeps?dry_run=true", json=body)
    assert (dry_run.status_code, dry_run.json()["detail"]) == (507, refused["detail"])
    http.delete(answers[0].headers["Location"]).raise_for_status()
    assert http.post("/sweeps", json=body).status_code == 202
    for sweep_id in cast("list[str]", redis.zrange(SWEEPS, 0, -1)):
        http.delete(f"/sweeps/{sweep_id}").raise_for_status()
    assert not redis.exists(BYTES)


def test_each_key_has_its_own_limit(serve: Serve, redis: Redis) -> None:
    body = grid(5, epochs=20)
    http = serve(max_stored_bytes=2 * stored_bytes(SweepRequest(**body), 5), api_keys=KEYS)
    answers = [http.post("/sweeps", json=body, headers=ALICE) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 507]
    assert "of this API key" in answers[2].json()["detail"]
    assert http.post("/sweeps", json=body, headers=BOB).status_code == 202
    assert counted(redis)["alice"] == 2 * counted(redis)["bob"]


def test_an_extension_counts_for_the_key_that_asks(serve: Serve, redis: Redis) -> None:
    body = grid(5, epochs=20)
    http = serve(max_stored_bytes=stored_bytes(SweepRequest(**body), 5), api_keys=KEYS)
    sweep = http.post("/sweeps", json=body, headers=ALICE).raise_for_status().headers["Location"]
    before = counted(redis)
    refused = http.post(f"{sweep}/runs", json={"scales": [7.0]}, headers=ALICE)
    assert (refused.status_code, refused.json()["type"]) == (507, "/problems/storage-full")
    http.post(f"{sweep}/runs", json={"scales": [7.0]}, headers=BOB).raise_for_status()
    assert counted(redis) == before | {"bob": byte_costs(SweepRequest(**body))["run_bytes"]}
    http.post(f"{sweep}/cancel", headers=ALICE).raise_for_status()
    http.delete(sweep, headers=ALICE).raise_for_status()
    assert not redis.exists(BYTES)


def test_a_retry_counts_for_the_key_that_asks(serve: Serve, redis: Redis) -> None:
    http = serve(api_keys=KEYS)
    sweep = http.post("/sweeps", json=grid(5), headers=ALICE).raise_for_status().headers["Location"]
    before = counted(redis)
    for repeats in range(1, 4):  # each one adds events to the sweep
        http.post(f"{sweep}/cancel", headers=ALICE).raise_for_status()
        http.post(f"{sweep}/retry", headers=BOB).raise_for_status()
        assert counted(redis) == before | {"bob": repeats * 5 * RETRY_BYTES}
    http.post(f"{sweep}/cancel", headers=ALICE).raise_for_status()
    http.delete(sweep, headers=BOB).raise_for_status()
    assert not redis.exists(BYTES)


def test_events_of_retries_are_within_the_counted_bytes(http: httpx.Client, redis: Redis, leases: Leases) -> None:
    sweep = http.post("/sweeps", json=grid(5, epochs=1)).raise_for_status().json()["id"]
    for _ in range(50):
        claim = claim_runs(leases, sweep, 5)
        for run in claim.runs:
            leases.fail(claim, run, RunError(code="diverged", message="The loss became NaN or infinite. " * 5))
        http.post(f"/sweeps/{sweep}/retry").raise_for_status()
    # The bytes of their evaluations are counted, too, although failed runs have none.
    assert occupied(redis, sweep) < counted(redis)[""] < 3.5 * occupied(redis, sweep)


def test_models_count_until_they_expire(
    http: httpx.Client, redis: Redis, training: Training, settings: Settings
) -> None:
    body = {"scales": [0.1, 0.5], "epochs": 1, "dataset": "digits", "keep_model": True}
    sweep = http.post("/sweeps", json=body).raise_for_status().headers["Location"]
    size = byte_costs(SweepRequest(**cast("dict[str, Any]", body)))["model_bytes"]
    training.epochs(sweep, runs=2, epochs=1, end=True, model=b"m")
    before = counted(redis)[""]
    assert before > 2 * size > 4 * 300_000  # digits: about 300,000 parameters of four bytes
    redis.zadd(MODELS, dict.fromkeys(cast("list[str]", redis.zrange(MODELS, 0, -1)), 1))
    for _ in range(2):  # a repeated round frees nothing twice
        Reaping(redis, settings).begin_round()
        assert counted(redis)[""] == before - 2 * size
    assert "has expired" in http.get(f"/runs/{sweep.removeprefix('/sweeps/')}-0/model").json()["detail"]
    http.delete(sweep).raise_for_status()
    assert not redis.exists(BYTES)


@pytest.mark.parametrize("api_keys", [{}, KEYS], ids=["without keys", "with keys"])
def test_a_sweep_above_the_limit_is_rejected_with_both_sizes(serve: Serve, api_keys: dict[str, ConfiguredKey]) -> None:
    http = serve(max_stored_bytes=500_000, api_keys=api_keys)
    size = stored_bytes(SweepRequest(**grid(64)), 64)
    of = "of one API key" if api_keys else "in all"
    for query in ("", "?dry_run=true"):
        refused = http.post(f"/sweeps{query}", json=grid(64), headers=ALICE if api_keys else {})
        assert (refused.status_code, refused.json()["type"]) == (422, "/problems/sweep-too-large")
        assert refused.json()["detail"] == (
            f"It needs {size / 1e6:,.1f} MB, and the stored sweeps {of} may occupy 0.5 MB: submit fewer runs or epochs."
        )


@pytest.mark.parametrize("damage", ["missing", "string"])
def test_retention_frees_the_bytes_of_a_sweep_with_an_unreadable_run(
    http: httpx.Client, redis: Redis, leases: Leases, damage: str
) -> None:
    sweep = http.post("/sweeps", json=grid(3)).raise_for_status().json()["id"]
    http.post(f"/sweeps/{sweep}/cancel").raise_for_status()
    run = SweepKeys(sweep).run(1)
    redis.delete(run)
    if damage == "string":
        redis.set(run, "x")
    assert delete_ended(leases, sweep, server_time(redis))
    assert not redis.exists(BYTES)
    assert not redis.exists(run)
