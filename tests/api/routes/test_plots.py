"""Plots over HTTP: kinds, formats, options and conditional requests."""

import io
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.support.pictures import PNG_MAGIC
from tests.support.training import Training

SWEEP = {"scales": [0.5, 1.0], "include_clean": True, "repeats": 2, "epochs": 2, "dataset": "digits"}
SWEEP_KINDS = ["accuracy", "epochs", "matrix", "confusion"]
RUN_KINDS = ["epochs", "confusion"]
MEDIA_TYPES = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf"}
MAGIC = {"png": PNG_MAGIC, "svg": b"<?xml", "pdf": b"%PDF"}


def submit(http: httpx.Client, **changes: Any) -> str:
    return str(http.post("/sweeps", json=SWEEP | changes).headers["Location"])


@pytest.mark.parametrize("kind", SWEEP_KINDS)
def test_sweep_plots_work_before_during_and_after_training(http: httpx.Client, training: Training, kind: str) -> None:
    sweep = submit(http)
    pictures = [http.get(f"{sweep}/plot", params={"kind": kind})]
    for runs in (2, 4):
        training.epochs(sweep, runs=runs, epochs=2, end=True)
        pictures.append(http.get(f"{sweep}/plot", params={"kind": kind}))
    for picture in pictures:
        assert picture.status_code == 200
        assert picture.headers["Content-Type"] == "image/png"
        assert picture.content.startswith(PNG_MAGIC)
    assert len({picture.content for picture in pictures}) == 3


@pytest.mark.parametrize("kind", RUN_KINDS)
def test_run_plots_work_before_during_and_after_training(http: httpx.Client, training: Training, kind: str) -> None:
    sweep = submit(http)
    run = http.get(sweep).json()["runs"][0]["links"]["plot"]
    pictures = [http.get(run, params={"kind": kind}).content]
    claim = training.claim(sweep, runs=1)
    training.commit(claim, 0, epoch=0)
    pictures.append(http.get(run, params={"kind": kind}).content)
    training.commit(claim, 0, epoch=1)
    training.succeed(claim, 0)
    pictures.append(http.get(run, params={"kind": kind}).content)
    assert all(picture.startswith(PNG_MAGIC) for picture in pictures)
    assert len(set(pictures)) == 3


def test_default_plot_matches_the_notebook(http: httpx.Client) -> None:
    sweep = submit(http)
    plain, accuracy = http.get(f"{sweep}/plot"), http.get(f"{sweep}/plot", params={"kind": "accuracy"})
    assert plain.content == accuracy.content
    picture = Image.open(io.BytesIO(plain.content))
    assert picture.size == (1200, 825)
    assert picture.info["Title"] == "Accuracy of Model With Increasing Noise"


@pytest.mark.parametrize("file_format", MEDIA_TYPES)
@pytest.mark.parametrize("path", ["{sweep}/plot", "{run}/plot", "/plots/compare?sweep={id}"])
def test_every_plot_supports_every_format(http: httpx.Client, path: str, file_format: str) -> None:
    sweep = http.get(submit(http)).json()
    address = path.format(sweep=sweep["links"]["self"], run=sweep["runs"][0]["links"]["self"], id=sweep["id"])
    answer = http.get(httpx.URL(address).copy_merge_params({"format": file_format}))
    assert answer.headers["Content-Type"].split(";")[0] == MEDIA_TYPES[file_format]
    assert answer.content.startswith(MAGIC[file_format])


@pytest.mark.parametrize("path", ["{sweep}/plot", "{run}/plot", "/plots/compare?sweep={id}"])
def test_json_plot_describes_the_picture(http: httpx.Client, training: Training, path: str) -> None:
    address = submit(http)
    training.epochs(address, runs=6, epochs=2, end=True)
    sweep = http.get(address).json()
    url = httpx.URL(path.format(sweep=address, run=sweep["runs"][0]["links"]["self"], id=sweep["id"]))
    picture, data = http.get(url), http.get(url.copy_merge_params({"format": "json"}))
    assert data.headers["Content-Type"] == "application/json"
    plot = data.json()
    assert plot["caption"]["title"] == Image.open(io.BytesIO(picture.content)).info["Title"]
    for panel in plot["panels"]:
        assert [tick["label"] for tick in panel["x_axis"]["ticks"]]
        for curve in panel["curves"]:
            assert {"colour", "marker", "dashes", "shaded", "thin"} == plot["theme"]["styles"][curve["style"]].keys()
            assert all(point["mean"] >= 0 for point in curve["points"])


@pytest.mark.parametrize("kind", SWEEP_KINDS)
def test_plot_options_apply_to_json_data(http: httpx.Client, training: Training, kind: str) -> None:
    sweep = submit(http)
    training.epochs(sweep, runs=6, epochs=2, end=True)

    def plot(**options: Any) -> Any:
        return http.get(f"{sweep}/plot", params={"kind": kind, "format": "json"} | options).json()

    plain, dark = plot(), plot(theme="dark")
    assert plain["panels"] == dark["panels"]
    assert plain["theme"]["paper"] != dark["theme"]["paper"]
    assert len(plain["panel_colours"]) == len(plain["panels"])
    if kind == "accuracy":
        (panel,), (log,) = plain["panels"], plot(log=True, samples=True)["panels"]
        assert [at["scale"] for at in panel["x_axis"]["scales"]] == [at["scale"] for at in log["x_axis"]["scales"]]
        assert panel["x_axis"]["limits"] != log["x_axis"]["limits"]
        assert [curve["starts_apart"] for curve in log["curves"]] == [True, True]
        assert len(plot(samples=True)["samples"]["images"][0][1]) == 784
    if kind == "matrix":
        (panel,) = plain["panels"]
        assert panel["cells"]["values"] == http.get(f"{sweep}/results").json()["matrix"]["val_accuracy"]


def test_size_and_resolution_are_applied(http: httpx.Client) -> None:
    answer = http.get(f"{submit(http)}/plot", params={"width": 4, "height": 2.5, "dpi": 300})
    assert Image.open(io.BytesIO(answer.content)).size == (1200, 750)


@pytest.mark.parametrize("option", [{"theme": "dark"}, {"log": "true"}, {"samples": "true"}])
def test_option_changes_only_the_plots_that_support_it(
    http: httpx.Client, training: Training, option: dict[str, str]
) -> None:
    sweep = submit(http)
    training.epochs(sweep, runs=6, epochs=2, end=True)
    assert http.get(f"{sweep}/plot", params=option).content != http.get(f"{sweep}/plot").content
    matrix = http.get(f"{sweep}/plot", params={"kind": "matrix"}).content
    unchanged = http.get(f"{sweep}/plot", params={"kind": "matrix"} | option).content == matrix
    assert unchanged == ("theme" not in option)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"kind": "loss"}, "kind"),
        ({"format": "gif"}, "format"),
        ({"width": "1.9"}, "width"),
        ({"height": "12.1"}, "height"),
        ({"width": "nan"}, "width"),
        ({"dpi": "301"}, "dpi"),
        ({"theme": "sepia"}, "theme"),
        ({"log": "perhaps"}, "log"),
    ],
)
def test_invalid_option_returns_422_despite_if_none_match(
    http: httpx.Client, query: dict[str, str], pointer: str
) -> None:
    answer = http.get(f"{submit(http)}/plot", params=query, headers={"If-None-Match": "*"})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_comparison_changes_with_any_of_its_sweeps(http: httpx.Client, training: Training) -> None:
    sweeps = [submit(http), submit(http, dropout=0.5)]
    ids = [sweep.rsplit("/", maxsplit=1)[-1] for sweep in sweeps]
    before = http.get("/plots/compare", params={"sweep": ids})
    assert before.status_code == 200
    known = {"If-None-Match": before.headers["ETag"]}
    assert http.get("/plots/compare", params={"sweep": ids}, headers=known).status_code == 304
    training.epochs(sweeps[1], runs=6, epochs=2, end=True)
    after = http.get("/plots/compare", params={"sweep": ids}, headers=known)
    assert after.status_code == 200
    assert after.content != before.content
    assert Image.open(io.BytesIO(after.content)).info["Source"] == f"sweeps {', '.join(ids)}"


def test_comparison_takes_1_to_8_different_existing_sweeps(http: httpx.Client) -> None:
    sweep_id = submit(http).rsplit("/", maxsplit=1)[-1]
    for ids in ([], [sweep_id, sweep_id], [sweep_id] + [f"{number:016x}" for number in range(8)]):
        refused = http.get("/plots/compare", params={"sweep": ids})
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["pointer"] == "sweep"
    for missing in ("0123456789abcdef", "nonsense"):
        answer = http.get("/plots/compare", params={"sweep": [sweep_id, missing]}, headers={"If-None-Match": "*"})
        assert answer.status_code == 404
        assert f'No sweep has the id "{missing}"' in answer.json()["detail"]


def test_openapi_lists_plot_formats_and_options(http: httpx.Client) -> None:
    paths = http.get("/openapi.json").json()["paths"]
    for path in ("/sweeps/{sweep_id}/plot", "/runs/{run_id}/plot", "/plots/compare"):
        operation = paths[path]["get"]
        content = operation["responses"]["200"]["content"]
        assert set(content) == {*MEDIA_TYPES.values(), "application/json"}
        assert content["application/json"]["schema"] == {"$ref": "#/components/schemas/Plot"}
        assert {"format", "width", "height", "dpi", "theme", "log", "samples"} <= {
            parameter["name"] for parameter in operation["parameters"]
        }
