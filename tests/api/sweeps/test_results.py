"""Tests of the results of a sweep as JSON and CSV."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from redis import Redis

from api.limits import Limits
from api.sweeps.results import json_pieces
from api.sweeps.store import Store
from noisesweep.models import Sweep
from shared.errors import SweepNotFoundError
from shared.numerics import NUMERICS
from shared.settings import Settings
from shared.store.keys import SweepKeys
from tests.support.training import Training, invented_metrics

COLUMNS = ["run_id", "scale", "seed", "numerics", "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"]


@pytest.fixture
def results(http: httpx.Client, training: Training) -> str:
    sweep = http.post("/sweeps", json={"scales": [0.1, 4.0], "seeds": [7, 8]}).json()["links"]
    training.epochs(sweep["self"], runs=2, epochs=3)
    return str(sweep["results"])


def test_rows_are_in_grid_order(http: httpx.Client, results: str) -> None:
    answer = http.get(results).json()
    assert [(row["scale"], row["seed"], row["epoch"]) for row in answer["rows"]] == [
        (0.1, 7, 0), (0.1, 7, 1), (0.1, 7, 2), (4.0, 7, 0), (4.0, 7, 1), (4.0, 7, 2)
    ]  # fmt: skip
    expected = invented_metrics(2, 4.0).model_dump() | {
        "run_id": f"{answer['sweep_id']}-1",
        "scale": 4.0,
        "seed": 7,
        "numerics": NUMERICS,
    }
    assert answer["rows"][-1] == expected
    assert answer["config"]["epochs"] == 20


@pytest.mark.parametrize(("accept", "query"), [("text/csv", ""), ("*/*", "?format=csv")])
def test_csv_contains_exactly_the_same_numbers(http: httpx.Client, results: str, accept: str, query: str) -> None:
    answer = http.get(results + query, headers={"Accept": accept})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].endswith('.csv"')
    assert answer.text.count("\r\n") == 7
    table = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert list(table[0]) == COLUMNS
    for row, expected in zip(table, http.get(results).json()["rows"], strict=True):
        assert row.pop("run_id") == expected.pop("run_id")
        assert {name: float(value) for name, value in row.items()} == expected


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Store]:
    store = Store(settings, Limits())
    try:
        yield store
    finally:
        await store.close()


def test_small_results_are_sent_whole(http: httpx.Client, results: str) -> None:
    for file_format in ("json", "csv"):
        answer = http.get(results, params={"format": file_format})
        assert int(answer.headers["Content-Length"]) == len(answer.content)


async def read_results(store: Store, sweep: Sweep) -> object:
    return [piece async for piece in json_pieces(store.measurements, sweep)]


def test_scales_are_shown_as_the_shortest_decimal_of_their_float32(http: httpx.Client, training: Training) -> None:
    body = {"scales": [0.1 + 0.2, 0.30000004321], "dataset": "digits"}
    links = http.post("/sweeps", json=body).raise_for_status().json()["links"]
    training.epochs(links["self"], runs=2, epochs=20, end=True)
    table = csv.DictReader(io.StringIO(http.get(f"{links['results']}?format=csv").text))
    assert {row["scale"] for row in table} == {"0.3", "0.30000004"}
    results, summary, sweep = (http.get(links[name]).json() for name in ("results", "summary", "self"))
    axis = http.get(links["plot"], params={"format": "json"}).json()["panels"][0]["x_axis"]
    for scales in (
        sweep["scales"],
        [run["scale"] for run in sweep["runs"]],
        [figures["scale"] for figures in summary["scales"]],
        results["matrix"]["train_scales"],
        results["matrix"]["test_scales"][1:],
        [at["scale"] for at in axis["scales"]],
    ):
        assert scales == [0.3, 0.30000004]


READS: list[Callable[[Store, Sweep], Awaitable[object]]] = [
    read_results,
    lambda store, sweep: store.measurements.all_epochs(sweep),
    lambda store, sweep: store.measurements.evaluations(sweep),
]


@pytest.mark.parametrize("read", READS)
def test_sweep_that_is_deleted_while_it_is_read_is_not_found(
    http: httpx.Client, training: Training, settings: Settings, read: Callable[[Store, Sweep], Awaitable[object]]
) -> None:
    path = http.post("/sweeps", json={"scales": [0.1, 0.5], "dataset": "digits"}).headers["Location"]
    training.epochs(path, runs=2, epochs=3, end=True)

    async def read_and_delete() -> None:
        async with open_store(settings) as store:
            sweep = await store.sweep(path.removeprefix("/sweeps/"))
            await read(store, sweep)
            await store.delete(sweep.id)
            with pytest.raises(SweepNotFoundError, match="deleted while it was read"):
                await read(store, sweep)

    asyncio.run(read_and_delete())


def test_epochs_of_another_copy_of_the_store_are_not_mixed_in(results: str, redis: Redis, settings: Settings) -> None:
    async def read_replaced_epochs() -> None:
        async with open_store(settings) as store:
            sweep = await store.sweep(results.split("/")[2])
            epochs = SweepKeys(sweep.id).epochs(1)
            redis.lset(epochs, 2, invented_metrics(2, scale=3.0).model_dump_json())
            with pytest.raises(SweepNotFoundError, match="replaced by an older copy"):
                await store.measurements.all_epochs(sweep)

    asyncio.run(read_replaced_epochs())


def test_csv_without_epochs_has_only_the_header(http: httpx.Client) -> None:
    results = http.post("/sweeps", json={"scales": [0.1]}).json()["links"]["results"]
    assert http.get(results).json()["rows"] == []
    assert http.get(results, params={"format": "csv"}).text == ",".join(COLUMNS) + "\r\n"


def test_format_parameter_overrides_accept_header(http: httpx.Client, results: str) -> None:
    answer = http.get(results, params={"format": "json"}, headers={"Accept": "text/csv"})
    assert answer.headers["Content-Type"] == "application/json"
    assert http.get(results, params={"format": "xlsx"}).status_code == 422


def test_figures_are_empty_before_the_first_success(http: httpx.Client, results: str) -> None:
    answer = http.get(results).json()
    assert len(answer["rows"]) == 6
    assert (answer["scales"], answer["matrix"]) == ([], None)


def test_figures_are_computed_from_last_epochs(http: httpx.Client, training: Training) -> None:
    sweep = http.post("/sweeps", json={"scales": [4.0, 1.0], "include_clean": True, "repeats": 2}).json()["links"]
    for _seed in range(2):  # a claim contains runs of one seed
        training.epochs(sweep["self"], runs=3, epochs=20, end=True)
    answer = http.get(sweep["results"]).json()
    assert [figures["scale"] for figures in answer["scales"]] == [0.0, 1.0, 4.0]
    last = {row["scale"]: row for row in answer["rows"] if row["epoch"] == 19}
    for figures in answer["scales"]:
        ended = last[figures["scale"]]
        assert figures["accuracy"]["mean"] == ended["accuracy"]
        assert figures["val_accuracy"]["mean"] == ended["val_accuracy"]
        assert figures["drop_from_clean"]["mean"] == last[0.0]["val_accuracy"] - ended["val_accuracy"]
        assert figures["val_accuracy"]["seeds"] == 2


def test_matrix_diagonal_equals_val_accuracy(http: httpx.Client, training: Training) -> None:
    sweep = http.post("/sweeps", json={"scales": [0.1, 0.7], "include_clean": True, "repeats": 3}).json()["links"]
    for _seed in range(3):
        training.epochs(sweep["self"], runs=3, epochs=2, end=True)
    answer = http.get(sweep["results"]).json()
    matrix = answer["matrix"]
    assert matrix["train_scales"] == matrix["test_scales"] == [0.0, 0.1, 0.7]
    diagonal = [row[index] for index, row in enumerate(matrix["val_accuracy"])]
    assert diagonal == [figures["val_accuracy"]["mean"] for figures in answer["scales"]]
    runs = {run["scale"]: run["latest_metrics"]["val_accuracy"] for run in http.get(sweep["self"]).json()["runs"]}
    assert diagonal == [runs[scale] for scale in matrix["train_scales"]]


def test_matrix_has_no_values_for_scales_added_later(http: httpx.Client, training: Training) -> None:
    sweep = http.post("/sweeps", json={"scales": [1.0]}).json()["links"]
    training.epochs(sweep["self"], runs=1, epochs=1, end=True)
    assert http.post(f"{sweep['self']}/runs", json={"scales": [3.0]}).status_code == 202
    training.epochs(sweep["self"], runs=1, epochs=1, end=True)
    matrix = http.get(sweep["results"]).json()["matrix"]
    assert (matrix["train_scales"], matrix["test_scales"]) == ([1.0, 3.0], [0.0, 1.0, 3.0])
    assert matrix["val_accuracy"] == [[1.0, 0.5, None], [1.0, 0.5, 0.25]]
