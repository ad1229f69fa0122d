"""Tests of the results of a sweep as JSON and CSV."""

import csv
import io

import httpx
import pytest
from redis import Redis

from tests.support.training import Training, invented_metrics
from tests.support.waiting import wait_until

COLUMNS = ["run_id", "scale", "seed", "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"]


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
        assert figures["generalisation_gap"]["mean"] == ended["accuracy"] - ended["val_accuracy"]
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


def test_store_error_cuts_off_a_csv_download(
    http: httpx.Client, training: Training, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    links = http.post("/sweeps", json={"scales": [0.1, 0.5]}).json()["links"]
    training.epochs(links["self"], runs=2, epochs=2, end=True)
    redis.execute_command("ACL", "SETUSER", "default", "-lrange")  # type: ignore[no-untyped-call]
    try:
        with pytest.raises(httpx.RemoteProtocolError):
            http.get(links["results"], params={"format": "csv"})
    finally:
        redis.execute_command("ACL", "SETUSER", "default", "+lrange")  # type: ignore[no-untyped-call]
    wait_until(lambda: "Cut off an answer. The store is unavailable" in caplog.text)
    assert not [record for record in caplog.records if record.exc_info]
