"""Cache of the data sets that plots and noise previews show. A data set is loaded on first use."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from cachetools import LRUCache, TTLCache

from noisesweep.models import DatasetFacts
from shared.datasets import CATALOGUE, Dataset, DatasetName, load
from shared.errors import DatasetUnavailableError

# MNIST takes 55 MB, a data set that clients have added up to 400 MB.
MAX_CACHED_BYTES = 150_000_000
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
        max_bytes: Size of the images that are kept. A larger data set is not kept.
        load: Function that loads a built-in data set by name. It is called in a thread.
    """

    def __init__(
        self,
        data_dir: Path | None,
        load_added: Callable[[DatasetFacts], Awaitable[Dataset]],
        failure_seconds: float = FAILURE_SECONDS,
        load: Callable[[DatasetName, Path | None], Dataset] = load,
        max_bytes: int = MAX_CACHED_BYTES,
    ) -> None:
        self._load, self._load_added = load, load_added
        self._data_dir = data_dir
        self._loaded: LRUCache[object, Dataset] = LRUCache(max_bytes, getsizeof=_size)
        self._failures: TTLCache[object, str] = TTLCache(MAX_FAILURES, failure_seconds)
        self._loading = asyncio.Lock()  # one at a time, because each takes memory

    async def get(self, facts: DatasetFacts) -> Dataset:
        """Return a data set. Concurrent calls share one load.

        Raises:
            DatasetUnavailableError: This host cannot load the data set, or a recent attempt failed.
        """
        if found := self._loaded.get(facts.content):
            return found
        async with self._loading:
            found = self._loaded.get(facts.content)
            if found is None:
                if reason := self._failures.get(facts.content):
                    raise DatasetUnavailableError(reason)
                try:
                    found = await self._read(facts)
                except (DatasetUnavailableError, OSError) as error:
                    logger.warning("Cannot load the data set %s: %s", facts.name, error)
                    self._failures[facts.content] = str(error)
                    raise DatasetUnavailableError(str(error)) from error
                with suppress(ValueError):  # it is larger than the cache
                    self._loaded[facts.content] = found
            return found

    async def _read(self, facts: DatasetFacts) -> Dataset:
        if facts.name in CATALOGUE:
            return await asyncio.to_thread(self._load, DatasetName(facts.name), self._data_dir)
        return await self._load_added(facts)


def _size(dataset: Dataset) -> int:
    return dataset.training_images.nbytes + dataset.validation_images.nbytes
