"""Search paths of the published data sets on this machine, and their download addresses."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pooch
import requests

from shared.datasets.catalogue import DatasetName
from shared.datasets.files import IDX_FILES, idx_files
from shared.errors import DatasetUnavailableError

DOWNLOAD_TIMEOUT_SECONDS = 10.0
# Where Keras has them (keras/src/datasets/mnist.py and fashion_mnist.py).
DOWNLOADS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"
# Of Debian's packages dataset-*.
DEBIAN = Path("/usr/share/datasets")


@dataclass(frozen=True)
class Publication:
    """Under which names a data set lies in a folder, and what is downloaded where it lies in none.

    Attributes:
        title: What people call it.
        archive: The .npz file that holds all of it, as Keras publishes MNIST.
        subfolders: What a folder with its four IDX files is called; the files have the names of MNIST's in each.
        downloads: The hash of each file, as pooch writes it, by the file's place in the cache.
    """

    title: str
    archive: str
    subfolders: tuple[str, ...]
    downloads: dict[str, str]


PUBLISHED: dict[str, Publication] = {
    DatasetName.MNIST: Publication(
        "MNIST",
        "mnist.npz",
        ("mnist",),
        # The SHA-256 by which Keras checks it.
        {"mnist.npz": "sha256:731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"},
    ),
    DatasetName.FASHION_MNIST: Publication(
        "Fashion-MNIST",
        "fashion_mnist.npz",
        ("fashion-mnist", "fashion_mnist"),
        # The MD5 sums in its README (github.com/zalandoresearch/fashion-mnist).
        {
            "fashion-mnist/train-images-idx3-ubyte.gz": "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "fashion-mnist/train-labels-idx1-ubyte.gz": "md5:25c81989df183df01b3e8a0aad5dffbe",
            "fashion-mnist/t10k-images-idx3-ubyte.gz": "md5:bef4ecab320f06d8554ea6380940ec79",
            "fashion-mnist/t10k-labels-idx1-ubyte.gz": "md5:bb300cfdad3c16e7a12a480ee83cd310",
        },
    ),
}


def candidates(
    published: Publication, data_dir: Path | None, looked_at: list[str], *, download: bool
) -> Iterator[Path]:
    """Yield each archive or folder of IDX files that may be the data set, in order. The download comes last.

    Args:
        published: The data set.
        data_dir: The folder that NOISESWEEP_DATA_DIR names.
        looked_at: Each place without it is added here, with what is amiss.
        download: Whether to download what is not in the cache.
    """
    if data_dir is None:
        looked_at.append("NOISESWEEP_DATA_DIR (not set)")
    else:
        yield from _in_folder(published, data_dir, looked_at, label=f"NOISESWEEP_DATA_DIR={data_dir}")
    keras = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "datasets"
    for folder in (DEBIAN, keras):
        yield from _in_folder(published, folder, looked_at)
    cache = pooch.os_cache("noisesweep")
    if not _is_whole(published, cache):
        reason = _download(published, cache) if download else "not there"
        if reason:
            looked_at.append(f"{cache} ({reason})")
            return
    yield from _in_folder(published, cache, looked_at)


def _in_folder(published: Publication, folder: Path, looked_at: list[str], label: str | None = None) -> Iterator[Path]:
    archive = folder / published.archive
    subfolders = [folder / name for name in published.subfolders]
    try:
        found = [archive] if archive.exists() else []
        found += [place for place in (*subfolders, folder) if idx_files(place)]
    except OSError as error:
        raise DatasetUnavailableError(
            f"{label or folder} cannot be looked into: {error.strerror}. Let the user {os.getuid()} read it."
        ) from error
    if not found:
        names = f"neither {archive.name} nor all four of {IDX_FILES[0]}[.gz], ..., there or in {subfolders[0].name}"
        looked_at.append(f"{label or folder} ({names if folder.exists() else 'not there'})")
    yield from found


def _is_whole(published: Publication, cache: Path) -> bool:
    """Whether the cache has every file as it was published; one that it has otherwise would be downloaded anew."""
    for place, known_hash in published.downloads.items():
        algorithm, _, known = known_hash.partition(":")
        if not (cache / place).exists() or pooch.file_hash(str(cache / place), alg=algorithm) != known:
            return False
    return True


def _download(published: Publication, cache: Path) -> str | None:
    """Download what the cache does not have; return why that cannot be done, or None."""
    for place, known_hash in published.downloads.items():
        url = f"{DOWNLOADS}/{PurePosixPath(place).name}"
        try:
            pooch.retrieve(
                url,
                known_hash,
                fname=place,
                path=cache,
                downloader=pooch.HTTPDownloader(timeout=DOWNLOAD_TIMEOUT_SECONDS),
            )
        except (requests.RequestException, ValueError, OSError) as error:
            return f"not there, and {url} gave {type(error).__name__}"
    return None
