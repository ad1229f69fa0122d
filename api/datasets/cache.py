"""Cache of the data sets that plots and noise previews show. A data set is loaded on first use."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from weakref import WeakValueDictionary

from cachetools import LRUCache, TTLCache

from noisesweep.models import DatasetFacts
from shared.datasets import CATALOGUE, Dataset, DatasetName, load
from shared.errors import DatasetUnavailableError

# MNIST takes 55 MB.
MAX_DATASETS = 2
# Pause after a failed load. Without it, each request on a host without internet access would start a download and wait
# seconds until it fails.
FAILURE_SECONDS = 60.0
MAX_FAILURES = 100

logger = logging.getLogger(__name__)


class DatasetCache:
    """LRU cache of data sets. Failed loads are cached for a limited time.

    Args:
        data_dir: The folder named by NOISESWEEP_DATA_DIR, or None.
        load_added: Function that loads a data set that a client has added.
        failure_seconds: Time after which a failed load is tried again.
        load: Function that loads a built-in data set by name. It is called in a thread.
    """

    def __init__(
        self,
        data_dir: Path | None,
        load_added: Callable[[DatasetFacts], Awaitable[Dataset]],
        failure_seconds: float = FAILURE_SECONDS,
        load: Callable[[DatasetName, Path | None], Dataset] = load,
    ) -> None:
        self._load, self._load_added = load, load_added
        self._data_dir = data_dir
        self._loaded: LRUCache[str, Dataset] = LRUCache(MAX_DATASETS)
        self._failures: TTLCache[str, str] = TTLCache(MAX_FAILURES, failure_seconds)
        self._loading: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def get(self, facts: DatasetFacts) -> Dataset:
        """Return a data set. Concurrent calls share one load.

        Raises:
            DatasetUnavailableError: This host cannot load the data set, or a recent attempt failed.
        """
        sha256 = facts.sha256
        lock = self._loading.setdefault(sha256, asyncio.Lock())
        async with lock:
            if sha256 not in self._loaded:
                if reason := self._failures.get(sha256):
                    raise DatasetUnavailableError(reason)
                try:
                    self._loaded[sha256] = await self._read(facts)
                except (DatasetUnavailableError, OSError) as error:
                    logger.warning("Cannot load the data set %s: %s", facts.name, error)
                    self._failures[sha256] = str(error)
                    raise DatasetUnavailableError(str(error)) from error
            return self._loaded[sha256]

    async def _read(self, facts: DatasetFacts) -> Dataset:
        if facts.name in CATALOGUE:
            return await asyncio.to_thread(self._load, DatasetName(facts.name), self._data_dir)
        return await self._load_added(facts)
