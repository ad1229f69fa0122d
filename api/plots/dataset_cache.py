"""Cache of the data sets that plots and noise previews show. A data set is loaded on first use."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from cachetools import LRUCache, TTLCache

from shared.datasets import Dataset, DatasetName, load
from shared.errors import DatasetUnavailableError

# MNIST takes 55 MB.
MAX_DATASETS = 2
# Pause after a failed load. Without it, each request on a host without internet access would start a download and wait
# seconds until it fails.
FAILURE_SECONDS = 60.0

logger = logging.getLogger(__name__)


class DatasetCache:
    """LRU cache of data sets. Failed loads are cached for a limited time.

    Args:
        data_dir: The folder named by NOISESWEEP_DATA_DIR, or None.
        failure_seconds: Time after which a failed load is tried again.
        load: Function that loads a data set by name. It is called in a thread.
    """

    def __init__(
        self,
        data_dir: Path | None,
        failure_seconds: float = FAILURE_SECONDS,
        load: Callable[[DatasetName, Path | None], Dataset] = load,
    ) -> None:
        self._load = load
        self._data_dir = data_dir
        self._loaded: LRUCache[str, Dataset] = LRUCache(MAX_DATASETS)
        self._failures: TTLCache[str, str] = TTLCache(len(DatasetName), failure_seconds)
        self._loading: dict[str, asyncio.Lock] = {name: asyncio.Lock() for name in DatasetName}

    async def get(self, name: str) -> Dataset:
        """Return a data set. Concurrent calls share one load.

        Raises:
            DatasetUnavailableError: This host cannot load the data set, or a recent attempt failed.
        """
        async with self._loading[name]:
            if name not in self._loaded:
                if reason := self._failures.get(name):
                    raise DatasetUnavailableError(reason)
                try:
                    self._loaded[name] = await asyncio.to_thread(self._load, DatasetName(name), self._data_dir)
                except (DatasetUnavailableError, OSError) as error:
                    logger.warning("Cannot load the data set %s: %s", name, error)
                    self._failures[name] = str(error)
                    raise DatasetUnavailableError(str(error)) from error
            return self._loaded[name]
