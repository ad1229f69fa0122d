"""Data sets that clients add: upload, description, use in sweeps, and deletion."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from redis import Redis

from noisesweep.models import SweepRequest
from shared.datasets.files import IDX_FILES
from shared.settings import Settings
from shared.store.keys import BYTES
from tests.api.conftest import Serve
from tests.support.added_data import add_dataset
from tests.support.keys import configured
from tests.support.own_data import bars, idx, npz
from tests.support.stored_sweeps import Sweeps

BARS = bars()
SWEEP = {"scales": [0.1, 0.5], "dataset": "bars", "epochs": 1, "hidden_units": [8]}


def add(http: httpx.Client, name: str = "bars", content: bytes | None = None, **more: str) -> httpx.Response:
    content = npz(BARS) if content is None else content
    headers = {
        "Content-Type": "application/zip",
        **({"Authorization": f"Bearer ns_{more.pop('key')}"} if "key" in more else {}),
    }
    return http.post("/datasets", params={"name": name, **more}, content=content, headers=headers)


def test_added_data_set_is_described_and_listed(http: httpx.Client) -> None:
    names = np.array(["left", "middle", "right"])
    added = add(http, content=npz(BARS | {"class_names": names}), description="Bright bars, made for a test.")
    assert added.status_code == 201
    info = added.json()
    assert (info["name"], info["image_shape"], info["classes"]) == ("bars", [12, 17], 3)
    assert (info["training_images"], info["validation_images"]) == (240, 60)
    assert (info["training_counts"], info["validation_counts"]) == ([80] * 3, [20] * 3)
    assert (info["class_names"], info["description"]) == (names.tolist(), "Bright bars, made for a test.")
    assert 10_000 < info["stored_bytes"] < 100_000
    assert http.get("/datasets/bars").json() == info
    listed = http.get("/datasets").json()["datasets"]
    assert [each["name"] for each in listed] == ["mnist", "fashion_mnist", "digits", "bars"]
    assert listed[-1] == info


def test_repeated_upload_changes_nothing(http: httpx.Client, redis: Redis) -> None:
    first = add(http).json()
    before = {key: redis.dump(key) for key in redis.keys()}  # noqa: SIM118 - a Redis client
    again = add(http, description="another text")
    assert (again.status_code, again.json()) == (200, first)
    assert {key: redis.dump(key) for key in redis.keys()} == before  # noqa: SIM118


def test_a_name_and_a_content_belong_to_one_data_set(http: httpx.Client) -> None:
    add(http)
    for name, content, detail in (
        ("bars", npz(bars(classes=4)), "The data set bars has another content: choose another name"),
        ("more", npz(BARS), "This content is already stored as bars: use this name"),
        ("mnist", npz(BARS), "The name mnist belongs to a built-in data set"),
    ):
        refused = add(http, name, content)
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/dataset-taken")
        assert refused.json()["detail"].startswith(detail)


def test_same_images_with_other_names_or_another_shape_are_not_the_same_data_set(http: httpx.Client) -> None:
    add(http)
    flat = {name: array.reshape(len(array), 17, 12) if name.startswith("x") else array for name, array in BARS.items()}
    for changed in (BARS | {"class_names": np.array(["a", "b", "c"])}, flat):
        refused = add(http, content=npz(changed))
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/dataset-taken")
    etag = http.get("/datasets/bars/plot").headers["ETag"]
    http.delete("/datasets/bars")
    add(http, content=npz(BARS | {"class_names": np.array(["a", "b", "c"])}))
    assert http.get("/datasets/bars/plot", headers={"If-None-Match": etag}).status_code == 200


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"", "expected a zip archive"),
        (npz(BARS | {"x_train": BARS["x_train"] / 255}), "x_train: expected the type uint8, received float64"),
        (npz(BARS | {"y_test": np.array([{}] * 60)}), "y_test: expected the type uint8, received object"),
    ],
)
def test_invalid_data_set_is_refused_and_nothing_is_stored(
    http: httpx.Client, redis: Redis, content: bytes, detail: str
) -> None:
    refused = add(http, content=content)
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/invalid-request")
    [error] = refused.json()["errors"]
    assert error["pointer"] == "#"
    assert error["detail"].startswith(detail)
    assert redis.dbsize() == 0


@pytest.mark.parametrize("name", ["", "Bars", "a/b", "a" * 65, "../x"])
def test_invalid_name_is_refused(http: httpx.Client, redis: Redis, name: str) -> None:
    refused = add(http, name)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "name")
    assert redis.dbsize() == 0


def test_data_set_is_deleted_when_no_sweep_needs_it(http: httpx.Client, redis: Redis) -> None:
    add(http)
    ids = [http.post("/sweeps", json=SWEEP).json()["id"] for _ in range(2)]
    for count, sweep_id in zip(("2 sweeps need", "1 sweep needs"), ids, strict=True):
        refused = http.delete("/datasets/bars")
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/dataset-needed")
        assert refused.json()["detail"].startswith(f"{count} the data set bars")
        http.post(f"/sweeps/{sweep_id}/cancel")
        assert http.delete(f"/sweeps/{sweep_id}").status_code == 204
    assert http.delete("/datasets/bars").status_code == 204
    assert not [key for key in redis.keys() if "dataset" in key and redis.type(key) != "string"]  # noqa: SIM118
    assert redis.get("ns:dataset_bytes") == "0"
    assert redis.hgetall(BYTES) == {}
    for answer in (http.get("/datasets/bars"), http.delete("/datasets/bars"), http.get("/datasets/bars/plot")):
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
    assert http.delete("/datasets/mnist").status_code == 409
    assert add(http).status_code == 201


def test_sweep_has_the_content_of_its_data_set(http: httpx.Client) -> None:
    info = add(http).json()
    sweep = http.post("/sweeps", json=SWEEP).json()
    facts = sweep["config"]["own_dataset"]
    assert facts == {name: info[name] for name in facts}
    assert http.get(sweep["links"]["runs"][0]).json()["config"]["own_dataset"] == facts
    again = {**SWEEP, "own_dataset": facts}
    assert http.post("/sweeps", json=again).status_code == 202
    for wrong in (facts | {"sha256": "0" * 64}, facts | {"name": "other"}):
        refused = http.post("/sweeps", json={**SWEEP, "own_dataset": wrong})
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["pointer"] == "#/own_dataset"
    refused = http.post("/sweeps", json={**SWEEP, "dataset": "digits", "own_dataset": facts})
    assert refused.json()["errors"][0]["pointer"] == "#/own_dataset"
    extended = http.post(f"/sweeps/{sweep['id']}/runs", json={"scales": [1]})
    assert extended.json()["config"]["own_dataset"] == facts


@pytest.mark.parametrize(
    ("changes", "pointer", "detail"),
    [
        ({"dataset": "letters"}, "#/dataset", 'expected one of mnist, fashion_mnist, digits, bars, received "letters"'),
        ({"holdout": 121}, "#/holdout", "expected 0, or 3 to 120 of the 240 training images of bars, received 121"),
        ({"hidden_units": None, "model": {"kind": "cnn"}}, "#/model", "expected images of at least 16x16 pixels"),
    ],
)
def test_config_is_checked_against_the_data_set(
    http: httpx.Client, changes: dict[str, Any], pointer: str, detail: str
) -> None:
    add(http)
    body = {name: value for name, value in {**SWEEP, **changes}.items() if value is not None}
    [error] = http.post("/sweeps", json=body).json()["errors"]
    assert error["pointer"] == pointer
    assert error["detail"].startswith(detail)


def test_sweep_of_a_data_set_that_was_deleted_meanwhile_is_refused(sweeps: Sweeps, settings: Settings) -> None:
    facts = add_dataset(settings, "bars", BARS)
    request = SweepRequest(scales=[0.1], dataset="bars", own_dataset=facts)
    gone = request.model_copy(update={"own_dataset": facts.model_copy(update={"sha256": "0" * 64})})
    assert sweeps.write("0" * 16, gone) == ["no_dataset"]
    assert sweeps.write("1" * 16, request) == ["created"]


def test_contact_sheet_shows_each_class(http: httpx.Client) -> None:
    add(http)
    sheet = http.get("/datasets/bars/plot?format=json").json()
    assert [(each["name"], each["training_images"]) for each in sheet["classes"]] == [(str(n), 80) for n in range(3)]
    assert sheet["classes"][1]["indices"] == [1, 4, 7, 10, 13, 16, 19, 22, 25, 28]
    picture = http.get("/datasets/bars/plot")
    assert Image.open(io.BytesIO(picture.content)).format == "PNG"
    etag = picture.headers["ETag"]
    assert http.get("/datasets/bars/plot", headers={"If-None-Match": etag}).status_code == 304
    http.delete("/datasets/bars")
    add(http, content=npz(bars(classes=4)))
    assert http.get("/datasets/bars/plot", headers={"If-None-Match": etag}).status_code == 200


@pytest.mark.parametrize("classes", [26, 100])
def test_contact_sheet_of_many_classes_is_drawn(http: httpx.Client, classes: int) -> None:
    add(http, content=npz(bars(classes, shape=(8, 64), training=4 * classes, test=classes)))
    assert Image.open(io.BytesIO(http.get("/datasets/bars/plot").content)).format == "PNG"


def test_noise_is_shown_on_added_images(http: httpx.Client) -> None:
    add(http)
    samples = http.get("/noise/samples?dataset=bars&scale=0.5&indices=0,1&images=validation").json()
    assert samples["dataset"] == "bars"
    assert np.array(samples["samples"][0]["clean"]).shape == (12, 17)
    expected = (BARS["x_test"][0] / np.float32(255)).astype(np.float32)
    np.testing.assert_array_equal(np.array(samples["samples"][0]["clean"], np.float32), expected)
    assert Image.open(io.BytesIO(http.get("/noise/plot?dataset=bars").content)).format == "PNG"
    assert http.get("/noise/kinds?dataset=bars").status_code == 200
    [error] = http.get("/noise/samples?dataset=letters").json()["errors"]
    assert (error["pointer"], "expected one of mnist" in error["detail"]) == ("dataset", True)


def test_data_sets_occupy_limited_space(serve: Serve, redis: Redis) -> None:
    size = add(serve()).json()["stored_bytes"]
    http = serve(max_dataset_bytes=size + 10)
    refused = add(http, "more", npz(bars(classes=4)))
    assert (refused.status_code, refused.json()["type"]) == (507, "/problems/storage-full")
    assert "all data sets occupy" in refused.json()["detail"]
    assert not [key for key in redis.keys() if "upload" in key]  # noqa: SIM118
    keys = configured("ada", "bob")
    http = serve(max_stored_bytes=size + 10, api_keys=keys)
    assert add(http, "more", npz(bars(classes=4)), key="ada").status_code == 201
    assert add(http, "others", npz(bars(classes=5)), key="ada").status_code == 507
    assert add(http, "others", npz(bars(classes=5)), key="bob").status_code == 201
    counted = redis.hgetall(BYTES)
    assert set(counted) == {"", "ada", "bob"}
    assert counted["ada"] == str(
        http.get("/datasets/more", headers={"Authorization": "Bearer ns_bob"}).json()["stored_bytes"]
    )


@pytest.mark.parametrize("form", ["file", "folder"])
def test_data_set_in_the_data_folder_is_added_when_it_is_used(serve: Serve, tmp_path: Path, form: str) -> None:
    http = serve(data_dir=tmp_path)
    assert http.post("/sweeps", json=SWEEP).status_code == 422
    if form == "file":
        (tmp_path / "bars.npz").write_bytes(npz(BARS))
    else:
        (tmp_path / "bars").mkdir()
        for file, array in zip(IDX_FILES, BARS.values(), strict=True):
            (tmp_path / "bars" / file).write_bytes(idx(array))
    sweep = http.post("/sweeps", json=SWEEP)
    assert sweep.status_code == 202
    assert sweep.json()["config"]["own_dataset"]["training_images"] == 240
    assert http.get("/datasets").json()["datasets"][-1]["name"] == "bars"
    (tmp_path / "letters.npz").write_bytes(b"")
    for refused in (http.get("/datasets/letters"), http.get("/datasets/letters")):
        assert (refused.status_code, refused.json()["type"]) == (404, "/problems/dataset-unavailable")
    for _ in range(2):
        http.post(f"/sweeps/{sweep.json()['id']}/cancel")
        http.delete(f"/sweeps/{sweep.json()['id']}")
        http.delete("/datasets/bars")
    assert "bars" not in [each["name"] for each in http.get("/datasets").json()["datasets"]]


def test_larger_body_than_a_data_set_may_have_is_refused(http: httpx.Client, redis: Redis) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(65):
            yield b"\0" * 1_000_000

    answer = http.post("/datasets?name=bars", content=parts(), headers={"Content-Type": "application/zip"})
    assert (answer.status_code, answer.json()["detail"]) == (413, "The body is larger than 64000000 bytes.")
    assert redis.dbsize() == 0
