"""Uploaded data sets: what is accepted, and the error of everything else."""

import gzip
import io
import tracemalloc
import zipfile
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisesweep.models import DatasetFacts
from shared.datasets import hash_arrays, pack, read_upload, unpack
from shared.datasets.files import IDX_FILES
from shared.errors import DatasetUnavailableError, InvalidDatasetError
from tests.support.own_data import archive, bars, idx, npy, npz

BARS = bars()
NAMES = ("x_train", "y_train", "x_test", "y_test")


def facts(arrays: Any, **changes: Any) -> DatasetFacts:
    x_train, y_train, x_test, y_test = arrays
    given = {
        "name": "bars",
        "image_shape": x_train.shape[1:],
        "classes": int(y_train.max()) + 1,
        "class_names": [str(label) for label in range(int(y_train.max()) + 1)],
        "training_images": len(x_train),
        "validation_images": len(x_test),
        "validation_counts": np.bincount(y_test).tolist(),
        "sha256": hash_arrays(arrays),
    }
    return DatasetFacts.model_validate(given | changes)


def test_arrays_of_an_npz_file_are_read() -> None:
    upload = read_upload(npz(BARS))
    for array, name in zip(upload.arrays, NAMES, strict=True):
        np.testing.assert_array_equal(array, BARS[name])
    assert upload.class_names == ["0", "1", "2"]


def test_names_of_the_classes_are_read() -> None:
    names = np.array(["left", "middle", "right  (bright)"])
    assert read_upload(npz(BARS | {"class_names": names})).class_names == names.tolist()


def test_arrays_in_fortran_order_are_read_in_their_order() -> None:
    upload = read_upload(npz(BARS | {"x_train": np.asfortranarray(BARS["x_train"])}))
    np.testing.assert_array_equal(upload.arrays[0], BARS["x_train"])
    assert upload.arrays[0].flags.c_contiguous


@pytest.mark.parametrize("packed", [False, True])
def test_idx_files_are_read(packed: bool) -> None:
    files = {
        f"raw/{file}.gz" if packed else file: gzip.compress(idx(BARS[name])) if packed else idx(BARS[name])
        for file, name in zip(IDX_FILES, NAMES, strict=True)
    }
    upload = read_upload(archive(files))
    for array, name in zip(upload.arrays, NAMES, strict=True):
        np.testing.assert_array_equal(array, BARS[name])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"x_train": BARS["x_train"] / 255},
            r"x_train: expected the type uint8, received float64 .* \(240",
        ),
        ({"x_test": np.full((60, 12, 17), np.nan)}, "x_test: expected the type uint8, received float64"),
        ({"y_train": BARS["y_train"].astype(int)}, "y_train: expected the type uint8, received int64 .*astype"),
        ({"y_test": np.array([{}] * 60)}, r"y_test: expected the type uint8, received object with the shape \(60,\)"),
        (
            {"y_train": BARS["y_train"][:-1]},
            "y_train: expected one label for each of the 240 .*received 239",
        ),
        (
            {"x_train": BARS["x_train"].reshape(240, -1)},
            r"x_train: expected the shape \(images, .*\(240, 204\)",
        ),
        ({"x_train": BARS["x_train"][:, :7]}, r"x_train: .*8 to 64 pixels.*received \(240, 7, 17\)"),
        ({"x_train": np.zeros((2, 65, 65), np.uint8)}, r"x_train: .*8 to 64 pixels.*received \(2, 65, 65\)"),
        (
            {"x_test": BARS["x_test"][:, :, :16]},
            r"x_test: expected images of 12x17 pixels.*\(60, 12, 16\)",
        ),
        (
            {"x_test": BARS["x_test"][:0], "y_test": BARS["y_test"][:0]},
            "x_test: expected 1 to 200,000 .*received 0",
        ),
        ({"y_train": BARS["y_train"] * 0}, "y_train: expected 2 to 100 classes .*received the labels 0$"),
        (
            {"y_train": BARS["y_train"] + 1},
            "every label from 0 to 3, received none of 0. Subtract 1",
        ),
        ({"y_train": BARS["y_train"] * 2}, "received none of 1, 3$"),
        ({"y_train": np.arange(240, dtype=np.uint8)}, "y_train: expected 2 to 100 classes"),
        ({"y_test": BARS["y_test"] + 1}, "y_test: expected labels from 0 to 2 as in y_train, received 3"),
        ({"class_names": np.array(["a", "b"])}, "class_names: expected 3 different names, .*received a, b"),
        ({"class_names": np.array(["a", "b", "a"])}, "class_names: expected 3 different names"),
        ({"class_names": np.array([b"a", b"b", b"c"])}, r"class_names: expected a list of up to 100 texts"),
        ({"class_names": np.array(["a", "b", "c" * 100])}, r"class_names: .*up to 64 characters"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidDatasetError, match=message):
        read_upload(npz(BARS | changes))


def test_a_million_images_are_refused_without_reading_them() -> None:
    files = {f"{name}.npy": npy(array) for name, array in BARS.items()}
    header = (
        npy(np.zeros((1, 12, 17), np.uint8)).replace(b"(1, 12, 17)", b"(1000000, 12, 17)").replace(b"      \n", b"\n")
    )
    with pytest.raises(InvalidDatasetError, match=r"x_train: expected 1 to 200,000 images, received 1,000,000"):
        read_upload(archive(files | {"x_train.npy": header}))


@pytest.mark.parametrize("kind", ["npy", "idx.gz"])
def test_a_zip_bomb_is_refused_without_much_memory(kind: str) -> None:
    bomb = b"\0" * 300_000_000
    if kind == "npy":
        files = {f"{name}.npy": npy(array) for name, array in BARS.items()}
        content = archive(files | {"x_train.npy": files["x_train.npy"] + bomb})
    else:
        arrays = {f"{file}.gz": gzip.compress(idx(BARS[name])) for file, name in zip(IDX_FILES, NAMES, strict=True)}
        first = idx(BARS["x_train"]) + bomb
        content = archive(arrays | {f"{IDX_FILES[0]}.gz": gzip.compress(first)})
    del bomb
    assert len(content) < 1_000_000
    assert_refused_with_little_memory(content, "expected 48,960 bytes after the header, received more")


def assert_refused_with_little_memory(content: bytes, message: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(InvalidDatasetError, match=message):
            read_upload(content)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a zip archive"),
        (b"not a zip", "expected a zip archive"),
        (npz(BARS)[:-40], "expected a zip archive"),
        (archive({}), "received one with nothing"),
        (archive({"x_train.npy": b""}), "expected an archive with the arrays x_train, .*received one with x_train.npy"),
        (
            archive(dict.fromkeys((f"{name}.npy" for name in NAMES), b"no array")),
            "x_train: expected an array in",
        ),
        (archive(dict.fromkeys(IDX_FILES, b"xx")), "train-images-idx3-ubyte: expected an IDX file of unsigned bytes"),
        (
            archive(dict.fromkeys(IDX_FILES, idx(np.zeros((3, 2), np.uint8)))),
            "train-images-idx3-ubyte: expected the",
        ),
    ],
)
def test_other_content_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(InvalidDatasetError, match=message):
        read_upload(content)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compression_is_refused_because_it_has_no_limit(method: int) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as file:
        file.writestr("x_train.npy", b"\0" * 50_000_000)
    assert_refused_with_little_memory(content.getvalue(), "x_train.npy: expected no compression or deflate")


def test_negative_shape_reads_nothing() -> None:
    files = {f"{name}.npy": npy(array) for name, array in BARS.items()}
    names = npy(np.array(["a" * 64])).replace(b"(1,)", b"(-1,)").replace(b"      \n", b"     \n")
    content = archive(files | {"class_names.npy": names + b"\0" * 50_000_000})
    assert_refused_with_little_memory(content, "class_names: expected a list of up to 100 texts")


def test_many_members_are_refused() -> None:
    content = archive({f"{number}": b"" for number in range(200)})
    with pytest.raises(InvalidDatasetError, match="an archive with up to 100 files"):
        read_upload(content)


@pytest.mark.parametrize(
    "header", [b"{'descr': '|u1', ", b"{'descr': (), 'fortran_order': False, 'shape': ()}", b"-" * 9000]
)
def test_damaged_header_is_refused(header: bytes) -> None:
    header += b" " * (-len(header) % 64) + b"\n"
    damaged = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    files = {f"{name}.npy": npy(array) for name, array in BARS.items()} | {"x_train.npy": damaged}
    with pytest.raises(InvalidDatasetError):
        read_upload(archive(files))


def test_names_that_are_no_text_are_refused() -> None:
    files = {f"{name}.npy": npy(array) for name, array in BARS.items()}
    names = np.array(["a", "b", "c"])
    damaged = npy(names).replace(names.tobytes(), b"\xff\xff\xff\x7f" * 3)
    with pytest.raises(InvalidDatasetError):
        read_upload(archive(files | {"class_names.npy": damaged}))


def test_more_pixels_than_the_service_can_hold_are_refused_by_their_headers() -> None:
    one = npy(np.zeros((1, 64, 64), np.uint8))
    many = one.replace(b"(1, 64, 64)", b"(150000, 64, 64)").replace(b"      \n", b" \n")
    labels, label = npy(np.zeros(150_000, np.uint8)), npy(np.zeros(1, np.uint8))
    files = dict(zip((f"{name}.npy" for name in NAMES), (many, labels, one, label), strict=True))
    with pytest.raises(InvalidDatasetError, match=r"400,000,000 pixels .*150,001 images and 614,404,096 pixels"):
        read_upload(archive(files))


@given(content=st.binary(max_size=200), cut=st.integers(0, 2000), flipped=st.integers(0, 2000))
def test_damaged_archives_are_refused_or_read(content: bytes, cut: int, flipped: int) -> None:
    good = bytearray(npz(bars(training=9, test=3)))
    good[flipped % len(good)] ^= 0xFF
    for damaged in (content, bytes(good), bytes(good[:cut])):
        try:
            upload = read_upload(damaged)
        except InvalidDatasetError:
            continue
        assert upload.arrays[0].dtype == np.uint8


def test_packed_data_is_unpacked_and_checked() -> None:
    arrays = read_upload(npz(BARS)).arrays
    content = pack(arrays)
    dataset = unpack(content, facts(arrays), "a test")
    assert dataset.sha256 == hash_arrays(arrays)
    for found, name in zip((dataset.training_images, dataset.validation_labels), ("x_train", "y_test"), strict=True):
        np.testing.assert_array_equal(found, BARS[name])
    for damaged in (b"", content[:-9], content[:50] + b"\0" + content[51:]):
        with pytest.raises(DatasetUnavailableError, match="a test is not the data set bars"):
            unpack(damaged, facts(arrays), "a test")
    with pytest.raises(DatasetUnavailableError, match="is not the data set bars"):
        unpack(content, facts(arrays, training_images=239), "a test")
