"""Noise previews over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from noisesweep.models import NoiseKind, NoiseKindList, NoiseSamples
from shared.datasets import DatasetName, load
from shared.noise import Purpose, base_noise
from shared.settings import Settings
from tests.support.api import ApiThread
from tests.support.dataset_files import hide_data_sets
from tests.support.pictures import PNG_MAGIC

SAMPLES = "/noise/samples"
Query = dict[str, str | int | float | list[float] | list[str] | list[NoiseKind]]


@pytest.fixture
def http_without_mnist(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    hide_data_sets(tmp_path, monkeypatch)
    served = ApiThread(settings.model_copy(update={"data_dir": tmp_path}))
    yield served.http
    served.close()


def test_data_sets_are_listed_with_shapes_classes_and_licences(http: httpx.Client) -> None:
    listed = {entry["name"]: entry for entry in http.get("/datasets").json()["datasets"]}
    assert listed.keys() == set(DatasetName)
    for entry in listed.values():
        assert entry["image_shape"] == [28, 28]
        assert len(entry["class_names"]) == entry["classes"] == 10
        assert len(entry["sha256"]) == 64
    assert listed["fashion_mnist"]["class_names"][9] == "Ankle boot"
    assert {name: entry["licence"] for name, entry in listed.items()} == {
        "mnist": "CC BY-SA 3.0",
        "fashion_mnist": "MIT",
        "digits": "CC BY 4.0",
    }


def test_samples_are_the_noise_of_a_run(http: httpx.Client) -> None:
    query: Query = {"dataset": "digits", "indices": "-1,0", "scale": [0.5, 2], "seed": 9, "rows": "3:5", "columns": ":"}
    answer = NoiseSamples.model_validate_json(http.get(SAMPLES, params=query).raise_for_status().content)
    noise = base_noise(9, Purpose.TRAINING_NOISE, (1442, 784)).reshape(-1, 28, 28)
    assert [sample.index for sample in answer.samples] == [1441, 0]
    for sample in answer.samples:
        for of_scale, scale in zip(sample.scales, (0.5, 2), strict=True):
            np.testing.assert_array_equal(
                np.array(of_scale.noise, np.float32), noise[sample.index, 3:5] * np.float32(scale)
            )
            np.testing.assert_allclose(np.array(sample.clean) + of_scale.noise, of_scale.noisy, atol=1e-6)


def test_kinds_are_described_with_the_size_of_their_changes(http: httpx.Client) -> None:
    answer = http.get("/noise/kinds", params={"dataset": "digits"}).raise_for_status()
    listed = NoiseKindList.model_validate_json(answer.content)
    assert [kind.name for kind in listed.kinds] == list(NoiseKind)
    pixels = load(DatasetName.DIGITS, None).training_images[:100] / 255
    expected = {
        NoiseKind.GAUSSIAN: lambda scale: scale,
        NoiseKind.UNIFORM: lambda scale: scale,
        NoiseKind.SALT_AND_PEPPER: lambda scale: np.sqrt(scale / 2 * np.mean(pixels**2 + (1 - pixels) ** 2)),
        NoiseKind.SPECKLE: lambda scale: scale * np.sqrt(np.mean(pixels**2)),
        NoiseKind.SHOT: lambda scale: scale * np.sqrt(np.mean(pixels)),
    }
    for kind in listed.kinds:
        assert all(kind.name.accepts(at.scale) for at in kind.rms_changes)
        for at in kind.rms_changes:
            assert at.change == pytest.approx(expected[kind.name](at.scale), rel=0.03)
        picture = http.get(kind.example).raise_for_status()
        assert picture.content.startswith(PNG_MAGIC)
    assert http.get(answer.url, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_several_kinds_are_shown_with_the_same_draws(http: httpx.Client) -> None:
    query: Query = {"dataset": "digits", "indices": "0", "scale": [0.5, 1], "noise": ["gaussian", "speckle"]}
    answer = NoiseSamples.model_validate_json(http.get(SAMPLES, params=query).raise_for_status().content)
    [sample] = answer.samples
    kinds = [(at.kind, at.scale) for at in sample.scales]
    assert kinds == [("gaussian", 0.5), ("gaussian", 1), ("speckle", 0.5), ("speckle", 1)]
    gaussian, speckle = (np.array(sample.scales[index].noise) for index in (1, 3))
    np.testing.assert_allclose(speckle, gaussian * sample.clean, atol=1e-6)
    assert http.get("/noise/plot", params=query).content.startswith(PNG_MAGIC)


def test_default_scales_are_those_that_the_kind_accepts(http: httpx.Client) -> None:
    answer = http.get(SAMPLES, params={"dataset": "digits", "noise": "salt_and_pepper"}).json()
    assert [figures["scale"] for figures in answer["statistics"]] == [0.1, 0.5, 1]


def test_validation_images_have_separate_noise(http: httpx.Client) -> None:
    query: Query = {"dataset": "digits", "indices": "0", "scale": 1, "rows": "0:1"}
    training, validation = (
        http.get(SAMPLES, params={**query, "images": images}).json()["samples"][0]["scales"][0]["noise"]
        for images in ("training", "validation")
    )
    assert training != validation


def test_default_images_and_scales_match_the_notebook(http: httpx.Client) -> None:
    answer = http.get(SAMPLES, params={"dataset": "digits"}).json()
    assert [sample["index"] for sample in answer["samples"]] == [1441, 0, 1, 2, 3, 4]
    assert [figures["scale"] for figures in answer["statistics"]] == [0.1, 0.5, 1, 2, 4]
    assert np.shape(answer["samples"][0]["clean"]) == (28, 28)
    bytes_range = http.get(SAMPLES, params={"dataset": "digits", "pixel_range": 255}).json()
    assert [figures["scale"] for figures in bytes_range["statistics"]] == [25.5, 127.5, 255, 510, 1020]


def test_byte_range_scales_match_unit_range_scales(http: httpx.Client) -> None:
    query: Query = {"dataset": "digits", "indices": "0"}
    byte = http.get(SAMPLES, params={**query, "pixel_range": 255, "scale": 51}).json()
    one = http.get(SAMPLES, params={**query, "scale": 0.2}).json()
    np.testing.assert_allclose(
        byte["samples"][0]["scales"][0]["noisy"],
        255 * np.array(one["samples"][0]["scales"][0]["noisy"]),
        rtol=1e-5,
        atol=1e-4,
    )


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"indices": "1,,2"}, "indices"),
        ({"indices": ",".join(map(str, range(13)))}, "indices"),
        ({"scale": -1}, "scale/0"),
        ({"scale": "nan"}, "scale/0"),
        ({"scale": [0.1] * 9}, "scale"),
        ({"scale": [0.3, 0.30000000000000004]}, "scale"),
        ({"scale": [1e-40]}, "scale/0"),
        ({"pixel_range": 2}, "pixel_range"),
        ({"rows": "1,2"}, "rows"),
        ({"dataset": "imagenet"}, "dataset"),
        ({"noise": "pink"}, "noise/0"),
        ({"noise": ["shot", "shot"]}, "noise"),
        ({"noise": "salt_and_pepper", "scale": [0.5, 1.5]}, "scale/1"),
        ({"noise": ["gaussian", "shot"], "scale": [0.01]}, "scale/0"),
        ({"noise": "speckle", "pixel_range": 255}, "pixel_range"),
        ({"noise": list(NoiseKind), "scale": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]}, "noise"),
    ],
)
def test_invalid_query_parameter_is_named(http: httpx.Client, query: Query, pointer: str) -> None:
    answer = http.get(SAMPLES, params=query)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_list_in_one_query_parameter_is_answered_with_the_form_of_a_list(http: httpx.Client) -> None:
    (error,) = http.get(SAMPLES, params={"scale": "0.1,0.5"}).json()["errors"]
    assert error["detail"].endswith("For several values, repeat the parameter: scale=A&scale=B")


def test_image_index_out_of_range_returns_404(http: httpx.Client) -> None:
    answer = http.get(SAMPLES, params={"dataset": "digits", "indices": "0,1442"})
    assert answer.status_code == 404
    assert "from -1442 to 1441 for the training images of digits, received 1442" in answer.json()["detail"]


def test_repeated_query_returns_304(http: httpx.Client) -> None:
    query: Query = {"dataset": "digits", "indices": "0", "scale": 1}
    first, again = (http.get(SAMPLES, params=query) for _ in range(2))
    assert first.content == again.content
    known = {"If-None-Match": first.headers["ETag"]}
    unchanged = http.get(SAMPLES, params=query, headers=known)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    others: list[Query] = [{"scale": 2}, {"seed": 1}, {"clip": "true"}, {"rows": "0:1"}, {"images": "validation"}]
    for other in others:
        assert http.get(SAMPLES, params={**query, **other}, headers=known).status_code == 200


def test_missing_data_set_is_404_without_local_paths(http_without_mnist: httpx.Client, tmp_path: Path) -> None:
    answer = http_without_mnist.get(SAMPLES)
    assert answer.status_code == 404
    problem = answer.json()
    assert problem["type"] == "/problems/dataset-unavailable"
    assert str(tmp_path) not in answer.text
    assert "digits" in problem["detail"]
    assert http_without_mnist.get(SAMPLES, params={"dataset": "digits"}).status_code == 200


@pytest.mark.parametrize(
    ("file_format", "media_type", "magic"),
    [("png", "image/png", PNG_MAGIC), ("svg", "image/svg+xml", b"<?xml"), ("pdf", "application/pdf", b"%PDF")],
)
def test_plot_has_the_requested_format_and_an_etag(
    http: httpx.Client, file_format: str, media_type: str, magic: bytes
) -> None:
    query: Query = {"dataset": "digits", "indices": "0,1", "scale": [0.5, 2], "format": file_format}
    picture = http.get("/noise/plot", params=query)
    assert picture.status_code == 200
    assert picture.headers["Content-Type"].startswith(media_type)
    assert picture.content.startswith(magic)
    known = {"If-None-Match": picture.headers["ETag"]}
    assert http.get("/noise/plot", params=query, headers=known).status_code == 304
    others: list[Query] = [{"theme": "dark"}, {"seed": 1}]
    for other in others:
        assert http.get("/noise/plot", params={**query, **other}, headers=known).status_code == 200
    assert http.get("/noise/plot", params={**query, "indices": "2000"}).status_code == 404


def test_json_plot_equals_the_samples(http: httpx.Client) -> None:
    query: Query = {"dataset": "digits", "indices": "0,1", "scale": [0.5, 2]}
    plot = http.get("/noise/plot", params={**query, "format": "json"})
    assert plot.headers["Content-Type"] == "application/json"
    assert plot.json() == http.get(SAMPLES, params=query).json()
