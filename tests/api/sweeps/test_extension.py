"""Tests of POST /sweeps/{id}/runs, which extends the grid of a sweep."""

from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import httpx
import pytest
from redis import Redis

from noisesweep.models import MAX_RUNS, MAX_SCALES, Sweep
from shared.settings import Settings
from shared.store.keys import QUEUE
from tests.support.api import ApiThread
from tests.support.training import Training


def submit(http: httpx.Client, **body: Any) -> Sweep:
    return read(http.post("/sweeps", json={"epochs": 2, **body}))


def extend(http: httpx.Client, sweep: Sweep, **body: Any) -> httpx.Response:
    return http.post(f"/sweeps/{sweep.id}/runs", json=body)


def read(answer: httpx.Response) -> Sweep:
    return Sweep.model_validate_json(answer.raise_for_status().content)


def test_extension_with_a_scale_that_the_noise_cannot_have_names_it(http: httpx.Client) -> None:
    sweep = submit(http, scales=[0.1], noise="salt_and_pepper")
    answer = extend(http, sweep, scales=[0.5, 2.0])
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["#/scales/1"]
    assert read(http.get(sweep.links.self)) == sweep


def test_extension_queues_only_the_new_runs(http: httpx.Client, training: Training, redis: Redis) -> None:
    sweep = submit(http, scales=[0.1, 0.5, 1.0, 2.0, 4.0])
    training.epochs(sweep.links.self, runs=5, epochs=2, end=True)
    before = read(http.get(sweep.links.self))
    redis.delete(QUEUE)
    answer = extend(http, sweep, scales=[3.0, 6.0])
    assert (answer.status_code, answer.headers["Location"]) == (202, sweep.links.self)
    extended = read(answer)
    assert extended.runs[:5] == before.runs
    assert [(run.scale, run.status) for run in extended.runs[5:]] == [(3.0, "queued"), (6.0, "queued")]
    assert extended.scales == [0.1, 0.5, 1.0, 2.0, 4.0, 3.0, 6.0]
    assert (extended.status, extended.progress.epochs_total) == ("running", 14)
    assert redis.llen(QUEUE) == 2


def test_extension_completes_the_grid(http: httpx.Client) -> None:
    sweep = submit(http, scales=[0.1, 0.5], seeds=[0])
    extended = read(extend(http, sweep, scales=[1.0], seeds=[1]))
    assert [(run.scale, run.seed) for run in extended.runs[2:]] == [(1.0, 0), (0.1, 1), (0.5, 1), (1.0, 1)]


def test_concurrent_extensions_complete_the_grid(http: httpx.Client) -> None:
    for _ in range(5):
        sweep = submit(http, scales=[0.1, 0.5], reuse=False)
        bodies = [{"scales": [1.0]}, {"seeds": [1]}, {"scales": [2.0], "seeds": [2]}, {"seeds": [1]}]
        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(lambda body: extend(http, sweep, **body), bodies))  # noqa: B023 - within the round
        assert [answer.status_code for answer in answers] == [202] * 4
        grid = [(run.scale, run.seed) for run in read(http.get(sweep.links.self)).runs]
        assert sorted(grid) == sorted(product([0.1, 0.5, 1.0, 2.0], [0, 1, 2]))


def test_repeated_extension_changes_nothing(http: httpx.Client, redis: Redis) -> None:
    sweep = submit(http, scales=[0.1])
    first = read(extend(http, sweep, scales=[0.1, 0.5]))
    redis.delete(QUEUE)
    assert read(extend(http, sweep, scales=[0.5])) == first
    assert redis.llen(QUEUE) == 0


def test_scale_with_the_float32_of_an_existing_one_adds_no_run(http: httpx.Client) -> None:
    sweep = submit(http, scales=[0.30000000000000004])
    assert sweep.scales == [0.3]
    for same in (0.3, 0.30000000000000004, 0.300000012):
        assert read(extend(http, sweep, scales=[same])) == sweep
    twins = extend(http, sweep, scales=[0.7, 0.7000000000000001])
    assert twins.status_code == 422
    assert "0.7 and 0.7000000000000001, which equal 0.7 in float32" in twins.json()["errors"][0]["detail"]


def test_event_stream_includes_added_runs(http: httpx.Client, training: Training) -> None:
    sweep = submit(http, scales=[0.1])
    training.epochs(sweep.links.self, runs=1, epochs=2, end=True)
    read(extend(http, sweep, scales=[0.5]))
    training.epochs(sweep.links.self, runs=1, epochs=2, end=True)
    with http.stream("GET", sweep.links.events) as stream:
        kinds = [line.removeprefix("event: ") for line in stream.iter_lines() if line.startswith("event: ")]
    once = ["run.started", "epoch", "epoch", "run.ended", "sweep.ended"]
    assert kinds == [*once, "run.queued", *once]


def test_extension_changes_the_etag(http: httpx.Client) -> None:
    sweep = submit(http, scales=[0.1])
    etag = http.get(sweep.links.self).headers["ETag"]
    read(extend(http, sweep, scales=[0.5]))
    assert http.get(sweep.links.self, headers={"If-None-Match": etag}).status_code == 200


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({}, "#"), ({"scales": [], "seeds": []}, "#"), ({"scales": [-1]}, "#/scales/0"), ({"epochs": 3}, "#/epochs")],
)
def test_empty_or_invalid_extension_is_rejected(http: httpx.Client, body: dict[str, Any], pointer: str) -> None:
    sweep = submit(http, scales=[0.1])
    answer = extend(http, sweep, **body)
    assert answer.status_code == 422
    assert pointer in {error["pointer"] for error in answer.json()["errors"]}
    assert read(http.get(sweep.links.self)).runs == sweep.runs


def test_extension_beyond_size_limits_is_rejected(http: httpx.Client) -> None:
    sweep = submit(http, scales=[0.1, 0.2], seeds=list(range(100)))
    too_many_runs = extend(http, sweep, seeds=list(range(100, 129)))
    too_many_scales = extend(http, sweep, scales=[float(scale) for scale in range(1, MAX_SCALES)])
    for refusal, limit in ((too_many_runs, MAX_RUNS), (too_many_scales, MAX_SCALES)):
        assert (refusal.status_code, refusal.json()["type"]) == (422, "/problems/sweep-too-large")
        assert str(limit) in refusal.json()["detail"]
    assert len(read(http.get(sweep.links.self)).runs) == 200


def test_extension_is_rejected_if_queue_is_full(settings: Settings, redis: Redis) -> None:
    served = ApiThread(settings.model_copy(update={"max_queued_runs": 3}))
    try:
        sweep = submit(served.http, scales=[0.1, 0.5])
        refusal = extend(served.http, sweep, scales=[1.0, 2.0])
        assert (refusal.status_code, refusal.json()["type"]) == (429, "/problems/queue-full")
        assert len(read(extend(served.http, sweep, scales=[1.0])).runs) == 3
    finally:
        served.close()


def test_unknown_sweep_cannot_be_extended(http: httpx.Client, redis: Redis) -> None:
    answer = http.post("/sweeps/0123456789abcdef/runs", json={"scales": [0.1]})
    assert answer.status_code == 404
    assert redis.dbsize() == 0
