"""Sweeps whose runs were trained with different numerics versions."""

from collections.abc import Iterator

import httpx
import pytest

from noisesweep.models import Results, Run, Summary, Sweep
from shared.numerics import NUMERICS
from shared.settings import Settings
from tests.support.claims import SHA
from tests.support.records import evaluation
from tests.support.stored_sweeps import Sweeps
from tests.support.training import invented_metrics
from worker.leases import Leases

WARNING = f"different numerics versions ({NUMERICS} and {NUMERICS + 1})"
BODY = {"scales": [0.1, 0.5], "epochs": 2}


@pytest.fixture
def newer(settings: Settings) -> Iterator[Leases]:
    """Yield the access of a worker with the next numerics version."""
    leases = Leases(settings, numerics=NUMERICS + 1)
    yield leases
    leases.close()


def read(answer: httpx.Response) -> Sweep:
    return Sweep.model_validate_json(answer.raise_for_status().content)


def train(http: httpx.Client, worker: Leases, sweep: Sweep, runs: int = 64) -> Sweep:
    """Commit invented results of up to that many queued runs."""
    Sweeps(worker.redis).put_first(sweep.id)
    claim = worker.claim(limit=runs, worker="1@here", device="cpu")
    assert claim
    for run in claim.runs:
        for epoch in range(sweep.config.epochs):
            worker.commit(claim, run, invented_metrics(epoch, run.scale))
        worker.succeed(claim, run, SHA, evaluation(worker.test_scales(claim)))
    return read(http.get(sweep.links.self))


def submit(http: httpx.Client, **body: object) -> Sweep:
    return read(http.post("/sweeps", json=BODY | body))


@pytest.fixture
def mixed(http: httpx.Client, leases: Leases, newer: Leases) -> Sweep:
    """Return a sweep whose second run was trained with a newer numerics version."""
    sweep = submit(http)
    train(http, leases, sweep, runs=1)
    return train(http, newer, sweep)


def test_runs_and_results_contain_their_numerics(http: httpx.Client, mixed: Sweep) -> None:
    versions = [NUMERICS, NUMERICS + 1]
    assert [run.numerics for run in mixed.runs] == mixed.numerics == versions
    runs = [Run.model_validate_json(http.get(run.links.self).content) for run in mixed.runs]
    assert [run.numerics for run in runs] == versions
    results = Results.model_validate_json(http.get(mixed.links.results).content)
    assert [(row.epoch, row.numerics) for row in results.rows] == [(e, n) for n in versions for e in (0, 1)]


def test_sweep_of_mixed_numerics_says_so(http: httpx.Client, mixed: Sweep) -> None:
    assert WARNING in (mixed.status_detail or "")
    summary = Summary.model_validate_json(http.get(mixed.links.summary).content)
    assert WARNING in summary.remarks[0]
    for kind in ("accuracy", "epochs", "matrix", "confusion"):
        plot = http.get(mixed.links.plot, params={"kind": kind, "format": "json"}).raise_for_status().json()
        assert WARNING in plot["caption"]["notes"][-1], kind


def test_sweep_of_one_version_says_nothing(http: httpx.Client, newer: Leases) -> None:
    sweep = train(http, newer, submit(http))
    assert (sweep.numerics, sweep.status_detail) == ([NUMERICS + 1], None)
    assert "numerics" not in http.get(sweep.links.plot, params={"format": "json"}).text
    assert "numerics" not in http.get(sweep.links.summary).text


def test_comparison_of_two_versions_says_so(http: httpx.Client, leases: Leases, newer: Leases) -> None:
    sweeps = [train(http, worker, submit(http, reuse=False)) for worker in (leases, newer)]
    query = [("sweep", sweep.id) for sweep in sweeps]
    plot = http.get("/plots/compare", params=[*query, ("format", "json")]).raise_for_status().json()
    assert WARNING in plot["caption"]["warnings"][-1]
    assert [curve["name"] for curve in plot["panels"][0]["curves"]] == [
        f"numerics {NUMERICS}",
        f"numerics {NUMERICS + 1}",
    ]


def test_results_of_other_numerics_are_not_reused(http: httpx.Client, newer: Leases) -> None:
    train(http, newer, submit(http))
    assert [run.status for run in submit(http).runs] == ["queued", "queued"]


def test_repeated_sweep_trains_only_the_runs_of_other_numerics(http: httpx.Client, mixed: Sweep) -> None:
    again = submit(http)
    assert [run.reused_from for run in again.runs] == [mixed.runs[0].id, None]
    assert [run.numerics for run in again.runs] == [NUMERICS, None]


def test_extension_reuses_only_runs_of_its_own_numerics(http: httpx.Client, leases: Leases, newer: Leases) -> None:
    extended = train(http, newer, submit(http))
    train(http, leases, submit(http, scales=[3.0, 6.0]))
    source = train(http, newer, submit(http, scales=[3.0], reuse=False))
    answer = read(http.post(f"{extended.links.self}/runs", json={"scales": [3.0, 6.0]}))
    assert [run.reused_from for run in answer.runs] == [None, None, source.runs[0].id, None]
    assert answer.numerics == [NUMERICS + 1]
