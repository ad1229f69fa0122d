"""Search paths and downloads of the published data sets."""

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
# From keras/src/datasets/mnist.py and fashion_mnist.py.
DOWNLOADS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"
# Default of XDG_DATA_DIRS (XDG Base Directory Specification). Debian's packages dataset-* use /usr/share/datasets.
SYSTEM_DATA = "/usr/local/share:/usr/share"


@dataclass(frozen=True)
class PublishedDataset:
    """File names and downloads of a published data set.

    Attributes:
        title: Its usual name, for messages.
        archive: Name of the .npz file with all arrays, in Keras's layout.
        subfolders: Possible names of a folder with its four IDX files, which are named like those of MNIST.
        downloads: Hash of each downloaded file in pooch's format, by the file's path in the cache.
        origin: URL of the folder with the downloads.
    """

    title: str
    archive: str
    subfolders: tuple[str, ...]
    downloads: dict[str, str]
    origin: str = DOWNLOADS


PUBLISHED: dict[str, PublishedDataset] = {
    DatasetName.MNIST: PublishedDataset(
        "MNIST",
        "mnist.npz",
        ("mnist",),
        # The SHA-256 that Keras checks.
        {"mnist.npz": "sha256:731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"},
    ),
    DatasetName.FASHION_MNIST: PublishedDataset(
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
    published: PublishedDataset, data_dir: Path | None, searched: list[str], *, download: bool
) -> Iterator[Path]:
    """Yield each archive or folder that may contain the data set, in search order. The download comes last.

    Args:
        published: The data set.
        data_dir: The folder set as NOISESWEEP_DATA_DIR.
        searched: Receives each path without the data set, with the reason in parentheses.
        download: Download files that are missing in the cache.
    """
    if data_dir is None:
        searched.append("NOISESWEEP_DATA_DIR (not set)")
    else:
        yield from _in_folder(published, data_dir, searched, label=f"NOISESWEEP_DATA_DIR={data_dir}")
    keras = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "datasets"
    system = (os.environ.get("XDG_DATA_DIRS") or SYSTEM_DATA).split(os.pathsep)
    for folder in (*(Path(path) / "datasets" for path in system), keras):
        yield from _in_folder(published, folder, searched)
    cache = pooch.os_cache("noisesweep")
    if not _is_complete(published, cache):
        reason = _download(published, cache) if download else "not found"
        if reason:
            searched.append(f"{cache} ({reason})")
            return
    yield from _in_folder(published, cache, searched)


def _in_folder(
    published: PublishedDataset, folder: Path, searched: list[str], label: str | None = None
) -> Iterator[Path]:
    archive = folder / published.archive
    subfolders = [folder / name for name in published.subfolders]
    try:
        found = [archive] if archive.exists() else []
        found += [path for path in (*subfolders, folder) if idx_files(path)]
    except OSError as error:
        raise DatasetUnavailableError(
            f"Cannot read {label or folder}: {error.strerror}. Give user {os.getuid()} read access."
        ) from error
    if not found:
        names = f"neither {archive.name} nor all four of {IDX_FILES[0]}[.gz], ..., here or in {subfolders[0].name}"
        searched.append(f"{label or folder} ({names if folder.exists() else 'not found'})")
    yield from found


def _is_complete(published: PublishedDataset, cache: Path) -> bool:
    """Return whether the cache has every file with the known hash. Pooch would download changed files again."""
    for path, known_hash in published.downloads.items():
        algorithm, _, known = known_hash.partition(":")
        if not (cache / path).exists() or pooch.file_hash(str(cache / path), alg=algorithm) != known:
            return False
    return True


def _download(published: PublishedDataset, cache: Path) -> str | None:
    """Download the files that are missing in the cache. Return the reason if that fails, otherwise None."""
    for path, known_hash in published.downloads.items():
        url = f"{published.origin}/{PurePosixPath(path).name}"
        try:
            pooch.retrieve(
                url,
                known_hash,
                fname=path,
                path=cache,
                downloader=pooch.HTTPDownloader(timeout=DOWNLOAD_TIMEOUT_SECONDS),
            )
        except (requests.RequestException, ValueError, OSError) as error:
            return f"not found, and the download of {url} failed with {type(error).__name__}"
    return None
