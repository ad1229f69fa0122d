"""Loader that reads a data set from the first search path that contains it."""

from collections.abc import Iterator
from pathlib import Path

from shared.datasets import digits
from shared.datasets.arrays import Arrays, Dataset, hash_arrays
from shared.datasets.catalogue import CATALOGUE, DatasetName
from shared.datasets.files import read
from shared.datasets.search_paths import PUBLISHED, candidates
from shared.errors import DatasetNotFoundError, DatasetUnavailableError


def load(name: str, data_dir: Path | None, *, download: bool = True) -> Dataset:
    """Return a data set from the first search path that contains it.

    The search order is `data_dir`, the folder of Debian's packages, Keras's cache, and this project's cache. If
    `download` is True, the files are downloaded into the last one. MNIST and Fashion-MNIST have the same file names, so
    the hash of the arrays tells them apart. The search continues after a different known data set.

    Raises:
        DatasetNotFoundError: No search path contains it.
        DatasetUnavailableError: The files cannot be read, or their content is unknown.
    """
    searched: list[str] = []
    for source, arrays in _sources(name, data_dir, searched, download=download):
        found, expected = hash_arrays(arrays), CATALOGUE[name].sha256
        if found == expected:
            return Dataset(CATALOGUE[name], source, *arrays)
        other = next((entry.name for entry in CATALOGUE.values() if entry.sha256 == found), None)
        if other is None:
            raise DatasetUnavailableError(
                f"{source} is not {name}: expected SHA-256 {expected}, received {found}. Remove or replace it."
            )
        searched.append(f"{source} (contains {other})")
    published = PUBLISHED[name]
    raise DatasetNotFoundError(
        published.title,
        searched,
        f"put {published.archive}, or a folder {published.subfolders[0]} with the four IDX files, into a folder and "
        "set NOISESWEEP_DATA_DIR to its path",
    )


def _sources(name: str, data_dir: Path | None, searched: list[str], *, download: bool) -> Iterator[tuple[str, Arrays]]:
    if name == DatasetName.DIGITS:
        yield digits.SOURCE, digits.read_digits()
    else:
        for path in candidates(PUBLISHED[name], data_dir, searched, download=download):
            yield str(path), read(path)
