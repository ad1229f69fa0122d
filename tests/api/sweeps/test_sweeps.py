import asyncio
import threading
from typing import Any

import httpx
import pytest
from redis import Redis

from api.limits import Limits
from api.sweeps.errors import UnreadableSweepError
from api.sweeps.store import Store
from noisesweep.models import Sweep
from shared.settings import Settings
from shared.store.keys import QUEUE, SWEEPS, SweepKeys, new_sweep_id
from tests.support.pictures import PNG_MAGIC
from tests.support.records import NOTEBOOK_CONFIG
from tests.support.training import Training

NOTEBOOK = {"scales": [0.1, 0.5, 1.0, 2.0, 4.0]}


def test_default_config_is_the_notebooks(http: httpx.Client) -> None:
    response = http.post("/sweeps", json=NOTEBOOK)
    assert response.status_code == 202
    sweep = response.json()
    assert response.headers["Location"] == sweep["links"]["self"] == f"/sweeps/{sweep['id']}"
    assert sweep["status"] == "queued"
    assert sweep["progress"] == {"epochs_done": 0, "epochs_total": 100}
    assert sweep["config"] == NOTEBOOK_CONFIG
    assert [run["scale"] for run in sweep["runs"]] == NOTEBOOK["scales"]
    assert {run["status"] for run in sweep["runs"]} == {"queued"}


def test_links_of_a_sweep_can_be_read(http: httpx.Client) -> None:
    links = http.post("/sweeps", json=NOTEBOOK).json()["links"]
    for path in [links["self"], links["plot"], *links["runs"]]:
        assert http.get(path).status_code == 200


def test_a_message_is_published_for_every_run(http: httpx.Client, redis: Redis) -> None:
    http.post("/sweeps", json=NOTEBOOK)
    assert redis.llen(QUEUE) == 5


def test_sweep_is_read_back_as_submitted(http: httpx.Client) -> None:
    body = {
        "scales": [0.0, 2],
        "seeds": [3, 4],
        "epochs": 7,
        "batch_size": 32,
        "hidden_units": [64],
        "dropout": 0,
        "learning_rate": 0.01,
        "precision": "mixed_bfloat16",
        "keep_model": True,
        "dataset": "digits",
        "name": "  week 3, Übung B  ",
    }
    submitted = http.post("/sweeps", json=body)
    sweep = http.get(submitted.headers["Location"]).json()
    assert sweep == submitted.json()
    assert (sweep["scales"], sweep["seeds"], sweep["name"]) == ([0.0, 2.0], [3, 4], "week 3, Übung B")
    assert [(run["scale"], run["seed"]) for run in sweep["runs"]] == [(0, 3), (2, 3), (0, 4), (2, 4)]


def test_sweep_shows_progress_and_latest_metrics(http: httpx.Client, training: Training) -> None:
    location = http.post("/sweeps", json=NOTEBOOK | {"epochs": 2}).headers["Location"]
    training.epochs(location, runs=1, epochs=2, end=True)
    training.epochs(location, runs=1, epochs=1)
    sweep = http.get(location).json()
    assert sweep["status"] == "running"
    assert sweep["progress"] == {"epochs_done": 3, "epochs_total": 10}
    assert [run["status"] for run in sweep["runs"]] == ["succeeded", "running", "queued", "queued", "queued"]
    assert [run["latest_metrics"] and run["latest_metrics"]["epoch"] for run in sweep["runs"]] == [
        1,
        0,
        None,
        None,
        None,
    ]
    assert sweep["runs"][0]["ended_at"] > sweep["runs"][0]["started_at"] > sweep["created_at"]


def test_sweeps_are_listed_newest_first_up_to_the_limit(http: httpx.Client) -> None:
    ids = [http.post("/sweeps", json={"scales": [1], "name": f"{number}"}).json()["id"] for number in range(3)]
    assert [sweep["id"] for sweep in http.get("/sweeps").json()["sweeps"]] == ids[::-1]
    assert [sweep["id"] for sweep in http.get("/sweeps", params={"limit": 2}).json()["sweeps"]] == ids[:0:-1]


def test_list_omits_indexed_sweep_without_a_record(http: httpx.Client, redis: Redis) -> None:
    redis.zadd(SWEEPS, {new_sweep_id(): 9e18})
    sweep_id = http.post("/sweeps", json={"scales": [1]}).json()["id"]
    assert [sweep["id"] for sweep in http.get("/sweeps").json()["sweeps"]] == [sweep_id]


def test_plot_is_a_png_at_every_stage(http: httpx.Client, training: Training) -> None:
    location = http.post("/sweeps", json={"scales": [0.1, 1.0], "epochs": 1}).headers["Location"]
    pictures = [http.get(f"{location}/plot")]
    for _ in range(2):
        training.epochs(location, runs=1, epochs=1, end=True)
        pictures.append(http.get(f"{location}/plot"))
    for picture in pictures:
        assert picture.status_code == 200
        assert picture.headers["Content-Type"] == "image/png"
        assert picture.content.startswith(PNG_MAGIC)
    assert len({picture.content for picture in pictures}) == 3


def test_concurrent_requests_get_the_same_picture(http: httpx.Client) -> None:
    location = http.post("/sweeps", json=NOTEBOOK).headers["Location"]
    pictures: list[bytes] = []
    threads = [threading.Thread(target=lambda: pictures.append(http.get(f"{location}/plot").content)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pictures) == 8
    assert len(set(pictures)) == 1


INVALID_REQUESTS: list[tuple[dict[str, Any] | str, str, str]] = [
    ({}, "#/scales", "expected a value, received none"),
    ({"scales": []}, "#/scales", "1 or more items, received 0"),
    ({"scales": [0.5, -0.1]}, "#/scales/1", "a number of at least 0"),
    ('{"scales": [NaN]}', "#/scales/0", "finite number"),
    ('{"scales": [Infinity]}', "#/scales/0", "finite number"),
    ('{"scales": [1e999]}', "#/scales/0", "finite number"),
    ({"scales": [1001]}, "#/scales/0", "a number of at most 1000"),
    (
        {"scales": [0.3, 0.30000000000000004]},
        "#/scales",
        "received 0.3 and 0.30000000000000004, which equal 0.3 in float32",
    ),
    ({"scales": [0, 1e-40]}, "#/scales/1", "expected no positive number below 1.1754944e-38"),
    ({"scales": [1], "learning_rate": 1e-50}, "#/learning_rate", "expected no positive number below 1.1754944e-38"),
    ({"scales": [1], "dropout": 1e-9}, "#/dropout", "expected 0 or a number from 1.52587890625e-05"),
    ({"scales": [0.5, 1, 0.5]}, "#/scales", "received 0.5 more than once"),
    ({"scales": list(range(65))}, "#/scales", "up to 64 items, received 65"),
    ({"scales": ["0.5"]}, "#/scales/0", "expected a number"),
    ({"scales": [True]}, "#/scales/0", "expected a number"),
    ({"scales": 0.5}, "#/scales", "expected a list"),
    ({"scales": [1], "seeds": list(range(257))}, "#/seeds", "up to 256 items, received 257"),
    ({"scales": [1, 2], "seeds": list(range(200))}, "#", "at most 256 runs, received 2 scales x 200 seeds = 400 runs"),
    ({"scales": [1], "seeds": [0, 0]}, "#/seeds", "received 0 more than once"),
    ({"scales": [1], "seeds": [-1]}, "#/seeds/0", "a number of at least 0"),
    ({"scales": [1], "seeds": [2**32]}, "#/seeds/0", "a number of at most 4294967295"),
    ({"scales": [1], "seeds": [0.5]}, "#/seeds/0", "expected a whole number"),
    ({"scales": [1], "epochs": 0}, "#/epochs", "a number of at least 1"),
    ({"scales": [1], "epochs": 201}, "#/epochs", "a number of at most 200"),
    ({"scales": [1], "epochs": "20"}, "#/epochs", "expected a whole number"),
    ({"scales": [1], "batch_size": 0}, "#/batch_size", "a number of at least 1"),
    ({"scales": [1], "hidden_units": [512, 0]}, "#/hidden_units/1", "a number of at least 1"),
    ({"scales": [1], "hidden_units": []}, "#/hidden_units", "1 or more items, received 0"),
    ({"scales": [1], "hidden_units": [4096] * 8}, "#/model", "at most 20,000,000 parameters"),
    (
        {"scales": [1], "hidden_units": [8], "model": {"kind": "mlp"}},
        "#",
        "expected model or hidden_units, received both",
    ),
    ({"scales": [1], "model": "cnn"}, "#/model", "a JSON object"),
    ({"scales": [1], "model": {"filters": [8]}}, "#/model", "a JSON object with the field 'kind'"),
    ({"scales": [1], "model": {"kind": "svm"}}, "#/model", "one of 'mlp', 'cnn' as 'kind', received svm"),
    ({"scales": [1], "model": {"kind": "mlp", "filters": [8]}}, "#/model/filters", "no field of this name"),
    ({"scales": [1], "model": {"kind": "cnn", "filters": [8, 0]}}, "#/model/filters/1", "a number of at least 1"),
    ({"scales": [1], "model": {"kind": "cnn", "kernel_size": 11}}, "#/model", "images of at least 34x34 pixels"),
    (
        {"scales": [1], "batch_size": 10_000, "model": {"kind": "cnn", "filters": [1024], "dense_units": []}},
        "#/model",
        "outputs of layers for 10,000 images",
    ),
    (
        {"scales": [1], "model": {"kind": "cnn", "filters": [256, 1024], "dense_units": []}, "batch_size": 1},
        "#/model",
        "multiply-adds for an image",
    ),
    ({"scales": [1], "holdout": 9}, "#/holdout", "expected 0, or 10 to 30,000 of the 60,000 training images of mnist"),
    ({"scales": [1], "holdout": 722, "dataset": "digits"}, "#/holdout", "0, or 10 to 721 of the 1,442 training images"),
    ({"scales": [1], "keep": "best"}, "#/keep", "expected a holdout with keep, received holdout 0"),
    ({"scales": [1], "patience": 3}, "#/patience", "selected on the test images"),
    ({"scales": [1], "holdout": 100, "patience": 0}, "#/patience", "a number of at least 1"),
    ({"scales": [1], "dropout": 1}, "#/dropout", "less than 1"),
    ({"scales": [1], "learning_rate": 0}, "#/learning_rate", "greater than 0"),
    (
        {"scales": [1], "dataset": "cifar10"},
        "#/dataset",
        'expected one of mnist, fashion_mnist, digits, received "cifar10"',
    ),
    ({"scales": [1], "dataset": "../digits"}, "#/dataset", "expected 1 to 64 characters of a-z 0-9 _ -"),
    ({"scales": [1], "precision": "float16"}, "#/precision", "'float32' or 'mixed_bfloat16'"),
    ({"scales": [1], "noise_on": "test"}, "#/noise_on", "'both', 'train' or 'validation'"),
    ({"scales": [1], "repeats": 0}, "#/repeats", "a number of at least 1"),
    ({"scales": [1], "repeats": 2, "seeds": [4, 5]}, "#", "expected seeds or repeats, received both"),
    ({"scales": [1], "keep_model": 1}, "#/keep_model", "expected true or false"),
    ({"scales": [1], "name": " "}, "#/name", "1 or more characters"),
    ({"scales": [1], "name": "week\x1b[31m 3"}, "#/name", r"without control characters, received \x1b at character 5"),
    ({"scales": [1], "name": "week 3\n"}, "#/name", r"received \n at character 7"),
    ({"scales": [1], "name": "\x9b31m"}, "#/name", r"received \x9b"),
    ({"scales": [1], "name": "a\u202eb"}, "#/name", r"received \u202e"),
    ({"scales": [1], "tags": {"course": "a\x07"}}, "#/tags/course", r"received \x07"),
    ({"scales": [1], "epoch": 3}, "#/epoch", "expected no field of this name"),
    ("[1]", "#", "expected a JSON object"),
    ({"scales": [1], "a/b~c": 3}, "#/a~1b~0c", "expected no field of this name"),
    ({"scales": None}, "#/scales", "expected a list"),
    ('{"scales": [1], "name": 7, "dataset": "\\ud800"}', "#/dataset", "UTF-8 can encode"),
    ('{"scales": [1], "\\ud800": 1}', "#", "UTF-8 can encode"),
    ("{", "#", "The body is not valid JSON: Expecting property name enclosed in double quotes at character 1"),
]


@pytest.mark.parametrize("name", ["漢字", "Übung é", "👩‍💻 ok", "עברית", "می‌خواهم", "a\u00a0b"])
def test_names_in_any_script_are_kept(http: httpx.Client, name: str) -> None:
    sweep = http.post("/sweeps", json={"scales": [1], "name": name, "tags": {"a": name}}).json()
    assert (sweep["name"], sweep["tags"]) == (name, {"a": name})


@pytest.mark.parametrize(
    ("body", "pointer", "detail"), INVALID_REQUESTS, ids=[str(body)[:40] for body, _, _ in INVALID_REQUESTS]
)
def test_invalid_request_is_rejected_with_pointer_and_detail(
    http: httpx.Client, redis: Redis, body: dict[str, Any] | str, pointer: str, detail: str
) -> None:
    content = {"content": body} if isinstance(body, str) else {"json": body}
    response = http.post("/sweeps", headers={"Content-Type": "application/json"}, **content)
    assert response.status_code == 422
    assert response.headers["Content-Type"] == "application/problem+json"
    errors = response.json()["errors"]
    assert pointer in [error["pointer"] for error in errors]
    assert any(detail in error["detail"] for error in errors if error["pointer"] == pointer)
    assert redis.dbsize() == 0


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [({"dataset": "cifar10"}, "#/dataset"), ({"model": {"kind": "mlp", "hidden_units": [4096] * 8}}, "#/model")],
)
@pytest.mark.parametrize(
    ("path", "noise"),
    [("/sweeps", {"scales": [1.0]}), ("/sweeps?dry_run=true", {"scales": [1.0]}), ("/runs", {"scale": 1.0})],
)
def test_unsupported_config_is_rejected_by_every_route(
    http: httpx.Client, redis: Redis, *, path: str, noise: dict[str, Any], fields: dict[str, Any], pointer: str
) -> None:
    response = http.post(path, headers={"Idempotency-Key": "once"}, json=noise | fields)
    problem = response.json()
    assert (response.status_code, problem["type"]) == (422, "/problems/invalid-request")
    assert problem["detail"] == f"Nothing was stored. Invalid: {pointer}."
    assert [(error["pointer"], error["received"]) for error in problem["errors"]] == [(pointer, *fields.values())]
    assert redis.dbsize() == 0


@pytest.mark.parametrize(
    "sweep_id", ["0123456789abcdef", "nonsense", "0123456789ABCDEF", "%7Bx%7D", "0123456789abcdef-0"]
)
@pytest.mark.parametrize("suffix", ["", "/plot"])
def test_unknown_sweep_is_not_found(http: httpx.Client, sweep_id: str, suffix: str) -> None:
    response = http.get(f"/sweeps/{sweep_id}{suffix}")
    assert response.status_code == 404
    assert "No sweep has the id" in response.json()["detail"]


def test_unreadable_record_does_not_affect_others(http: httpx.Client, redis: Redis, settings: Settings) -> None:
    valid, corrupt = (http.post("/sweeps", json={"scales": [0.5]}).json()["id"] for _ in range(2))
    redis.hset(SweepKeys(corrupt).record, "request", "{")

    async def read_together() -> tuple[Sweep | BaseException, Sweep | BaseException]:
        store = Store(settings, Limits())
        try:
            return await asyncio.gather(store.sweep(corrupt), store.sweep(valid), return_exceptions=True)
        finally:
            await store.close()

    unreadable, read = asyncio.run(read_together())
    assert isinstance(unreadable, UnreadableSweepError)
    assert isinstance(read, Sweep)
