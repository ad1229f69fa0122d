"""Cache of the data sets that clients have added, on the disk of the worker."""

import tempfile
from contextlib import suppress
from pathlib import Path

import pooch

from noisesweep.models import DatasetFacts
from shared.datasets import Dataset, unpack
from shared.errors import DatasetUnavailableError
from worker.leases import Leases

# Number of data sets that stay on the disk, with at most 64 MB each.
MAX_CACHED = 16


class OwnData:
    """Reader of data sets that clients have added: from the disk if they were read before, otherwise from the store.

    Args:
        leases: Access to the store.
        folder: Folder of the cache; by default one in the user's cache folder.
    """

    def __init__(self, leases: Leases, folder: Path | None = None) -> None:
        self._leases = leases
        self._folder = folder or Path(pooch.os_cache("noisesweep")) / "added"

    def load(self, facts: DatasetFacts) -> Dataset:
        """Return a data set. Its hash is checked in each case.

        Raises:
            DatasetUnavailableError: The store does not have the data set, or its content has another hash.
        """
        path = self._folder / facts.sha256
        with suppress(OSError, DatasetUnavailableError):  # it is not there, or damaged
            dataset = unpack(path.read_bytes(), facts, str(path))
            path.touch()
            return dataset
        content = self._leases.dataset(facts.sha256)
        if not content:
            raise DatasetUnavailableError(f"The store does not have the data set {facts.name}.")
        dataset = unpack(content, facts, "the store")
        with suppress(OSError):  # a worker without a writable folder reads from the store each time
            self._keep(path, content)
        return dataset

    def _keep(self, path: Path, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as file:
            file.write(content)
        Path(file.name).replace(path)  # atomic, because other processes read the file
        by_age = sorted(self._folder.iterdir(), key=lambda each: each.stat().st_mtime)
        for old in by_age[:-MAX_CACHED]:
            old.unlink()
