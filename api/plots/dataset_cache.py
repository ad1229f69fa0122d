"""The data sets that the API shows pictures of, loaded when they are first asked for."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from cachetools import LRUCache, TTLCache

from shared.datasets import Dataset, DatasetName, load
from shared.errors import DatasetUnavailableError

# MNIST takes 55 MB.
CACHED = 2
# A host without a network would otherwise try a download, which takes seconds to fail, for each request.
FAILURE_SECONDS = 60.0

logger = logging.getLogger(__name__)


class DatasetCache:
    """An LRU cache of this host's data sets. It also remembers failed loads for a while.

    Args:
        data_dir: The folder that NOISESWEEP_DATA_DIR names.
        failure_seconds: Seconds until a failed load is tried again.
        load: Loads the data set of a name; called in a thread.
    """

    def __init__(
        self,
        data_dir: Path | None,
        failure_seconds: float = FAILURE_SECONDS,
        load: Callable[[DatasetName, Path | None], Dataset] = load,
    ) -> None:
        self._load = load
        self._data_dir = data_dir
        self._loaded: LRUCache[str, Dataset] = LRUCache(CACHED)
        self._failures: TTLCache[str, str] = TTLCache(len(DatasetName), failure_seconds)
        self._loading: dict[str, asyncio.Lock] = {name: asyncio.Lock() for name in DatasetName}

    async def get(self, name: str) -> Dataset:
        """Return a data set. Callers that ask while it is being loaded share that load.

        Raises:
            DatasetUnavailableError: It cannot be loaded on this host, or could not be a short while ago.
        """
        async with self._loading[name]:
            if name not in self._loaded:
                if reason := self._failures.get(name):
                    raise DatasetUnavailableError(reason)
                try:
                    self._loaded[name] = await asyncio.to_thread(self._load, DatasetName(name), self._data_dir)
                except (DatasetUnavailableError, OSError) as error:
                    logger.warning("The data set %s cannot be shown: %s", name, error)
                    self._failures[name] = str(error)
                    raise DatasetUnavailableError(str(error)) from error
            return self._loaded[name]
