"""A data set from the first place that has it."""

from collections.abc import Iterator
from pathlib import Path

from shared.datasets import digits
from shared.datasets.arrays import Arrays, Dataset
from shared.datasets.catalogue import CATALOGUE, DatasetName
from shared.datasets.files import read
from shared.datasets.search_paths import PUBLISHED, candidates
from shared.errors import DatasetNotFoundError, DatasetUnavailableError


def load(name: str, data_dir: Path | None, *, download: bool = True) -> Dataset:
    """The arrays of a data set, from the first place that has it.

    A published one is looked for in `data_dir`, in the folder of Debian's packages, in Keras's cache, and in this
    project's own cache, into which it is downloaded last of all, unless `download` is False. As their files have the
    same names, the hash of the arrays decides what a place holds: where it is another data set, the search goes on.

    Raises:
        DatasetNotFoundError: No place has it.
        DatasetUnavailableError: A place has something else under its name.
    """
    looked_at: list[str] = []
    for source, arrays in _sources(name, data_dir, looked_at, download=download):
        dataset = Dataset(name, source, *arrays)
        found, expected = dataset.sha256, CATALOGUE[name].sha256
        if found == expected:
            return dataset
        other = next((entry.name for entry in CATALOGUE.values() if entry.sha256 == found), None)
        if other is None:
            raise DatasetUnavailableError(
                f"What {source} holds is not {name}: SHA-256 of its arrays is {found}, expected {expected}. "
                "Remove or replace it."
            )
        looked_at.append(f"{source} (holds {other})")
    published = PUBLISHED[name]
    raise DatasetNotFoundError(
        published.title,
        looked_at,
        f"put {published.archive}, or a folder {published.subfolders[0]} with the four IDX files, into a folder and "
        "set NOISESWEEP_DATA_DIR to it",
    )


def _sources(name: str, data_dir: Path | None, looked_at: list[str], *, download: bool) -> Iterator[tuple[str, Arrays]]:
    if name == DatasetName.DIGITS:
        yield digits.SOURCE, digits.read_digits()
    else:
        for path in candidates(PUBLISHED[name], data_dir, looked_at, download=download):
            yield str(path), read(path)
